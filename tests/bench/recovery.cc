
#include <algorithm>
#include <csignal>
#include <string>

#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/outcome_report.h"
#include "tests/bench/test_bed.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);
// Longer than any sensible beat window.
constexpr absl::Duration kLossPatience = absl::Minutes(2);

double MillisecondsSince(int64_t begin) { return Rounded(static_cast<double>(MonotonicNow() - begin) / 1e6); }

// `tasks` that are finished, then as many that wait.
absl::Status FillBroker(TestBed* bed) {
  const uint64_t tasks = bed->options().tasks;
  ProducerOptions producer = bed->MakeProducerOptions();
  producer.count = tasks;
  producer.ahead = bed->options().ahead;
  BenchWorkerOptions worker = bed->MakeWorkerOptions();
  worker.count = tasks;
  RETURN_IF_ERROR(bed->StartWorker(worker));
  RETURN_IF_ERROR(bed->StartProducer(producer));
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kDone));
  RETURN_IF_ERROR(bed->EndPhase());
  producer.first = tasks;
  producer.type = kBacklogType;
  RETURN_IF_ERROR(bed->StartProducer(producer));
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitProducer(Stage::kDone));
  return bed->EndPhase();
}

// From the start of the process to the answer about the task that was submitted last.
absl::Status MeasureRestart(TestBed* bed, Report* report) {
  bed->broker().Kill();
  const int64_t begin = MonotonicNow();
  RETURN_IF_ERROR(bed->broker().Start());
  v1::GetRequest request;
  request.set_task_id(bed->board().entry(bed->board().tasks() - 1).submitted_id.load());
  RETURN_IF_ERROR(bed->Connect()->Get(request, kCallTimeout).status());
  (*report)["restart_ms"] = MillisecondsSince(begin);
  ASSIGN_OR_RETURN(const ProcessUsage usage, bed->broker().Usage());
  (*report)["restart_cpu_ms"] = Rounded(static_cast<double>(usage.cpu_us) / 1000);
  (*report)["broker_rss_mib"] = Rounded(usage.rss_mib);
  (*report)["disk_mib"] = Rounded(bed->broker().DiskMebibytes());
  return absl::OkStatus();
}

// What was finished stays so; what waited is still there, and now runs.
absl::Status VerifyAfterRestart(TestBed* bed) {
  const uint64_t tasks = bed->options().tasks;
  RETURN_IF_ERROR(VerifyAll(bed, {tasks, tasks}, kBacklogType, Expected::kWaiting));
  BenchWorkerOptions worker = bed->MakeWorkerOptions();
  worker.count = 2 * tasks;
  RETURN_IF_ERROR(bed->StartWorker(worker));
  bed->board().OpenGate(Gate::kDrain);
  RETURN_IF_ERROR(bed->AwaitWorker(0, Stage::kDone));
  RETURN_IF_ERROR(VerifyAll(bed, {0, tasks}, kMeasuredType, Expected::kCompleted));
  RETURN_IF_ERROR(VerifyAll(bed, {tasks, tasks}, kBacklogType, Expected::kCompleted));
  return bed->EndPhase();
}

// Two workers, one task that does not end; the worker that has it gets a signal. How long until the other one has it.
absl::StatusOr<double> MeasureLoss(TestBed* bed, int signal) {
  BoardHeader& header = bed->board().header();
  for (int index = 0; index < 2; ++index) {
    BenchWorkerOptions worker = bed->MakeWorkerOptions();
    worker.index = index;
    worker.threads = 1;
    worker.prefetch = 0;
    worker.hold = true;
    RETURN_IF_ERROR(bed->StartWorker(worker));
  }
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  const auto both_connected = [&broker] {
    const absl::StatusOr<v1::ListWorkersResponse> workers = broker->ListWorkers(kCallTimeout);
    if (!workers.ok()) return false;
    return std::count_if(workers->workers().begin(), workers->workers().end(),
                         [](const v1::Worker& worker) { return worker.state() == v1::WORKER_STATE_CONNECTED; }) == 2;
  };
  RETURN_IF_ERROR(bed->Await("waiting for two workers", both_connected, kLossPatience));
  v1::SubmitRequest request;
  request.add_tasks()->set_type(kHeldType);
  ASSIGN_OR_RETURN(const v1::SubmitResponse answer, broker->Submit(request, kCallTimeout));
  if (answer.results(0).has_error()) return absl::InternalError(answer.results(0).error().message());
  RETURN_IF_ERROR(bed->Await(
      "waiting for a start", [&] { return header.holder.load() != 0; }, kLossPatience));
  const uint32_t victim = header.holder.load();
  const int64_t begin = MonotonicNow();
  bed->worker(static_cast<int>(victim) - 1).Signal(signal);
  if (signal == SIGKILL) bed->ForgetWorker(static_cast<int>(victim) - 1);
  RETURN_IF_ERROR(bed->Await(
      "waiting for the other worker", [&] { return header.holder.load() != victim; }, kLossPatience));
  const double milliseconds = Rounded(static_cast<double>(bed->board().entry(0).start_at.load() - begin) / 1e6);
  if (signal != SIGKILL) bed->ForgetWorker(static_cast<int>(victim) - 1);
  v1::CancelRequest cancel;
  cancel.set_task_id(answer.results(0).task_id());
  RETURN_IF_ERROR(broker->Cancel(cancel, kCallTimeout).status());
  RETURN_IF_ERROR(bed->EndPhase());
  return milliseconds;
}

}  // namespace

absl::StatusOr<Report> RunRecovery(const BenchOptions& options) {
  if (options.tasks == 0) return absl::InvalidArgumentError("--tasks 0: at least 1 is needed");
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, 2 * options.tasks));
  RETURN_IF_ERROR(FillBroker(bed.get()));
  RETURN_IF_ERROR(MeasureRestart(bed.get(), &report));
  const absl::Status verdict = VerifyAfterRestart(bed.get());
  if (verdict.ok()) {
    ASSIGN_OR_RETURN(report["killed_worker_ms"], MeasureLoss(bed.get(), SIGKILL));
    ASSIGN_OR_RETURN(report["stopped_worker_ms"], MeasureLoss(bed.get(), SIGSTOP));
    RETURN_IF_ERROR(bed->broker().Stop());
  }
  AddVerdict(&report, verdict);
  return report;
}

}  // namespace baton::bench
