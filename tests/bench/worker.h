#ifndef BATON_TESTS_BENCH_WORKER_H_
#define BATON_TESTS_BENCH_WORKER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace baton::bench {

struct BenchWorkerOptions {
  std::string broker;
  int board_descriptor = -1;
  // Its place on the board: 0 ... kMaxWorkers - 1.
  int index = 0;
  // Threads that run handlers, and tasks that wait inside the worker for one of them.
  int threads = 2;
  int prefetch = 1998;
  // It is done when so many tasks of the measured and the backlog type ran, all workers together.
  uint64_t count = 0;
  // It is ready when so many warm-up tasks ran.
  uint64_t warm_up = 0;
  // The types that are counted are registered when the gate is at kDrain, not before.
  bool late = false;
  // Takes only the held type, whose handler tells the board who has it.
  bool hold = false;
};

// The worker process: runs until all is done and acknowledged, then stays until the gate is at kStop, so that its
// counters can be read. Errors: those of Worker::Run.
absl::Status RunBenchWorker(const BenchWorkerOptions& options);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_WORKER_H_
