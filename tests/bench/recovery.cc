#include <algorithm>
#include <csignal>
#include <string>

#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"
#include "tests/bench/restart.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);
// Longer than any sensible beat window.
constexpr absl::Duration kLossPatience = absl::Minutes(2);

Portion Finished(const TestBed& bed) { return {.count = bed.options().tasks}; }

Portion Waiting(const TestBed& bed) {
  return {.first = bed.options().tasks, .count = bed.options().tasks, .kind = Kind::kBacklog, .is_run = false};
}

// Tasks that are finished, then as many that wait.
absl::Status FillBroker(TestBed* bed) {
  Report ignored;
  RETURN_IF_ERROR(RunLifecyclePhase(bed, Finished(*bed), &ignored).status());
  RETURN_IF_ERROR(SubmitOnly(bed, bed->MakeProducer(Waiting(*bed))).status());
  return bed->EndPhase();
}

// What was finished stays so; what waited is still there, and now runs.
absl::Status VerifyAfterRestart(TestBed* bed) {
  Portion waiting = Waiting(*bed);
  RETURN_IF_ERROR(VerifyAll(bed, {Finished(*bed), waiting}));
  RETURN_IF_ERROR(bed->StartWorker(bed->MakeWorker(Kind::kBacklog, waiting.count)));
  bed->board().OpenGate(Gate::kDrain);
  RETURN_IF_ERROR(bed->AwaitWorkerDone());
  waiting.is_run = true;
  RETURN_IF_ERROR(VerifyAll(bed, {Finished(*bed), waiting}));
  return bed->EndPhase();
}

// Two workers, one task that does not end; the worker that has it gets a signal. How long until the other one has it.
absl::StatusOr<double> MeasureLoss(TestBed* bed, int signal) {
  BoardHeader& header = bed->board().header();
  for (int index = 0; index < 2; ++index) {
    BenchWorkerOptions worker = bed->MakeWorker(Kind::kHeld, /*count=*/0);
    worker.index = index;
    worker.threads = 1;
    worker.prefetch = 0;
    RETURN_IF_ERROR(bed->StartWorker(worker));
  }
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  const auto both_connected = [&broker] {
    const absl::StatusOr<v1::ListWorkersResponse> workers = broker->ListWorkers({}, kCallTimeout);
    if (!workers.ok()) return false;
    return std::count_if(workers->workers().begin(), workers->workers().end(),
                         [](const v1::Worker& worker) { return worker.state() == v1::WORKER_STATE_CONNECTED; }) == 2;
  };
  RETURN_IF_ERROR(bed->Await("waiting for two workers", both_connected, kLossPatience));
  v1::SubmitRequest request;
  request.add_tasks()->set_type(TypeOf(Kind::kHeld, 0));
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
  Report report = BeginReport(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, 2 * options.tasks));
  RETURN_IF_ERROR(FillBroker(bed.get()));
  RETURN_IF_ERROR(MeasureRestart(bed.get(), Waiting(*bed), /*is_cold=*/false, &report));
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
