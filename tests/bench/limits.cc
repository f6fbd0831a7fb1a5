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

}  // namespace

absl::StatusOr<Report> RunLimits(const BenchOptions& options) {
  Report report = {{"mode", options.mode}, {"machine", MachineReport()}};
  ASSIGN_OR_RETURN(const RunDirectory directory, RunDirectory::Create(options));
  Progress progress;
  progress.Show("limits: lone fdatasync of 4 KiB appends");
  ASSIGN_OR_RETURN(std::vector<int64_t> syncs, MeasureLoneSync(directory.path(), kSyncs, /*interval_us=*/0));
  report["lone_sync_ms"] = QuantilesReport(QuantilesOf(std::move(syncs)));
  progress.Show("limits: raw gRPC");
  ASSIGN_OR_RETURN(report["raw_grpc"], MeasureRawGrpc(options));
  progress.Show("limits: raw RocksDB");
  ASSIGN_OR_RETURN(report["raw_rocksdb"], MeasureRawRocksDb(directory.path(), options));
  return report;
}

}  // namespace baton::bench
