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

// From submit call to handler start, of the tasks in the range that ran; nanoseconds.
std::vector<int64_t> LatenciesOf(const Board& board, Range range);
void AddLatency(Report* report, const std::string& name, const Board& board, Range range);

// All checks the options ask for.
absl::Status VerifyAll(TestBed* bed, Range range, const std::string& type, Expected expected);
// `verified`, and `problem` if there is one.
void AddVerdict(Report* report, const absl::Status& verdict);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_OUTCOME_REPORT_H_
