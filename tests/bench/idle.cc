#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/fleet.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"

namespace baton::bench {
namespace {

constexpr int kDefaultSeconds = 10;
// What starting and connecting leave to do.
constexpr absl::Duration kSettle = absl::Seconds(2);

absl::Status MeasureIdle(TestBed* bed, Report* report) {
  const int seconds = bed->options().seconds > 0 ? bed->options().seconds : kDefaultSeconds;
  RETURN_IF_ERROR(bed->Watch("settling", kSettle));
  Meter meter(bed);
  RETURN_IF_ERROR(bed->Watch("idling", absl::Seconds(seconds)));
  meter.Stop();
  ASSIGN_OR_RETURN(const ProcessUsage usage, bed->broker().Usage());
  (*report)["seconds"] = seconds;
  (*report)["broker_core_percent"] = meter.BrokerCorePercent();
  (*report)["broker_rss_mib"] = Rounded(usage.rss_mib);
  return absl::OkStatus();
}

// All of them are still there, and as many tasks are run by them.
absl::Status VerifyFleet(TestBed* bed, const Portion& tasks) {
  ASSIGN_OR_RETURN(const int workers, CountWorkers(bed));
  if (workers != bed->options().workers) {
    return absl::DataLossError(absl::StrCat(workers, " of ", bed->options().workers, " workers are connected"));
  }
  RETURN_IF_ERROR(SubmitOnly(bed, bed->MakeProducer(tasks)).status());
  RETURN_IF_ERROR(AwaitFleetDone(bed));
  RETURN_IF_ERROR(bed->EndPhase());
  return VerifyAll(bed, {tasks});
}

}  // namespace

absl::StatusOr<Report> RunIdle(const BenchOptions& options) {
  Report report = {{"mode", options.mode}, {"workers", options.workers}, {"machine", MachineReport()}};
  const Portion tasks{.count = static_cast<uint64_t>(options.workers)};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, tasks.count));
  RETURN_IF_ERROR(MeasureIdle(bed.get(), &report["alone"]));
  BenchWorkerOptions worker = bed->MakeWorker(Kind::kMeasured, tasks.count);
  worker.threads = 1;
  worker.prefetch = 0;
  RETURN_IF_ERROR(StartFleet(bed.get(), worker));
  RETURN_IF_ERROR(MeasureIdle(bed.get(), &report["connected"]));
  report["rss_kib_per_worker"] =
      Rounded((report["connected"]["broker_rss_mib"].get<double>() - report["alone"]["broker_rss_mib"].get<double>()) *
              1024 / options.workers);
  AddVerdict(&report, VerifyFleet(bed.get(), tasks));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
