#include <algorithm>
#include <vector>

#include "broker/base/status_macros.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"
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
constexpr double kDefaultRate = 200;

ProducerOptions MakeProducer(const TestBed& bed, const Portion& portion) {
  ProducerOptions producer = bed.MakeProducer(portion);
  producer.rate = bed.options().rate;
  producer.first_pause = bed.options().tasks;
  producer.pause_every = kTasksAfterPause;
  producer.pause_us = kPauseMicros;
  producer.warm_up = std::min(bed.options().warm_up, kWarmUp);
  return producer;
}

absl::Status AddSyncs(const TestBed& bed, std::vector<int64_t>* syncs) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> more,
                   MeasureLoneSync(bed.directory(), kSyncs, static_cast<int64_t>(1e6 / bed.options().rate)));
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
  const Portion portion{.first = producer.first_pause, .count = producer.count - producer.first_pause};
  Report report = QuantilesReport(QuantilesOf(LatenciesOf(board, portion)));
  report["slowest_first"] = Rounded(static_cast<double>(slowest) / 1e6);
  return report;
}

}  // namespace

absl::StatusOr<Report> RunLatency(const BenchOptions& options) {
  BenchOptions with_rate = options;
  if (options.rate == 0) with_rate.rate = kDefaultRate;
  Report report = BeginReport(options);
  const Portion all{.count = options.tasks + kPauses * kTasksAfterPause};
  const Portion steady{.count = options.tasks};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(with_rate, all.count));
  const ProducerOptions producer = MakeProducer(*bed, all);
  BenchWorkerOptions worker = bed->MakeWorker(Kind::kMeasured, all.count);
  worker.warm_up = producer.warm_up;
  std::vector<int64_t> syncs;
  RETURN_IF_ERROR(AddSyncs(*bed, &syncs));
  ASSIGN_OR_RETURN(const Measured measured, RunThrough(bed.get(), producer, worker));
  RETURN_IF_ERROR(AddSyncs(*bed, &syncs));
  report["rate"] = with_rate.rate;
  AddLatency(&report, "latency_ms", bed->board(), steady);
  report["latency_after_3s_idle_ms"] = AfterPauses(bed->board(), producer);
  AddComparison(&report, *QuantilesOf(LatenciesOf(bed->board(), steady)), *QuantilesOf(std::move(syncs)));
  measured.meter.AddTo(&report, all.count);
  RETURN_IF_ERROR(bed->EndPhase());
  AddVerdict(&report, VerifyAll(bed.get(), {all}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
