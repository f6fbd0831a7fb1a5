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
// The broker takes what is under way into one sync: smaller batches of the raw store would compare with nothing.
constexpr int kSmallestBatch = 100;

int RocksDbBatch(const BenchOptions& options) {
  return std::max(options.batch, std::min(options.batch * options.calls, kSmallestBatch));
}

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
  ASSIGN_OR_RETURN(report["raw_rocksdb"], MeasureRawRocksDb(directory.path(), RocksDbBatch(options), seconds));
  return report;
}

}  // namespace baton::bench
