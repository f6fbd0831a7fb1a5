#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/page_reader.h"
#include "tests/bench/phases.h"

namespace baton::bench {
namespace {

constexpr uint64_t kPageSize = 100;
// A series of pages ends after this long, however few they were.
constexpr absl::Duration kSeriesTime = absl::Seconds(20);

struct Query {
  const char* name;
  // TASK_STATE_UNSPECIFIED, and empty: any.
  v1::TaskState state;
  std::string type;
  std::string tag;

  v1::TaskFilter Filter() const {
    v1::TaskFilter filter;
    if (state != v1::TASK_STATE_UNSPECIFIED) filter.add_states(state);
    filter.set_type(type);
    filter.set_tag(tag);
    return filter;
  }
};

std::vector<Query> MakeQueries() {
  const std::string type = TypesOf(Kind::kListed)[7];
  const std::string tag = "tag.13";
  constexpr v1::TaskState kAny = v1::TASK_STATE_UNSPECIFIED;
  return {{"all", kAny, "", ""},
          {"pending", v1::TASK_STATE_PENDING, "", ""},
          {"completed", v1::TASK_STATE_COMPLETED, "", ""},
          {"failed", v1::TASK_STATE_PERMANENTLY_FAILED, "", ""},
          {"type", kAny, type, ""},
          {"tag", kAny, "", tag},
          {"rare_tag", kAny, "", kRareTag},
          {"pending_type", v1::TASK_STATE_PENDING, type, ""},
          {"completed_type", v1::TASK_STATE_COMPLETED, type, ""},
          {"failed_tag", v1::TASK_STATE_PERMANENTLY_FAILED, "", tag},
          {"type_tag", kAny, type, tag},
          {"failed_type_tag", v1::TASK_STATE_PERMANENTLY_FAILED, type, tag},
          {"failed_rare_tag", v1::TASK_STATE_PERMANENTLY_FAILED, "", kRareTag}};
}

// Up to `pages` pages, from where the reader stands or each time the first one; nothing where there are no rows.
absl::Status MeasurePages(PageReader* reader, int pages, bool is_first, const std::string& name, Report* report) {
  std::vector<int64_t> durations;
  const int64_t end = MonotonicNow() + absl::ToInt64Nanoseconds(kSeriesTime);
  const uint64_t calls = reader->calls();
  for (int i = 0; i < pages && MonotonicNow() < end && (is_first || !reader->at_end()); ++i) {
    if (is_first) reader->Rewind();
    const int64_t begin = MonotonicNow();
    RETURN_IF_ERROR(reader->Read(kPageSize));
    durations.push_back(MonotonicNow() - begin);
  }
  if (durations.empty()) return absl::OkStatus();
  const double calls_per_page = static_cast<double>(reader->calls() - calls) / static_cast<double>(durations.size());
  (*report)[absl::StrCat(name, "_pages")] = durations.size();
  (*report)[absl::StrCat(name, "_ms")] = QuantilesReport(QuantilesOf(std::move(durations)));
  (*report)[absl::StrCat(name, "_calls_per_page")] = Rounded(calls_per_page);
  return absl::OkStatus();
}

// The first page again and again, then those from the middle of the list on.
absl::Status MeasureQuery(TestBed* bed, const Query& query, const ExpectedList& expected, Report* report) {
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  PageReader reader(broker.get(), query.Filter(), expected.Select(query.Filter()));
  (*report)["rows"] = reader.rows();
  RETURN_IF_ERROR(MeasurePages(&reader, bed->options().pages, /*is_first=*/true, "first", report));
  reader.Rewind();
  RETURN_IF_ERROR(reader.Read(reader.rows() / 2));
  if (reader.position() <= kPageSize) return absl::OkStatus();
  return MeasurePages(&reader, bed->options().pages, /*is_first=*/false, "deep", report);
}

absl::Status MeasureQueries(TestBed* bed, const Portion& portion, Report* report) {
  const ExpectedList expected(bed->board(), portion);
  for (const Query& query : MakeQueries()) {
    absl::Status status = MeasureQuery(bed, query, expected, &(*report)[query.name]);
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat(query.name, ": ", status.message()));
  }
  return absl::OkStatus();
}

absl::Status Fill(TestBed* bed, const Portion& portion) {
  uint64_t to_run = 0;
  for (uint64_t i = portion.first; i < portion.end(); ++i) to_run += portion.fate(i).runs;
  ProducerOptions producer = bed->MakeProducer(portion);
  producer.ahead = bed->options().ahead;
  if (to_run == 0) return absl::InvalidArgumentError("list: with so few tasks none is to run; use more --tasks");
  RETURN_IF_ERROR(RunThrough(bed, producer, bed->MakeWorker(portion.kind, to_run)).status());
  return bed->EndPhase();
}

}  // namespace

absl::StatusOr<Report> RunList(const BenchOptions& options) {
  Report report = BeginReport(options);
  const Portion portion{.count = options.tasks, .kind = Kind::kListed};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, portion.count));
  RETURN_IF_ERROR(Fill(bed.get(), portion));
  absl::Status verdict = VerifyAll(bed.get(), {portion});
  Meter meter(bed.get());
  verdict.Update(MeasureQueries(bed.get(), portion, &report["pages"]));
  meter.Stop();
  report["broker_core_percent"] = meter.BrokerCorePercent();
  AddVerdict(&report, verdict);
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
