#include <algorithm>

#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/modes.h"
#include "tests/bench/outcome_report.h"
#include "tests/bench/samples.h"
#include "tests/bench/test_bed.h"

namespace baton::bench {
namespace {

constexpr int kSyncs = 2000;
constexpr int kDefaultSeconds = 3;
// What the broker takes into one round, and so into one sync, at most.
constexpr int kLargestBatch = 2048;

}  // namespace

int LimitSeconds(const BenchOptions& options) { return options.seconds > 0 ? options.seconds : kDefaultSeconds; }

absl::StatusOr<Report> RunLimits(const BenchOptions& options) {
  const int seconds = LimitSeconds(options);
  Report report = {{"mode", "limits"}, {"machine", MachineReport()}};
  ASSIGN_OR_RETURN(const RunDirectory directory, RunDirectory::Create(options));
  Progress progress;
  progress.Show("limits: lone fdatasync of 4 KiB appends");
  ASSIGN_OR_RETURN(std::vector<int64_t> syncs, MeasureLoneSync(directory.path(), kSyncs, /*interval_us=*/0));
  report["lone_sync_ms"] = QuantilesReport(QuantilesOf(std::move(syncs)));
  progress.Show("limits: raw gRPC");
  ASSIGN_OR_RETURN(report["raw_grpc"], MeasureRawGrpc(options.batch, options.calls, seconds));
  progress.Show("limits: raw RocksDB");
  const std::string store = directory.path() + "/raw-rocksdb";
  ASSIGN_OR_RETURN(report["raw_rocksdb"], MeasureRawRocksDb(store, options.batch, seconds));
  const int joined = std::min(options.batch * options.calls, kLargestBatch);
  ASSIGN_OR_RETURN(report["raw_rocksdb_joined"], MeasureRawRocksDb(store + "-joined", joined, seconds));
  return report;
}

}  // namespace baton::bench
