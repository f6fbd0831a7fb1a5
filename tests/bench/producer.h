#ifndef BATON_TESTS_BENCH_PRODUCER_H_
#define BATON_TESTS_BENCH_PRODUCER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "tests/bench/workload.h"

namespace baton::bench {

struct ProducerOptions {
  std::string broker;
  int board_descriptor = -1;
  // Its place on the board: 0 ... kMaxProducers - 1.
  int index = 0;
  Kind kind = Kind::kMeasured;
  // Tasks [first, first + count) of the board.
  uint64_t first = 0;
  uint64_t count = 0;
  uint64_t payload_bytes = 200;
  // Tasks in one Submit call, and calls under way at the same time.
  int batch = 100;
  int calls = 8;
  // SDK clients that share the calls; a client joins what is submitted while a call of it is under way. 0: one for
  // each.
  int clients = 0;
  // How many tasks may be ahead of the workers; 0: any number.
  uint64_t ahead = 0;
  // Submitted first, unmeasured.
  uint64_t warm_up = 0;
  // Not 0: so many tasks a second, each due by the clock, whether or not the earlier ones were answered.
  double rate = 0;
  // With a rate: a pause before task `first_pause` and every `pause_every` tasks from there on. 0: no pauses.
  uint64_t pause_every = 0;
  uint64_t first_pause = 0;
  int64_t pause_us = 3'000'000;
  // Parents: the first child of the first one, and children of each.
  uint64_t spawn_first = 0;
  uint64_t spawn_count = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ProducerOptions, broker, board_descriptor, index, kind, first, count, payload_bytes,
                                   batch, calls, clients, ahead, warm_up, rate, pause_every, first_pause, pause_us,
                                   spawn_first, spawn_count)

// Whether the task (counted from 0) comes after a pause.
bool IsAfterPause(const ProducerOptions& options, uint64_t index);
// With a rate: when the task (counted from 0) is due, in nanoseconds after the first one could be.
int64_t DueAfter(const ProducerOptions& options, uint64_t index);

// The producer process: warms up, waits for the gate, submits, tells the board of every answer. Stays until the gate is
// at kStop, so that its counters can be read. Errors: of any Submit.
absl::Status RunProducer(const ProducerOptions& options);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_PRODUCER_H_
