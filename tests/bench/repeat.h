#ifndef BATON_TESTS_BENCH_REPEAT_H_
#define BATON_TESTS_BENCH_REPEAT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/modes.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"

namespace baton::bench {

// One report of several runs of a mode: each figure as its median, smallest and largest value; what was the same in all
// runs and is no measurement (a name, a number of tasks) as it is. `verified` only if all are; `problem` of the first
// run that had one. At least one report.
Report Summarize(const std::vector<Report>& runs);

// Adds to every rate of tasks its shares of what raw gRPC and the raw store did (the report of RunLimits): to
// `X_tasks_per_second`, `X_share_of_raw_grpc` and so on; and `limits` itself.
void AddLimitShares(Report* report, const Report& limits);

// Runs the mode as often as told, and the limits before each run if told. Errors: of any run.
absl::StatusOr<Report> RunRepeatedly(const Mode& mode, const BenchOptions& options);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_REPEAT_H_
