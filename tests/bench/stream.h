#ifndef BATON_TESTS_BENCH_STREAM_H_
#define BATON_TESTS_BENCH_STREAM_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tests/bench/test_bed.h"

namespace baton::bench {

// Unrelated tasks by the clock beside what is measured, with a producer and a worker of their own, each number 1.
class Stream {
 public:
  // Uses entries of the board from `first` on.
  Stream(TestBed* bed, uint64_t first)
      : bed_(bed), portion_{.first = first, .count = Capacity(bed->options()), .kind = Kind::kStream} {}

  // How many tasks it has: it runs dry when the phase takes too long.
  static uint64_t Capacity(const BenchOptions& options);

  // It begins with whatever else is measured.
  absl::Status Start();
  // Waits until all that was submitted has run.
  absl::Status Stop();

  // What was submitted, after Stop.
  const Portion& portion() const { return portion_; }

 private:
  TestBed* const bed_;
  Portion portion_;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_STREAM_H_
