#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"

namespace baton::bench {

absl::StatusOr<Report> RunOpenLoop(const BenchOptions& options) {
  Report report = BeginReport(options);
  const Portion paced{.count = options.tasks};
  // Not needed when the rate is given.
  const Portion before{.first = paced.count, .count = options.rate > 0 ? 0 : options.lifecycle_tasks};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, before.end()));
  double rate = options.rate;
  if (before.count > 0) {
    ASSIGN_OR_RETURN(const Interval interval, RunLifecyclePhase(bed.get(), before, &report["lifecycle"]));
    rate = Rounded(TasksPerSecond(before.count, interval) / 2);
  }
  ProducerOptions producer = bed->MakeProducer(paced);
  producer.rate = rate;
  // A program has one client, which sends together what becomes due while a call is under way. Many of them would make
  // a call for each few tasks: that measures the price of a call, at several times the processor time for each task.
  if (options.clients == 0) producer.clients = 1;
  producer.warm_up = options.warm_up;
  BenchWorkerOptions worker = bed->MakeWorker(Kind::kMeasured, paced.count);
  worker.warm_up = options.warm_up;
  ASSIGN_OR_RETURN(const Measured measured, RunThrough(bed.get(), producer, worker));
  report["rate"] = rate;
  AddRate(&report, paced.count, measured.interval);
  AddLatency(&report, "latency_ms", bed->board(), paced);
  measured.meter.AddTo(&report, paced.count);
  report["broker_core_percent"] = measured.meter.BrokerCorePercent();
  RETURN_IF_ERROR(bed->EndPhase());
  AddVerdict(&report, VerifyAll(bed.get(), {paced, before}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
