#ifndef BATON_TESTS_BENCH_FLEET_H_
#define BATON_TESTS_BENCH_FLEET_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/test_bed.h"
#include "tests/bench/worker.h"

namespace baton::bench {

// Many workers, as many and in as many processes as the command line says.

// Starts them, each like `worker`, and waits until all are connected.
absl::Status StartFleet(TestBed* bed, const BenchWorkerOptions& worker);
// Until all tasks have run and are acknowledged.
absl::Status AwaitFleetDone(TestBed* bed);
// Workers that are connected, as the broker says.
absl::StatusOr<int> CountWorkers(TestBed* bed);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_FLEET_H_
