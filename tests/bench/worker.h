#ifndef BATON_TESTS_BENCH_WORKER_H_
#define BATON_TESTS_BENCH_WORKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "tests/bench/workload.h"

namespace baton::bench {

struct BenchWorkerOptions {
  std::string broker;
  int board_descriptor = -1;
  // Its place on the board: 0 ... kMaxWorkers - 1.
  int index = 0;
  // Workers, each with a connection of its own, in this process.
  int fleet = 1;
  // Not 0: each serves only its share of the types (workload.h), and is one of so many, the first of this process that
  // of this number.
  int sharers = 0;
  int first_sharer = 0;
  // Of each: threads that run handlers, and tasks that wait inside the worker for one of them.
  int threads = 2;
  int prefetch = 1998;
  // What it takes, besides warm-up tasks.
  std::vector<Kind> kinds = {Kind::kMeasured};
  // It is done when so many tasks of this phase ran, spawned ones included, all workers together. 0: when the gate is
  // at kStop.
  uint64_t count = 0;
  // It is ready when so many warm-up tasks ran; for one worker only.
  uint64_t warm_up = 0;
  // The kinds are registered when the gate is at kDrain, not before.
  bool late = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BenchWorkerOptions, broker, board_descriptor, index, fleet, sharers, first_sharer,
                                   threads, prefetch, kinds, count, warm_up, late)

// By which the broker knows the worker of this number in the process at this place.
std::string WorkerIdOf(int index, int number);

// The worker process: runs until all is done and acknowledged, then stays until the gate is at kStop, so that its
// counters can be read. Errors: those of Worker::Run.
absl::Status RunBenchWorker(const BenchWorkerOptions& options);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_WORKER_H_
