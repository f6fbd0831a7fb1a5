#ifndef BATON_TESTS_BENCH_PRODUCER_H_
#define BATON_TESTS_BENCH_PRODUCER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace baton::bench {

// Task types of the benchmark. Every payload begins with the number of its task, see payload.h.
inline constexpr char kMeasuredType[] = "bench.task";
inline constexpr char kWarmUpType[] = "bench.warm-up";
// Its handler runs until it is cancelled.
inline constexpr char kHeldType[] = "bench.held";
// No worker has a handler for it until it is drained.
inline constexpr char kBacklogType[] = "bench.backlog";

struct ProducerOptions {
  std::string broker;
  int board_descriptor = -1;
  std::string type = kMeasuredType;
  // Tasks [first, first + count) of the board.
  uint64_t first = 0;
  uint64_t count = 0;
  uint64_t payload_bytes = 200;
  // Tasks in one Submit call, and calls under way at the same time.
  int batch = 100;
  int calls = 8;
  // How many tasks may be ahead of the workers; 0: any number.
  uint64_t ahead = 0;
  // Submitted first, unmeasured.
  uint64_t warm_up = 0;
  // Not 0: one task every so many microseconds instead, whether or not the earlier ones were answered.
  int64_t interval_us = 0;
  // With an interval: a longer one, `pause_us`, before task `first_pause` and every `pause_every` tasks from there on.
  // 0: no pauses.
  uint64_t pause_every = 0;
  uint64_t first_pause = 0;
  int64_t pause_us = 3'000'000;
};

// Whether the task (counted from 0) comes after a pause.
bool IsAfterPause(const ProducerOptions& options, uint64_t index);

// The producer process: warms up, waits for the gate, submits, tells the board of every answer. Stays until the gate is
// at kStop, so that its counters can be read. Errors: of any Submit.
absl::Status RunProducer(const ProducerOptions& options);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_PRODUCER_H_
