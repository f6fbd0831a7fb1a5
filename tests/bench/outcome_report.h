#ifndef BATON_TESTS_BENCH_OUTCOME_REPORT_H_
#define BATON_TESTS_BENCH_OUTCOME_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/bench/board.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"
#include "tests/bench/test_bed.h"
#include "tests/bench/verify.h"

namespace baton::bench {

// Mode, number of tasks, machine.
Report BeginReport(const BenchOptions& options);

// A stretch of time, CLOCK_MONOTONIC, nanoseconds.
struct Interval {
  int64_t begin = 0;
  int64_t end = 0;

  double seconds() const { return static_cast<double>(end - begin) / 1e9; }
};

double TasksPerSecond(uint64_t tasks, Interval interval);
// `seconds` and `tasks_per_second`.
void AddRate(Report* report, uint64_t tasks, Interval interval);

// From submit call, or from when it was due, to handler start, of the tasks that ran; nanoseconds.
std::vector<int64_t> LatenciesOf(const Board& board, const Portion& portion);
void AddLatency(Report* report, const std::string& name, const Board& board, const Portion& portion);

// All checks the options ask for.
absl::Status VerifyAll(TestBed* bed, const Portions& portions);
// `verified`, and `problem` if there is one.
void AddVerdict(Report* report, const absl::Status& verdict);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_OUTCOME_REPORT_H_
