#ifndef BATON_TESTS_BENCH_MACHINE_LIMITS_H_
#define BATON_TESTS_BENCH_MACHINE_LIMITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/options.h"
#include "tests/bench/report.h"

namespace baton::bench {

// Length of each measurement.
int LimitSeconds(const BenchOptions& options);

// How long each of `count` appends of 4 KiB to a file takes to reach the disk (write and fdatasync), with an idle time
// of `interval_us` before each; nanoseconds. Errors: of the file system.
absl::StatusOr<std::vector<int64_t>> MeasureLoneSync(const std::string& directory, int count, int64_t interval_us);

// Synced RocksDB batches, one after another, with the options of the broker: `batch` tasks in each, with a record of
// 260 bytes and one of 80, in two column families. Makes the directory.
absl::StatusOr<Report> MeasureRawRocksDb(const std::string& directory, int batch, int seconds);

// Unary calls with `batch` tasks of about 260 bytes each, over one loopback connection between two processes, `calls`
// of them under way; the server reads them and answers with as many results.
absl::StatusOr<Report> MeasureRawGrpc(int batch, int calls, int seconds);
// The same client against a broker, whose answers are looked at: what it takes when no SDK is in the way. Leaves tasks
// of a type of its own behind.
absl::StatusOr<Report> MeasureRawClient(const std::string& address, int batch, int calls, int seconds);
// The server process of it: prints its port, serves until it is killed.
absl::Status RunRawGrpcServer();

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_MACHINE_LIMITS_H_
