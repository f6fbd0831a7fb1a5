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
  // Where the temporary directory is made; its disk is what is measured.
  std::string directory = "/tmp";
  std::string batond;
  std::string config;

  uint64_t tasks = 0;
  uint64_t payload_bytes = 200;
  uint64_t ahead = 20'000;
  uint64_t warm_up = 20'000;
  // `backlog`, `open-loop`: tasks of each measurement of the lifecycle rate.
  uint64_t lifecycle_tasks = 500'000;
  // Tasks a second by the clock; 0: what the mode says.
  double rate = 0;
  // `fanout`: unrelated tasks a second meanwhile.
  double stream_rate = 200;

  // How often the mode is repeated, each time on a fresh directory.
  int runs = 1;
  int batch = 100;
  int calls = 8;
  // SDK clients among which the calls are divided; a client joins what is submitted while a call of it is under way. 0:
  // one for each call.
  int clients = 0;
  int threads = 2;
  int slots = 2000;
  // `list`: pages of each kind.
  int pages = 100;
  // `idle`, `routing`: workers, and processes among which they are divided.
  int workers = 1000;
  int processes = 4;
  // Of each measurement of `limits`, and of `idle`; 0: what the mode says.
  int seconds = 0;

  Verify verify = Verify::kFull;
  bool json = false;
  // Whether what the machine itself can do is measured before each run, to compare with.
  bool limits = false;
  bool keep = false;
  // `backlog`: restart with what the kernel holds of the files, and not from the disk.
  bool keep_page_cache = false;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_OPTIONS_H_
