#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "client_cli/text/proto_time.h"
#include "tests/bench/modes.h"
#include "tests/bench/page_reader.h"
#include "tests/bench/phases.h"
#include "tests/bench/worker.h"

namespace baton::bench {
namespace {

constexpr uint64_t kPageSize = 100;
// A series of pages, or of other calls, ends after this long, however few they were.
constexpr absl::Duration kSeriesTime = absl::Seconds(20);
constexpr absl::Duration kCallTimeout = absl::Seconds(60);
// Beside the tasks that have neither parent nor children.
constexpr uint64_t kChildren = 1000;
// Of tasks that wait.
constexpr uint64_t kExplanations = 1000;

struct Query {
  std::string name;
  v1::TaskFilter filter;
  // Tasks with smaller ids are too old for it.
  uint64_t oldest = 0;
};

// TASK_STATE_UNSPECIFIED, and empty: any.
v1::TaskFilter FilterOf(v1::TaskState state, const std::string& type, const std::string& tag) {
  v1::TaskFilter filter;
  if (state != v1::TASK_STATE_UNSPECIFIED) filter.add_states(state);
  filter.set_type(type);
  filter.set_tag(tag);
  return filter;
}

// By state, type and tag.
std::vector<Query> BasicQueries() {
  const std::string type = TypesOf(Kind::kListed)[7];
  const std::string tag = "tag.13";
  constexpr v1::TaskState kAny = v1::TASK_STATE_UNSPECIFIED;
  return {{"all", FilterOf(kAny, "", "")},
          {"pending", FilterOf(v1::TASK_STATE_PENDING, "", "")},
          {"completed", FilterOf(v1::TASK_STATE_COMPLETED, "", "")},
          {"failed", FilterOf(v1::TASK_STATE_PERMANENTLY_FAILED, "", "")},
          {"type", FilterOf(kAny, type, "")},
          {"tag", FilterOf(kAny, "", tag)},
          {"rare_tag", FilterOf(kAny, "", kRareTag)},
          {"pending_type", FilterOf(v1::TASK_STATE_PENDING, type, "")},
          {"completed_type", FilterOf(v1::TASK_STATE_COMPLETED, type, "")},
          {"failed_tag", FilterOf(v1::TASK_STATE_PERMANENTLY_FAILED, "", tag)},
          {"type_tag", FilterOf(kAny, type, tag)},
          {"failed_type_tag", FilterOf(v1::TASK_STATE_PERMANENTLY_FAILED, type, tag)},
          {"failed_rare_tag", FilterOf(v1::TASK_STATE_PERMANENTLY_FAILED, "", kRareTag)}};
}

absl::StatusOr<int64_t> CreatedAt(cli::Broker* broker, uint64_t id) {
  v1::GetRequest request;
  request.set_task_id(id);
  ASSIGN_OR_RETURN(const v1::GetResponse response, broker->Get(request, kCallTimeout));
  return response.task().created_at_us();
}

// For the younger half of the tasks, whose ids are `ids`, newest first: the later a task was created, the larger is its
// id.
absl::StatusOr<Query> YoungHalf(cli::Broker* broker, const std::vector<uint64_t>& ids) {
  ASSIGN_OR_RETURN(const int64_t since, CreatedAt(broker, ids[ids.size() / 2]));
  // More of them were created at the same moment.
  size_t young = ids.size() / 2 + 1;
  for (size_t old = ids.size(); young < old;) {
    const size_t middle = young + (old - young) / 2;
    ASSIGN_OR_RETURN(const int64_t created, CreatedAt(broker, ids[middle]));
    if (created >= since) {
      young = middle + 1;
    } else {
      old = middle;
    }
  }
  Query query{.name = "young_half", .oldest = ids[young - 1]};
  *query.filter.mutable_created_since() = cli::FromMicroseconds(since);
  return query;
}

// `parent`: the id of the only one.
absl::StatusOr<std::vector<Query>> MakeQueries(TestBed* bed, const ExpectedList& expected, uint64_t parent) {
  std::vector<Query> queries = BasicQueries();
  const auto add = [&queries](const char* name) { return &queries.emplace_back(Query{.name = name}).filter; };
  add("parent")->set_parent_id(parent);
  add("root")->set_root_id(parent);
  add("worker")->set_worker_id(WorkerIdOf(0, 0));
  add("error")->set_error(kPlannedError);
  ASSIGN_OR_RETURN(queries.emplace_back(), YoungHalf(bed->Connect().get(), expected.Select({})));
  return queries;
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
  std::vector<uint64_t> ids = expected.Select(query.filter);
  while (!ids.empty() && ids.back() < query.oldest) ids.pop_back();
  PageReader reader(broker.get(), query.filter, std::move(ids));
  (*report)["rows"] = reader.rows();
  RETURN_IF_ERROR(MeasurePages(&reader, bed->options().pages, /*is_first=*/true, "first", report));
  reader.Rewind();
  RETURN_IF_ERROR(reader.Read(reader.rows() / 2));
  if (reader.position() <= kPageSize) return absl::OkStatus();
  return MeasurePages(&reader, bed->options().pages, /*is_first=*/false, "deep", report);
}

absl::Status MeasureQueries(TestBed* bed, const ExpectedList& expected, uint64_t parent, Report* report) {
  ASSIGN_OR_RETURN(const std::vector<Query> queries, MakeQueries(bed, expected, parent));
  for (const Query& query : queries) {
    absl::Status status = MeasureQuery(bed, query, expected, &(*report)[query.name]);
    if (!status.ok()) return absl::Status(status.code(), absl::StrCat(query.name, ": ", status.message()));
  }
  return absl::OkStatus();
}

// Those that wait do so for a later day.
absl::Status CheckExplanation(uint64_t id, const v1::ExplainResponse& explanation) {
  const auto& obstacles = explanation.obstacles();
  const bool not_due = std::any_of(obstacles.begin(), obstacles.end(), [](const v1::Obstacle& obstacle) {
    return obstacle.kind() == v1::OBSTACLE_KIND_NOT_DUE;
  });
  if (explanation.task().id() == id && not_due) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("explain: not a word of task ", id, " being due on a later day, but ",
                                          explanation.ShortDebugString()));
}

// Of tasks from the whole list, evenly apart.
absl::Status MeasureExplain(TestBed* bed, const ExpectedList& expected, Report* report) {
  const std::vector<uint64_t> ids = expected.Select(FilterOf(v1::TASK_STATE_PENDING, "", ""));
  const uint64_t calls = std::min<uint64_t>(ids.size(), kExplanations);
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  std::vector<int64_t> durations;
  const int64_t end = MonotonicNow() + absl::ToInt64Nanoseconds(kSeriesTime);
  for (uint64_t i = 0; i < calls && MonotonicNow() < end; ++i) {
    v1::ExplainRequest request;
    request.set_task_id(ids[i * ids.size() / calls]);
    const int64_t begin = MonotonicNow();
    ASSIGN_OR_RETURN(const v1::ExplainResponse explanation, broker->Explain(request, kCallTimeout));
    durations.push_back(MonotonicNow() - begin);
    RETURN_IF_ERROR(CheckExplanation(request.task_id(), explanation));
  }
  (*report)["explain_calls"] = durations.size();
  (*report)["explain_ms"] = QuantilesReport(QuantilesOf(std::move(durations)));
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

absl::Status FillFamily(TestBed* bed, const Portion& parent, const Portion& children) {
  ProducerOptions producer = bed->MakeProducer(parent);
  producer.spawn_first = children.first;
  producer.spawn_count = children.count;
  BenchWorkerOptions worker = bed->MakeWorker(parent.kind, parent.count + children.count);
  worker.kinds.push_back(children.kind);
  RETURN_IF_ERROR(RunThrough(bed, producer, worker).status());
  return bed->EndPhase();
}

}  // namespace

absl::StatusOr<Report> RunList(const BenchOptions& options) {
  Report report = BeginReport(options);
  const Portion listed{.count = options.tasks, .kind = Kind::kListed};
  const Portion parent{.first = listed.end(), .count = 1, .kind = Kind::kParent};
  const Portion children{.first = parent.end(), .count = kChildren, .kind = Kind::kChild};
  const Portions all = {listed, parent, children};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, children.end()));
  RETURN_IF_ERROR(Fill(bed.get(), listed));
  RETURN_IF_ERROR(FillFamily(bed.get(), parent, children));
  absl::Status verdict = VerifyAll(bed.get(), all);
  const ExpectedList expected(bed->board(), all);
  const uint64_t parent_id = bed->board().entry(parent.first).submitted_id.load();
  Meter meter(bed.get());
  verdict.Update(MeasureQueries(bed.get(), expected, parent_id, &report["pages"]));
  verdict.Update(MeasureExplain(bed.get(), expected, &report));
  meter.Stop();
  report["broker_core_percent"] = meter.BrokerCorePercent();
  AddVerdict(&report, verdict);
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
