#include "tests/bench/repeat.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr char kRate[] = "tasks_per_second";
// Parts of the report of the limits that have one.
constexpr const char* kLimits[] = {"raw_grpc", "raw_rocksdb", "raw_rocksdb_joined"};

// What the runs have under this name; those that have nothing are left out.
std::vector<Report> Collect(const std::vector<Report>& runs, const std::string& name) {
  std::vector<Report> values;
  for (const Report& run : runs) {
    if (run.contains(name) && !run[name].is_null()) values.push_back(run[name]);
  }
  return values;
}

bool AllEqual(const std::vector<Report>& values) {
  return std::all_of(values.begin(), values.end(), [&](const Report& value) { return value == values[0]; });
}

Report Spread(const std::vector<Report>& values) {
  std::vector<double> numbers;
  numbers.reserve(values.size());
  for (const Report& value : values) numbers.push_back(value.get<double>());
  std::sort(numbers.begin(), numbers.end());
  const size_t middle = numbers.size() / 2;
  const double median =
      numbers.size() % 2 == 1 ? numbers[middle] : Rounded((numbers[middle - 1] + numbers[middle]) / 2);
  return {{"median", median}, {"min", numbers.front()}, {"max", numbers.back()}};
}

Report SummarizeValues(const std::vector<Report>& values) {
  if (values.empty()) return nullptr;
  if (values[0].is_object()) return Summarize(values);
  if (values[0].is_boolean()) {
    return std::all_of(values.begin(), values.end(), [](const Report& value) { return value.get<bool>(); });
  }
  // Figures are fractions, even if they happen to be equal.
  if (values[0].is_number_float() || (values[0].is_number() && !AllEqual(values))) return Spread(values);
  return values[0];
}

void AddShares(Report* report, const Report& limits) {
  Report with_shares;
  for (auto& [name, value] : report->items()) {
    if (value.is_object()) AddShares(&value, limits);
    with_shares[name] = value;
    if (!absl::EndsWith(name, kRate) || !value.is_number()) continue;
    const std::string prefix = name.substr(0, name.size() - std::string(kRate).size());
    for (const char* limit : kLimits) {
      const double share = value.get<double>() / limits[limit][kRate].get<double>();
      with_shares[absl::StrCat(prefix, "share_of_", limit)] = Rounded(share);
    }
  }
  *report = std::move(with_shares);
}

}  // namespace

Report Summarize(const std::vector<Report>& runs) {
  Report summary;
  for (const Report& run : runs) {
    for (const auto& [name, value] : run.items()) {
      if (!summary.contains(name)) summary[name] = SummarizeValues(Collect(runs, name));
    }
  }
  return summary;
}

void AddLimitShares(Report* report, const Report& limits) {
  AddShares(report, limits);
  (*report)["limits"] = limits;
}

absl::StatusOr<Report> RunRepeatedly(const Mode& mode, const BenchOptions& options) {
  std::vector<Report> runs;
  for (int i = 0; i < options.runs; ++i) {
    Report limits;
    if (options.limits) {
      ASSIGN_OR_RETURN(limits, RunLimits(options));
    }
    ASSIGN_OR_RETURN(runs.emplace_back(), mode.run(options));
    if (options.limits) AddLimitShares(&runs.back(), limits);
  }
  if (options.runs == 1) return runs[0];
  Report summary = Summarize(runs);
  summary["runs"] = options.runs;
  return summary;
}

}  // namespace baton::bench
