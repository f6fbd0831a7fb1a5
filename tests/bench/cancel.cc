#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/outcome_report.h"
#include "tests/bench/payload.h"
#include "tests/bench/phases.h"
#include "tests/bench/samples.h"
#include "tests/bench/stream.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr absl::Duration kPatience = absl::Minutes(10);
// Cancelled one after another while they run.
constexpr uint64_t kRunning = 200;

// One task: from the Cancel call until its handler knows; nanoseconds.
absl::StatusOr<int64_t> CancelRunning(TestBed* bed, cli::Broker* broker, uint64_t sequence) {
  Entry& entry = bed->board().entry(sequence);
  std::atomic<int64_t>& noticed_at = bed->board().header().noticed_at;
  v1::SubmitRequest submit;
  v1::NewTask& task = *submit.add_tasks();
  task.set_type(TypeOf(Kind::kCancelled, sequence));
  task.mutable_payload()->set_data(MakePayload(sequence, bed->options().payload_bytes));
  ASSIGN_OR_RETURN(const v1::SubmitResponse submitted, broker->Submit(submit, kCallTimeout));
  if (submitted.results(0).has_error()) return absl::InternalError(submitted.results(0).error().message());
  entry.submitted_id.store(submitted.results(0).task_id());
  entry.submits.fetch_add(1);
  RETURN_IF_ERROR(bed->Await(
      "waiting for a handler to begin", [&] { return entry.runs.load() > 0; }, kPatience));
  noticed_at.store(0);
  v1::CancelRequest cancel;
  cancel.set_task_id(submitted.results(0).task_id());
  const int64_t begin = MonotonicNow();
  RETURN_IF_ERROR(broker->Cancel(cancel, kCallTimeout).status());
  RETURN_IF_ERROR(bed->Await(
      "waiting for a handler to notice", [&] { return noticed_at.load() != 0; }, kPatience));
  return noticed_at.load() - begin;
}

// Nothing else goes on meanwhile.
absl::Status CancelRunningOnes(TestBed* bed, const Portion& running, Report* report) {
  RETURN_IF_ERROR(bed->StartWorker(bed->MakeWorker(running.kind, /*count=*/0)));
  RETURN_IF_ERROR(bed->AwaitReady());
  const auto broker = bed->Connect();
  std::vector<int64_t> took;
  for (uint64_t i = running.first; i < running.end(); ++i) {
    ASSIGN_OR_RETURN(const int64_t nanoseconds, CancelRunning(bed, broker.get(), i));
    took.push_back(nanoseconds);
  }
  (*report)["reaches_handler_ms"] = QuantilesReport(QuantilesOf(std::move(took)));
  return bed->EndPhase();
}

// A parent spawns them and waits; nobody runs them. Answers the parent's id.
absl::StatusOr<uint64_t> SpawnThatWait(TestBed* bed, const Portion& parent, const Portion& children) {
  ProducerOptions producer = bed->MakeProducer(parent);
  producer.spawn_first = children.first;
  producer.spawn_count = children.count;
  RETURN_IF_ERROR(bed->StartWorker(bed->MakeWorker(parent.kind, /*count=*/0)));
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitReady());
  bed->board().OpenGate(Gate::kSubmit);
  const auto broker = bed->Connect();
  RETURN_IF_ERROR(bed->Await(
      "waiting for the children",
      [&] {
        const auto statistics = broker->GetStatistics({}, kCallTimeout);
        return statistics.ok() && statistics->counts().pending() >= children.count &&
               statistics->counts().suspended() == 1;
      },
      kPatience));
  v1::ListTasksRequest request;
  request.mutable_filter()->add_states(v1::TASK_STATE_SUSPENDED);
  ASSIGN_OR_RETURN(const v1::ListTasksResponse page, broker->ListTasks(request, kCallTimeout));
  if (page.tasks_size() != 1) return absl::InternalError("there is not just one parent");
  return page.tasks(0).id();
}

absl::Status CancelWorkflow(TestBed* bed, uint64_t parent, uint64_t tasks, Report* report) {
  const auto broker = bed->Connect();
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse before, broker->GetStatistics({}, kCallTimeout));
  v1::CancelRequest cancel;
  cancel.set_task_id(parent);
  cancel.set_reason("the figures of it are wanted");
  Meter meter(bed);
  const absl::Time begin = absl::Now();
  RETURN_IF_ERROR(broker->Cancel(cancel, kCallTimeout).status());
  const absl::Time acknowledged = absl::Now();
  RETURN_IF_ERROR(bed->Await(
      "waiting until all are cancelled",
      [&] {
        const auto statistics = broker->GetStatistics({}, kCallTimeout);
        return statistics.ok() && statistics->counts().cancelled() >= before.counts().cancelled() + tasks;
      },
      kPatience));
  const absl::Duration took = absl::Now() - begin;
  meter.Stop();
  (*report)["acknowledged_ms"] = Rounded(absl::ToDoubleMilliseconds(acknowledged - begin));
  (*report)["done_ms"] = Rounded(absl::ToDoubleMilliseconds(took));
  (*report)["tasks_per_second"] = Rounded(static_cast<double>(tasks) / absl::ToDoubleSeconds(took));
  meter.AddTo(report, tasks);
  return absl::OkStatus();
}

absl::Status VerifyNoneRan(TestBed* bed, const Portion& children) {
  for (uint64_t i = children.first; i < children.end(); ++i) {
    if (bed->board().entry(i).start_at.load() != 0) return absl::DataLossError(absl::StrCat("child ", i, " has run"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Report> RunCancel(const BenchOptions& options) {
  Report report = BeginReport(options);
  const Portion children{.count = options.tasks, .kind = Kind::kChild};
  const Portion parent{.first = children.end(), .count = 1, .kind = Kind::kParent};
  const Portion running{.first = parent.end(), .count = kRunning, .kind = Kind::kCancelled};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed,
                   TestBed::Create(options, running.end() + Stream::Capacity(options)));
  RETURN_IF_ERROR(CancelRunningOnes(bed.get(), running, &report));
  Stream stream(bed.get(), running.end());
  ASSIGN_OR_RETURN(const uint64_t id, SpawnThatWait(bed.get(), parent, children));
  RETURN_IF_ERROR(stream.Start());
  RETURN_IF_ERROR(bed->Await(
      "waiting for the stream", [&] { return bed->board().header().stream_ran.load() > 0; }, kPatience));
  RETURN_IF_ERROR(CancelWorkflow(bed.get(), id, children.count + 1, &report));
  RETURN_IF_ERROR(stream.Stop());
  report["stream_tasks"] = stream.portion().count;
  AddLatency(&report, "stream_latency_ms", bed->board(), stream.portion());
  RETURN_IF_ERROR(bed->EndPhase());
  absl::Status verified = VerifyNoneRan(bed.get(), children);
  verified.Update(VerifyAll(bed.get(), {running, stream.portion()}));
  AddVerdict(&report, verified);
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
