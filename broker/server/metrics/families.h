// Metric families as Prometheus has them, made in a line each.
#ifndef BATON_BROKER_SERVER_METRICS_FAMILIES_H_
#define BATON_BROKER_SERVER_METRICS_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <vector>

#include "broker/base/meter.h"

namespace baton::server {

using Families = std::vector<prometheus::MetricFamily>;
using Labels = std::vector<prometheus::ClientMetric::Label>;

// An empty family. Names end with their unit, and those of counters with _total.
prometheus::MetricFamily GaugeFamily(std::string name, std::string help);
prometheus::MetricFamily CounterFamily(std::string name, std::string help);
prometheus::MetricFamily HistogramFamily(std::string name, std::string help);

// Of a gauge or a counter.
void AddSample(prometheus::MetricFamily* family, double value, Labels labels = {});
// The whole family, where it has one sample only.
prometheus::MetricFamily OneGauge(std::string name, std::string help, double value);

// The largest value of each bucket, and how many it holds; `counts` has one more, of larger values.
void AddHistogram(prometheus::MetricFamily* family, const std::vector<double>& ends,
                  const std::vector<uint64_t>& counts, double sum, Labels labels = {});
// Its values count as `unit` each: 1e-6 makes seconds of microseconds.
prometheus::MetricFamily OneHistogram(std::string name, std::string help, const Histogram::Reading& reading,
                                      double unit);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METRICS_FAMILIES_H_
