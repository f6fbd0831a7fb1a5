// What it costs to find the right worker when no two are alike.
#include <algorithm>

#include "broker/base/status_macros.h"
#include "tests/bench/fleet.h"
#include "tests/bench/modes.h"
#include "tests/bench/outcome_report.h"

namespace baton::bench {
namespace {

// Tasks that a worker holds at a time, one of them running.
constexpr int kSlotsOfEach = 10;

// As fast as it goes, with the whole fleet on one kind; `sharers` as in BenchWorkerOptions.
absl::StatusOr<Interval> RunFleet(TestBed* bed, const Portion& portion, int sharers, Report* report) {
  BenchWorkerOptions worker = bed->MakeWorker(portion.kind, portion.count);
  worker.threads = 1;
  worker.prefetch = kSlotsOfEach - 1;
  worker.sharers = sharers;
  RETURN_IF_ERROR(StartFleet(bed, worker));
  ProducerOptions producer = bed->MakeProducer(portion);
  producer.ahead = bed->options().ahead;
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitReady());
  Meter meter(bed);
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(AwaitFleetDone(bed));
  meter.Stop();
  RETURN_IF_ERROR(bed->AwaitProducerDone());
  const BoardHeader& header = bed->board().header();
  Interval interval{header.producers[0].begin_at.load(), 0};
  for (const Role& role : header.workers) interval.end = std::max(interval.end, role.end_at.load());
  AddRate(report, portion.count, interval);
  AddLatency(report, "latency_ms", bed->board(), portion);
  meter.AddTo(report, portion.count);
  RETURN_IF_ERROR(bed->EndPhase());
  return interval;
}

}  // namespace

absl::StatusOr<Report> RunRouting(const BenchOptions& options) {
  Report report = BeginReport(options);
  report["workers"] = options.workers;
  report["types"] = kRoutedTypes;
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, 2 * options.tasks));
  const Portion alike{.count = options.tasks};
  const Portion routed{.first = options.tasks, .count = options.tasks, .kind = Kind::kRouted};
  ASSIGN_OR_RETURN(const Interval one_type, RunFleet(bed.get(), alike, 0, &report["one_type"]));
  ASSIGN_OR_RETURN(const Interval many_types, RunFleet(bed.get(), routed, options.workers, &report["many_types"]));
  report["many_types_to_one"] = Rounded(one_type.seconds() / many_types.seconds());
  AddVerdict(&report, VerifyAll(bed.get(), {alike, routed}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
