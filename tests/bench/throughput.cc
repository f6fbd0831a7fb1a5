// The modes whose result is a rate.
#include "broker/base/status_macros.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"

namespace baton::bench {

absl::StatusOr<Report> RunLifecycle(const BenchOptions& options) {
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, options.tasks));
  const Portion portion{.count = options.tasks};
  RETURN_IF_ERROR(RunLifecyclePhase(bed.get(), portion, &report).status());
  AddVerdict(&report, VerifyAll(bed.get(), {portion}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

absl::StatusOr<Report> RunSubmit(const BenchOptions& options) {
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, options.tasks));
  const Portion portion{.count = options.tasks, .is_run = false};
  ProducerOptions producer = bed->MakeProducer(portion);
  producer.warm_up = options.warm_up;
  ASSIGN_OR_RETURN(const Measured measured, SubmitOnly(bed.get(), producer));
  AddRate(&report, options.tasks, measured.interval);
  measured.meter.AddTo(&report, options.tasks);
  RETURN_IF_ERROR(bed->EndPhase());
  AddVerdict(&report, VerifyAll(bed.get(), {portion}));
  if (options.limits) {
    ASSIGN_OR_RETURN(report["raw_client"],
                     MeasureRawClient(bed->broker().address(), options.batch, options.calls, LimitSeconds(options)));
  }
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

absl::StatusOr<Report> RunBacklogDrain(const BenchOptions& options) {
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, options.tasks));
  const Portion portion{.count = options.tasks, .kind = Kind::kBacklog};
  ProducerOptions producer = bed->MakeProducer(portion);
  producer.warm_up = options.warm_up;
  BenchWorkerOptions worker = bed->MakeWorker(Kind::kBacklog, options.tasks);
  worker.warm_up = options.warm_up;
  worker.late = true;
  ASSIGN_OR_RETURN(const Measured measured, DrainOnly(bed.get(), producer, worker));
  AddRate(&report, options.tasks, measured.interval);
  measured.meter.AddTo(&report, options.tasks);
  report.erase("producer_cpu_us_per_task");
  RETURN_IF_ERROR(bed->EndPhase());
  AddVerdict(&report, VerifyAll(bed.get(), {portion}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
