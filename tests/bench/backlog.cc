#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"
#include "tests/bench/restart.h"

namespace baton::bench {
namespace {

// Submits what waits, and adds what the broker needs for it.
absl::Status Fill(TestBed* bed, const Portion& waiting, Report* report) {
  ASSIGN_OR_RETURN(const ProcessUsage before, bed->broker().Usage());
  const double disk_before = bed->broker().DiskMebibytes();
  ASSIGN_OR_RETURN(const Measured measured, SubmitOnly(bed, bed->MakeProducer(waiting)));
  AddRate(report, waiting.count, measured.interval);
  measured.meter.AddTo(report, waiting.count);
  RETURN_IF_ERROR(bed->EndPhase());
  ASSIGN_OR_RETURN(const ProcessUsage after, bed->broker().Usage());
  const auto bytes_per_task = [&](double mebibytes) {
    return Rounded(mebibytes * (1 << 20) / static_cast<double>(waiting.count));
  };
  (*report)["rss_bytes_per_task"] = bytes_per_task(after.rss_mib - before.rss_mib);
  (*report)["disk_bytes_per_task"] = bytes_per_task(bed->broker().DiskMebibytes() - disk_before);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Report> RunBacklog(const BenchOptions& options) {
  Report report = BeginReport(options);
  const Portion before{.count = options.lifecycle_tasks};
  const Portion waiting{.first = before.end(), .count = options.tasks, .kind = Kind::kSpread};
  const Portion beside{.first = waiting.end(), .count = options.lifecycle_tasks};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, beside.end()));
  RETURN_IF_ERROR(RunLifecyclePhase(bed.get(), before, &report["empty"]).status());
  RETURN_IF_ERROR(Fill(bed.get(), waiting, &report["waiting"]));
  RETURN_IF_ERROR(RunLifecyclePhase(bed.get(), beside, &report["beside"]).status());
  report["beside_to_empty"] =
      Rounded(report["beside"]["tasks_per_second"].get<double>() / report["empty"]["tasks_per_second"].get<double>());
  RETURN_IF_ERROR(MeasureRestart(bed.get(), waiting, /*is_cold=*/!options.keep_page_cache, &report["restart"]));
  AddVerdict(&report, VerifyAll(bed.get(), {before, waiting, beside}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
