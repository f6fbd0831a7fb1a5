#include <algorithm>
#include <vector>

#include "broker/base/status_macros.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/modes.h"
#include "tests/bench/outcome_report.h"
#include "tests/bench/samples.h"
#include "tests/bench/test_bed.h"

namespace baton::bench {
namespace {

// After the steady part: pauses of 3 s with so many tasks behind each.
constexpr uint64_t kPauses = 4;
constexpr uint64_t kTasksAfterPause = 50;
constexpr int64_t kPauseMicros = 3'000'000;
// Before, and again after, at the same interval as the tasks, because a disk and a processor that idle in between
// answer differently; the broker is idle then.
constexpr int kSyncs = 500;
constexpr uint64_t kWarmUp = 2000;

absl::Status AddSyncs(const TestBed& bed, std::vector<int64_t>* syncs) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> more,
                   MeasureLoneSync(bed.directory(), kSyncs, bed.options().interval_us));
  syncs->insert(syncs->end(), more.begin(), more.end());
  return absl::OkStatus();
}

// What comes on top of the disk, without which there is no promise to keep.
void AddComparison(Report* report, const Quantiles& latency, const Quantiles& sync) {
  (*report)["lone_sync_ms"] = QuantilesReport(sync);
  (*report)["above_lone_sync_ms"] = {{"p50", Rounded(latency.p50 - sync.p50)},
                                     {"p99", Rounded(latency.p99 - sync.p99)}};
}

// The very first tasks after each pause show a stall best.
Report AfterPauses(const Board& board, const ProducerOptions& producer) {
  int64_t slowest = 0;
  for (uint64_t i = 0; i < producer.count; ++i) {
    const Entry& entry = board.entry(i);
    if (IsAfterPause(producer, i)) slowest = std::max(slowest, entry.start_at.load() - entry.submit_at.load());
  }
  const Range range{producer.first_pause, producer.count - producer.first_pause};
  Report report = QuantilesReport(QuantilesOf(LatenciesOf(board, range)));
  report["slowest_first"] = Rounded(static_cast<double>(slowest) / 1e6);
  return report;
}

}  // namespace

absl::StatusOr<Report> RunLatency(const BenchOptions& options) {
  if (options.tasks == 0) return absl::InvalidArgumentError("--tasks 0: at least 1 is needed");
  Report report = BeginReport(options);
  const uint64_t count = options.tasks + kPauses * kTasksAfterPause;
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, count));
  ProducerOptions producer = bed->MakeProducerOptions();
  producer.count = count;
  producer.interval_us = options.interval_us;
  producer.first_pause = options.tasks;
  producer.pause_every = kTasksAfterPause;
  producer.pause_us = kPauseMicros;
  producer.warm_up = std::min(options.warm_up, kWarmUp);
  BenchWorkerOptions worker = bed->MakeWorkerOptions();
  worker.count = count;
  worker.warm_up = producer.warm_up;
  RETURN_IF_ERROR(bed->StartWorker(worker));
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kReady));
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kReady));
  std::vector<int64_t> syncs;
  RETURN_IF_ERROR(AddSyncs(*bed, &syncs));
  Meter meter(bed.get());
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kDone));
  meter.Stop();
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kDone));
  RETURN_IF_ERROR(AddSyncs(*bed, &syncs));
  const Range steady{0, options.tasks};
  report["interval_ms"] = Rounded(static_cast<double>(options.interval_us) / 1000);
  AddLatency(&report, "latency_ms", bed->board(), steady);
  report["latency_after_3s_idle_ms"] = AfterPauses(bed->board(), producer);
  AddComparison(&report, *QuantilesOf(LatenciesOf(bed->board(), steady)), *QuantilesOf(std::move(syncs)));
  meter.AddTo(&report, count);
  AddVerdict(&report, VerifyAll(bed.get(), {0, count}, kMeasuredType, Expected::kCompleted));
  RETURN_IF_ERROR(bed->EndPhase());
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
