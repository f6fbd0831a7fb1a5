#ifndef BATON_TESTS_BENCH_MODES_H_
#define BATON_TESTS_BENCH_MODES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"

namespace baton::bench {

// Each runs one mode and answers what it measured; `verified` says whether every task had the fate it should have, and
// `problem` why not. Errors: it could not be measured.

// Tasks are submitted, run and completed all at once.
absl::StatusOr<Report> RunLifecycle(const BenchOptions& options);
// Tasks are only submitted.
absl::StatusOr<Report> RunSubmit(const BenchOptions& options);
// Tasks are there already and are run and completed.
absl::StatusOr<Report> RunBacklogDrain(const BenchOptions& options);
// One task now and then, from the submit call to the start of its handler.
absl::StatusOr<Report> RunLatency(const BenchOptions& options);
// Tasks by the clock, as many a second as told, or half as many as the broker can take.
absl::StatusOr<Report> RunOpenLoop(const BenchOptions& options);
// All tasks are children of one.
absl::StatusOr<Report> RunFanout(const BenchOptions& options);
// A parent is cancelled with all its children.
absl::StatusOr<Report> RunCancel(const BenchOptions& options);
// Others run beside tasks that wait.
absl::StatusOr<Report> RunBacklog(const BenchOptions& options);
// Pages of lists, and why tasks wait.
absl::StatusOr<Report> RunList(const BenchOptions& options);
// Tasks end and stay, and then expire.
absl::StatusOr<Report> RunChurn(const BenchOptions& options);
// Workers are connected and nothing happens.
absl::StatusOr<Report> RunIdle(const BenchOptions& options);
// Many workers that all serve other types, beside as many that are alike.
absl::StatusOr<Report> RunRouting(const BenchOptions& options);
// Retries, reports, marks and children together.
absl::StatusOr<Report> RunMixed(const BenchOptions& options);
// The same by the clock for a long time, with retention.
absl::StatusOr<Report> RunSoak(const BenchOptions& options);
// Schedules that are all due at once, and a broker that dies meanwhile.
absl::StatusOr<Report> RunSchedules(const BenchOptions& options);
// Crashes of the broker and of workers.
absl::StatusOr<Report> RunRecovery(const BenchOptions& options);
// What the machine itself can do: disk, gRPC, RocksDB.
absl::StatusOr<Report> RunLimits(const BenchOptions& options);

struct Mode {
  const char* name;
  const char* help;
  // Tasks unless told otherwise; 0: it has none.
  uint64_t tasks;
  absl::StatusOr<Report> (*run)(const BenchOptions&);
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_MODES_H_
