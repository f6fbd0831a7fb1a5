#include "tests/bench/report.h"

#include <cmath>
#include <cstdlib>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace baton::bench {
namespace {

std::string Shown(const Report& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return absl::StrFormat("%.3f", value.get<double>());
  return value.dump();
}

void AddLines(const Report& object, const std::string& prefix, std::string* table) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) {
      AddLines(value, absl::StrCat(prefix, name, "."), table);
    } else {
      absl::StrAppendFormat(table, "%-40s %s\n", absl::StrCat(prefix, name), Shown(value));
    }
  }
}

}  // namespace

Report MachineReport() {
  double load[3] = {0, 0, 0};
  getloadavg(load, 3);
  return {{"processors", std::thread::hardware_concurrency()},
          {"load_average_before", {Rounded(load[0]), Rounded(load[1]), Rounded(load[2])}}};
}

Report QuantilesReport(const std::optional<Quantiles>& quantiles) {
  if (!quantiles) return nullptr;
  return {{"p50", Rounded(quantiles->p50)},
          {"p90", Rounded(quantiles->p90)},
          {"p99", Rounded(quantiles->p99)},
          {"p999", Rounded(quantiles->p999)},
          {"max", Rounded(quantiles->max)}};
}

double Rounded(double value) { return std::round(value * 1000) / 1000; }

std::string ToTable(const Report& report) {
  std::string table;
  AddLines(report, "", &table);
  return table;
}

}  // namespace baton::bench
