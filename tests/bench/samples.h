#ifndef BATON_TESTS_BENCH_SAMPLES_H_
#define BATON_TESTS_BENCH_SAMPLES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace baton::bench {

// Exact quantiles by nearest rank, in milliseconds.
struct Quantiles {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;
};

// Of durations in nanoseconds, in any order; nothing if there are none.
std::optional<Quantiles> QuantilesOf(std::vector<int64_t> nanoseconds);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_SAMPLES_H_
