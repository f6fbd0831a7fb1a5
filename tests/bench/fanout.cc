#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"
#include "tests/bench/stream.h"

namespace baton::bench {
namespace {

// Of one parent, unless the settings of the broker say otherwise.
constexpr uint64_t kMostChildren = 1'000'000;
constexpr int kSummaries = 5;

// Runs a phase beside the stream. Errors: also when the stream ran dry.
absl::StatusOr<Measured> RunBeside(TestBed* bed, const ProducerOptions& producer, const BenchWorkerOptions& worker,
                                   Stream* stream, Report* report) {
  RETURN_IF_ERROR(stream->Start());
  ASSIGN_OR_RETURN(const Measured measured, RunThrough(bed, producer, worker));
  RETURN_IF_ERROR(stream->Stop());
  (*report)["stream_tasks"] = stream->portion().count;
  AddLatency(report, "stream_latency_ms", bed->board(), stream->portion());
  if (stream->portion().count < Stream::Capacity(bed->options())) return measured;
  return absl::DeadlineExceededError("fanout: the phase takes too long for the stream beside it; use fewer --tasks");
}

absl::Status RunIndependent(TestBed* bed, const Portion& portion, Stream* stream, Report* report) {
  ProducerOptions producer = bed->MakeProducer(portion);
  producer.ahead = bed->options().ahead;
  producer.warm_up = bed->options().warm_up;
  BenchWorkerOptions worker = bed->MakeWorker(portion.kind, portion.count);
  worker.warm_up = producer.warm_up;
  ASSIGN_OR_RETURN(const Measured measured, RunBeside(bed, producer, worker, stream, report));
  AddRate(report, portion.count, measured.interval);
  measured.meter.AddTo(report, portion.count);
  return bed->EndPhase();
}

// Their rate counts from the submission of the parent to its second stage, which begins when all of them have ended.
absl::Status RunChildren(TestBed* bed, const Portion& parent, const Portion& children, Stream* stream, Report* report) {
  ProducerOptions producer = bed->MakeProducer(parent);
  producer.spawn_first = children.first;
  producer.spawn_count = children.count;
  producer.warm_up = bed->options().warm_up;
  BenchWorkerOptions worker = bed->MakeWorker(parent.kind, parent.count + children.count);
  worker.kinds.push_back(children.kind);
  worker.warm_up = producer.warm_up;
  ASSIGN_OR_RETURN(const Measured measured, RunBeside(bed, producer, worker, stream, report));
  const int64_t joined_at = bed->board().header().joined_at.load();
  AddRate(report, children.count, {measured.interval.begin, joined_at});
  const int64_t spawned_at = bed->board().entry(children.first).submit_at.load();
  int64_t first_start = INT64_MAX;
  for (uint64_t i = children.first; i < children.end(); ++i) {
    first_start = std::min(first_start, bed->board().entry(i).start_at.load());
  }
  (*report)["spawn_to_first_child_ms"] = Rounded(static_cast<double>(first_start - spawned_at) / 1e6);
  (*report)["reading_outcomes_ms"] = Rounded(static_cast<double>(measured.interval.end - joined_at) / 1e6);
  measured.meter.AddTo(report, children.count);
  return bed->EndPhase();
}

// Of the parent's workflow; it must have all tasks.
absl::Status MeasureSummary(TestBed* bed, const Portion& parent, uint64_t tasks, Report* report) {
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  v1::GetWorkflowSummaryRequest request;
  request.set_task_id(bed->board().entry(parent.first).submitted_id.load());
  std::vector<int64_t> durations;
  for (int i = 0; i < kSummaries; ++i) {
    const int64_t begin = MonotonicNow();
    ASSIGN_OR_RETURN(const v1::GetWorkflowSummaryResponse summary,
                     broker->GetWorkflowSummary(request, absl::Seconds(60)));
    durations.push_back(MonotonicNow() - begin);
    if (summary.tasks() == tasks) continue;
    return absl::DataLossError(
        absl::StrCat("fanout: the summary has ", summary.tasks(), " tasks, and there are ", tasks));
  }
  (*report)["summary_ms"] = QuantilesReport(QuantilesOf(std::move(durations)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Report> RunFanout(const BenchOptions& options) {
  if (options.tasks > kMostChildren && options.config.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("fanout: --tasks ", options.tasks, ": a parent has at most ",
                                                   kMostChildren, " children, unless --config says otherwise"));
  }
  Report report = BeginReport(options);
  const Portion independent{.count = options.tasks};
  const Portion children{.first = independent.end(), .count = options.tasks, .kind = Kind::kChild};
  const Portion parent{.first = children.end(), .count = 1, .kind = Kind::kParent};
  const uint64_t stream_capacity = Stream::Capacity(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, parent.end() + 2 * stream_capacity));
  Stream beside_independent(bed.get(), parent.end());
  Stream beside_children(bed.get(), parent.end() + stream_capacity);
  RETURN_IF_ERROR(RunIndependent(bed.get(), independent, &beside_independent, &report["independent"]));
  RETURN_IF_ERROR(RunChildren(bed.get(), parent, children, &beside_children, &report["children"]));
  report["children_to_independent"] = Rounded(report["children"]["tasks_per_second"].get<double>() /
                                              report["independent"]["tasks_per_second"].get<double>());
  RETURN_IF_ERROR(MeasureSummary(bed.get(), parent, parent.count + children.count, &report["children"]));
  AddVerdict(&report, VerifyAll(bed.get(), {independent, children, parent, beside_independent.portion(),
                                            beside_children.portion()}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
