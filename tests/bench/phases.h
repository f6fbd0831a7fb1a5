#ifndef BATON_TESTS_BENCH_PHASES_H_
#define BATON_TESTS_BENCH_PHASES_H_

#include "absl/status/statusor.h"
#include "tests/bench/outcome_report.h"
#include "tests/bench/test_bed.h"

namespace baton::bench {

// What a phase took and cost.
struct Measured {
  Interval interval;
  Meter meter;
};

// Each begins when everybody is ready, and leaves the children for bed->EndPhase(), as they stand in the report of the
// meter.

// The producer submits while the worker runs: from the first Submit call to the answer to the last completion.
absl::StatusOr<Measured> RunThrough(TestBed* bed, const ProducerOptions& producer, const BenchWorkerOptions& worker);
// Only submits: to the answer to the last Submit.
absl::StatusOr<Measured> SubmitOnly(TestBed* bed, const ProducerOptions& producer);
// The worker runs what was submitted before: from the registration of its handlers to the answer to the last
// completion. `worker` must be late.
absl::StatusOr<Measured> DrainOnly(TestBed* bed, const ProducerOptions& producer, const BenchWorkerOptions& worker);

// A whole phase of measured tasks as fast as they go, with the settings of the command line; its figures as `report`.
absl::StatusOr<Interval> RunLifecyclePhase(TestBed* bed, const Portion& portion, Report* report);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_PHASES_H_
