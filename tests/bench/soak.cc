// A mix of everything for a long time, with retention: what must stay flat is looked at in parts.
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"
#include "tests/bench/samples.h"

namespace baton::bench {
namespace {

constexpr double kDefaultRate = 500;
constexpr uint64_t kParts = 12;
// When the first tasks of an hour's run have been removed again, and as much is removed as comes: what follows is
// compared with this part.
constexpr uint64_t kSettled = 2;
constexpr char kSettings[] = "[retention]\nended = \"5m\"\n";
// Beyond the time that a part takes by the clock.
constexpr absl::Duration kPatience = absl::Minutes(5);

Portion PartOf(const Portion& tasks, uint64_t part) {
  const uint64_t begin = tasks.count * part / kParts;
  return {.first = tasks.first + begin, .count = tasks.count * (part + 1) / kParts - begin, .kind = tasks.kind};
}

std::string NameOf(uint64_t part) { return absl::StrFormat("part_%02d", part + 1); }

// Each part's, when the last of its tasks was submitted.
absl::Status WatchParts(TestBed* bed, const Portion& tasks, double rate, Report* report) {
  const Role& producer = bed->board().header().producers[0];
  for (uint64_t part = 0; part < kParts; ++part) {
    const Portion portion = PartOf(tasks, part);
    RETURN_IF_ERROR(bed->Await(
        NameOf(part), [&] { return producer.submitted.load() >= portion.end(); },
        absl::Seconds(static_cast<double>(portion.count) / rate) + kPatience));
    ASSIGN_OR_RETURN(const ProcessUsage usage, bed->broker().Usage());
    (*report)[NameOf(part)] = {{"broker_rss_mib", Rounded(usage.rss_mib)},
                               {"broker_descriptors", usage.descriptors},
                               {"disk_mib", Rounded(bed->broker().DiskMebibytes())}};
  }
  return absl::OkStatus();
}

// How much more, or less, the last part has of what should stay flat.
Report Drift(const Report& parts) {
  const Report& settled = parts[NameOf(kSettled)];
  const Report& last = parts[NameOf(kParts - 1)];
  const auto ratio = [](const Report& before, const Report& after) {
    return Rounded(after.get<double>() / before.get<double>());
  };
  Report drift;
  for (const char* name : {"broker_rss_mib", "broker_descriptors", "disk_mib"}) {
    drift[name] = ratio(settled[name], last[name]);
  }
  for (const char* name : {"p50", "p99"}) {
    if (!settled["latency_ms"].is_object() || !last["latency_ms"].is_object()) continue;
    drift[std::string("latency_") + name] = ratio(settled["latency_ms"][name], last["latency_ms"][name]);
  }
  return drift;
}

}  // namespace

absl::StatusOr<Report> RunSoak(const BenchOptions& options) {
  Report report = BeginReport(options);
  const double rate = options.rate > 0 ? options.rate : kDefaultRate;
  const Portion tasks{.count = options.tasks, .kind = Kind::kMixed};
  const Portion children{
      .first = tasks.end(), .count = CountMixedParents(0, options.tasks) * kMixedChildren, .kind = Kind::kMixedChild};
  ASSIGN_OR_RETURN(const RunDirectory settings, RunDirectory::Create(options));
  BenchOptions with_retention = options;
  if (options.config.empty()) {
    with_retention.config = settings.path() + "/soak.toml";
    std::ofstream(with_retention.config) << kSettings;
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(with_retention, tasks.count + children.count));
  ProducerOptions producer = bed->MakeProducer(tasks);
  producer.rate = rate;
  producer.warm_up = options.warm_up;
  producer.spawn_first = children.first;
  producer.spawn_count = kMixedChildren;
  BenchWorkerOptions worker = bed->MakeWorker(tasks.kind, tasks.count + children.count);
  worker.kinds.push_back(children.kind);
  worker.warm_up = options.warm_up;
  RETURN_IF_ERROR(bed->StartWorker(worker));
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitReady());
  Meter meter(bed.get());
  bed->board().OpenGate(Gate::kSubmit);
  Report parts;
  RETURN_IF_ERROR(WatchParts(bed.get(), tasks, rate, &parts));
  RETURN_IF_ERROR(bed->AwaitWorkerDone());
  meter.Stop();
  for (uint64_t part = 0; part < kParts; ++part) {
    AddLatency(&parts[NameOf(part)], "latency_ms", bed->board(), PartOf(tasks, part));
  }
  report["rate"] = rate;
  report["last_to_settled"] = Drift(parts);
  meter.AddTo(&report, tasks.count + children.count);
  report["broker_core_percent"] = meter.BrokerCorePercent();
  report["parts"] = std::move(parts);
  RETURN_IF_ERROR(bed->EndPhase());
  // The broker has forgotten most of them.
  AddVerdict(&report, VerifyBoard(bed->board(), {tasks, children}));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
