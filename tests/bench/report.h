#ifndef BATON_TESTS_BENCH_REPORT_H_
#define BATON_TESTS_BENCH_REPORT_H_

#include <string>

#include "nlohmann/json.hpp"
#include "tests/bench/samples.h"

namespace baton::bench {

// The result of a run, in the order in which it is shown. Units are part of the names.
using Report = nlohmann::ordered_json;

// Processors, and load averages now.
Report MachineReport();

Report QuantilesReport(const std::optional<Quantiles>& quantiles);

// Three digits behind the point.
double Rounded(double value);

// One line for each value, names of inner values with a dot.
std::string ToTable(const Report& report);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_REPORT_H_
