#include "broker/server/metrics/families.h"

#include <cstddef>
#include <limits>
#include <utility>

namespace baton::server {
namespace {

prometheus::MetricFamily EmptyFamily(prometheus::MetricType type, std::string name, std::string help) {
  prometheus::MetricFamily family;
  family.type = type;
  family.name = std::move(name);
  family.help = std::move(help);
  return family;
}

}  // namespace

prometheus::MetricFamily GaugeFamily(std::string name, std::string help) {
  return EmptyFamily(prometheus::MetricType::Gauge, std::move(name), std::move(help));
}

prometheus::MetricFamily CounterFamily(std::string name, std::string help) {
  return EmptyFamily(prometheus::MetricType::Counter, std::move(name), std::move(help));
}

prometheus::MetricFamily HistogramFamily(std::string name, std::string help) {
  return EmptyFamily(prometheus::MetricType::Histogram, std::move(name), std::move(help));
}

void AddSample(prometheus::MetricFamily* family, double value, Labels labels) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  (family->type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family->metric.push_back(std::move(metric));
}

prometheus::MetricFamily OneGauge(std::string name, std::string help, double value) {
  prometheus::MetricFamily family = GaugeFamily(std::move(name), std::move(help));
  AddSample(&family, value);
  return family;
}

void AddHistogram(prometheus::MetricFamily* family, const std::vector<double>& ends,
                  const std::vector<uint64_t>& counts, double sum, Labels labels) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t so_far = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    so_far += counts[i];
    metric.histogram.bucket.push_back({so_far, i < ends.size() ? ends[i] : std::numeric_limits<double>::infinity()});
  }
  metric.histogram.sample_count = so_far;
  metric.histogram.sample_sum = sum;
  family->metric.push_back(std::move(metric));
}

prometheus::MetricFamily OneHistogram(std::string name, std::string help, const Histogram::Reading& reading,
                                      double unit) {
  prometheus::MetricFamily family = HistogramFamily(std::move(name), std::move(help));
  std::vector<double> ends;
  for (const uint64_t end : reading.ends) ends.push_back(static_cast<double>(end) * unit);
  AddHistogram(&family, ends, reading.counts, static_cast<double>(reading.sum) * unit);
  return family;
}

}  // namespace baton::server
