// The modes whose result is a rate.
#include <string>
#include <utility>
#include <vector>

#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/outcome_report.h"
#include "tests/bench/test_bed.h"

namespace baton::bench {
namespace {

void AddRate(Report* report, uint64_t tasks, int64_t begin, int64_t end) {
  const double seconds = static_cast<double>(end - begin) / 1e9;
  (*report)["seconds"] = Rounded(seconds);
  (*report)["tasks_per_second"] = Rounded(static_cast<double>(tasks) / seconds);
}

absl::Status CheckTaskCount(const BenchOptions& options) {
  if (options.tasks > 0) return absl::OkStatus();
  return absl::InvalidArgumentError("--tasks 0: at least 1 is needed");
}

}  // namespace

absl::StatusOr<Report> RunLifecycle(const BenchOptions& options) {
  RETURN_IF_ERROR(CheckTaskCount(options));
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, options.tasks));
  ProducerOptions producer = bed->MakeProducerOptions();
  producer.count = options.tasks;
  producer.ahead = options.ahead;
  producer.warm_up = options.warm_up;
  BenchWorkerOptions worker = bed->MakeWorkerOptions();
  worker.count = options.tasks;
  worker.warm_up = options.warm_up;
  RETURN_IF_ERROR(bed->StartWorker(worker));
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kReady));
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kReady));
  Meter meter(bed.get());
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kDone));
  meter.Stop();
  const BoardHeader& header = bed->board().header();
  AddRate(&report, options.tasks, header.producer.begin_at.load(), header.workers[0].end_at.load());
  AddLatency(&report, "latency_ms", bed->board(), {0, options.tasks});
  meter.AddTo(&report, options.tasks);
  AddVerdict(&report, VerifyAll(bed.get(), {0, options.tasks}, kMeasuredType, Expected::kCompleted));
  RETURN_IF_ERROR(bed->EndPhase());
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

absl::StatusOr<Report> RunSubmit(const BenchOptions& options) {
  RETURN_IF_ERROR(CheckTaskCount(options));
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, options.tasks));
  ProducerOptions producer = bed->MakeProducerOptions();
  producer.count = options.tasks;
  producer.warm_up = options.warm_up;
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kReady));
  Meter meter(bed.get());
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kDone));
  meter.Stop();
  const Role& role = bed->board().header().producer;
  AddRate(&report, options.tasks, role.begin_at.load(), role.end_at.load());
  meter.AddTo(&report, options.tasks);
  AddVerdict(&report, VerifyAll(bed.get(), {0, options.tasks}, kMeasuredType, Expected::kWaiting));
  RETURN_IF_ERROR(bed->EndPhase());
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

absl::StatusOr<Report> RunBacklogDrain(const BenchOptions& options) {
  RETURN_IF_ERROR(CheckTaskCount(options));
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, options.tasks));
  ProducerOptions producer = bed->MakeProducerOptions();
  producer.count = options.tasks;
  producer.warm_up = options.warm_up;
  producer.type = kBacklogType;
  BenchWorkerOptions worker = bed->MakeWorkerOptions();
  worker.count = options.tasks;
  worker.warm_up = options.warm_up;
  worker.late = true;
  RETURN_IF_ERROR(bed->StartWorker(worker));
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kReady));
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kReady));
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kDone));
  Meter meter(bed.get());
  bed->board().OpenGate(Gate::kDrain);
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kDone));
  meter.Stop();
  const Role& role = bed->board().header().workers[0];
  AddRate(&report, options.tasks, role.begin_at.load(), role.end_at.load());
  meter.AddTo(&report, options.tasks);
  report.erase("producer_cpu_us_per_task");
  AddVerdict(&report, VerifyAll(bed.get(), {0, options.tasks}, kBacklogType, Expected::kCompleted));
  RETURN_IF_ERROR(bed->EndPhase());
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
