#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"

namespace baton::bench {
namespace {

// Each costs a call.
constexpr uint64_t kHistories = 2000;

uint64_t CountRuns(const Portion& portion) {
  uint64_t runs = 0;
  for (uint64_t i = portion.first; i < portion.end(); ++i) runs += portion.fate(i).runs;
  return runs;
}

absl::Status VerifyMixed(TestBed* bed, const Portion& tasks, const Portion& children) {
  RETURN_IF_ERROR(VerifyAll(bed, {tasks, children}));
  return VerifyHistories(bed->Connect().get(), bed->board(), tasks, kHistories);
}

}  // namespace

absl::StatusOr<Report> RunMixed(const BenchOptions& options) {
  Report report = BeginReport(options);
  const Portion tasks{.count = options.tasks, .kind = Kind::kMixed};
  const Portion children{
      .first = tasks.end(), .count = CountMixedParents(0, options.tasks) * kMixedChildren, .kind = Kind::kMixedChild};
  const uint64_t all = tasks.count + children.count;
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, all));
  ProducerOptions producer = bed->MakeProducer(tasks);
  producer.ahead = options.ahead;
  producer.warm_up = options.warm_up;
  producer.spawn_first = children.first;
  producer.spawn_count = kMixedChildren;
  BenchWorkerOptions worker = bed->MakeWorker(tasks.kind, all);
  worker.kinds.push_back(children.kind);
  worker.warm_up = options.warm_up;
  ASSIGN_OR_RETURN(const Measured measured, RunThrough(bed.get(), producer, worker));
  const uint64_t runs = CountRuns(tasks) + CountRuns(children);
  report["children"] = children.count;
  report["attempts"] = runs;
  AddRate(&report, all, measured.interval);
  report["attempts_per_second"] = TasksPerSecond(runs, measured.interval);
  AddLatency(&report, "latency_ms", bed->board(), tasks);
  AddLatency(&report, "child_latency_ms", bed->board(), children);
  measured.meter.AddTo(&report, all);
  report["broker_core_percent"] = measured.meter.BrokerCorePercent();
  RETURN_IF_ERROR(bed->EndPhase());
  AddVerdict(&report, VerifyMixed(bed.get(), tasks, children));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
