#ifndef BATON_TESTS_BENCH_OPTIONS_H_
#define BATON_TESTS_BENCH_OPTIONS_H_

#include <cstdint>
#include <string>

namespace baton::bench {

enum class Verify {
  // Asks the broker for every single task.
  kFull,
  // Compares numbers of tasks with the broker, and ids between producer and worker.
  kCounts,
};

// What the command line sets.
struct BenchOptions {
  std::string mode;
  uint64_t tasks = 0;
  bool json = false;
  // Where the temporary directory is made; its disk is what is measured.
  std::string directory = "/tmp";
  bool keep = false;
  std::string batond;
  std::string config;
  Verify verify = Verify::kFull;

  uint64_t payload_bytes = 200;
  int batch = 100;
  int calls = 8;
  uint64_t ahead = 20'000;
  int threads = 2;
  int slots = 2000;
  uint64_t warm_up = 20'000;
  int64_t interval_us = 5000;
  // Of each measurement of `limits`.
  int seconds = 3;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_OPTIONS_H_
