#include "tests/bench/samples.h"

#include <algorithm>
#include <cmath>

namespace baton::bench {

std::optional<Quantiles> QuantilesOf(std::vector<int64_t> nanoseconds) {
  if (nanoseconds.empty()) return std::nullopt;
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const auto at = [&](double quantile) {
    const auto rank = static_cast<size_t>(std::ceil(quantile * static_cast<double>(nanoseconds.size())));
    return static_cast<double>(nanoseconds[rank == 0 ? 0 : rank - 1]) / 1e6;
  };
  return Quantiles{.p50 = at(0.5), .p90 = at(0.9), .p99 = at(0.99), .p999 = at(0.999), .max = at(1)};
}

}  // namespace baton::bench
