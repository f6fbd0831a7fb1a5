#include "client_cli/top/view_rows.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/time_text.h"

namespace baton::cli::top {
namespace {

std::string CountText(uint64_t count) { return count == 0 ? "" : absl::StrCat(count); }

// "12ms/1.3s".
std::string TimesText(bool has, const google::protobuf::Duration& half, const google::protobuf::Duration& most) {
  if (!has) return "";
  return absl::StrCat(FormatRoughDuration(ToMicroseconds(half)), "/", FormatRoughDuration(ToMicroseconds(most)));
}

// "(100 of 1234)", or "(12)" where that is all.
std::string ShownOf(size_t shown, uint64_t total) {
  return shown >= total ? absl::StrCat("(", shown, ")") : absl::StrCat("(", shown, " of ", total, ")");
}

Cell AttentionCell(const TypeRow& row) {
  const uint64_t unservable = row.statistics.unservable();
  const std::string text = absl::StrCat(row.paused ? "paused" : "", row.paused && unservable > 0 ? ", " : "",
                                        unservable > 0 ? absl::StrCat(unservable, " unservable") : "");
  return {text, Color::kYellow};
}

Cell RunningCell(const TypeRow& row) {
  const uint64_t running = row.statistics.counts().running();
  if (row.limit == 0) return {CountText(running)};
  const bool reached = running >= static_cast<uint64_t>(row.limit);
  return {absl::StrCat(running, "/", row.limit), reached ? Color::kYellow : Color::kCyan};
}

std::vector<Cell> TypeCells(const TypeRow& row) {
  const v1::TypeStatistics& statistics = row.statistics;
  const v1::StateCounts& counts = statistics.counts();
  const v1::Activity& activity = statistics.activity();
  return {row.type,
          AttentionCell(row),
          CountText(counts.pending()),
          CountText(statistics.due()),
          statistics.due() == 0 ? "" : FormatRoughDuration(ToMicroseconds(statistics.oldest_due())),
          RunningCell(row),
          {CountText(counts.permanently_failed()), Color::kRed},
          RateText(activity.created_per_second()),
          RateText(activity.completed_per_second()),
          {RateText(activity.failed_per_second()), Color::kRed},
          TimesText(activity.has_queued_p50(), activity.queued_p50(), activity.queued_p99()),
          TimesText(activity.has_ran_p50(), activity.ran_p50(), activity.ran_p99()),
          absl::StrCat(row.workers)};
}

ViewRows TypeView(const Model& model) {
  ViewRows view;
  view.title = absl::StrCat("Types by ", SortingName(model.sorting()), " (", model.types().size(), ")");
  view.header = {"TYPE",  "ATTENTION", "PENDING", "DUE",    "OLDEST", "RUNNING", "FAILED",
                 "NEW/S", "DONE/S",    "FAIL/S",  "QUEUED", "RAN",    "WORKERS"};
  for (const TypeRow& row : model.types()) view.rows.push_back(TypeCells(row));
  view.empty_note = model.known().types.has_value() ? "no types yet: none was registered or submitted" : "";
  return view;
}

std::vector<Cell> WorkerCells(const v1::Worker& worker) {
  const Color color = worker.state() == v1::WORKER_STATE_CONNECTED ? Color::kGreen : Color::kYellow;
  return {worker.worker_id(),
          {EnumText(worker.state()), color},
          absl::StrCat(worker.slots_taken(), "/", worker.slots()),
          worker.has_last_seen() ? absl::StrCat(FormatRoughDuration(ToMicroseconds(worker.last_seen())), " ago") : "",
          absl::StrJoin(worker.task_ids(), ",")};
}

ViewRows WorkerView(const Model& model) {
  ViewRows view;
  view.header = {"WORKER", "STATE", "SLOTS", "LAST SEEN", "HOLDS"};
  view.title = "Workers";
  if (!model.known().workers.has_value()) return view;
  for (const v1::Worker& worker : model.known().workers->workers()) view.rows.push_back(WorkerCells(worker));
  absl::StrAppend(&view.title, " (", view.rows.size(), ")");
  view.empty_note = "no live workers";
  return view;
}

ViewRows FailureView(const Model& model, absl::Time now, absl::TimeZone time_zone) {
  ViewRows view;
  view.header = {"ID", "TYPE", "ENDED", "ERROR"};
  view.title = "Newest failures";
  if (!model.known().failures.has_value()) return view;
  for (const v1::Task& task : *model.known().failures) {
    view.rows.push_back({absl::StrCat(task.id()),
                         task.type(),
                         FormatLocal(absl::FromUnixMicros(task.ended_at_us()), now, time_zone),
                         {task.last_error(), Color::kRed}});
  }
  const uint64_t total =
      model.known().statistics.has_value() ? model.known().statistics->counts().permanently_failed() : 0;
  absl::StrAppend(&view.title, " ", ShownOf(view.rows.size(), total));
  view.empty_note = "no failed tasks";
  return view;
}

ViewRows TaskView(const Model& model) {
  ViewRows view;
  view.header = {"ID", "STATE", "ATTEMPT", "WORKER", "WAITING FOR"};
  view.title = absl::StrCat("Pending and running tasks of ", model.type());
  if (!model.known().tasks.has_value()) return view;
  for (const v1::Task& task : *model.known().tasks) {
    view.rows.push_back({absl::StrCat(task.id()),
                         {EnumText(task.state()), StateColor(task.state())},
                         absl::StrCat(task.attempt()),
                         task.worker_id(),
                         task.waiting_for()});
  }
  uint64_t total = 0;
  for (const TypeRow& row : model.types()) {
    if (row.type == model.type()) total = row.statistics.counts().pending() + row.statistics.counts().running();
  }
  absl::StrAppend(&view.title, " ", ShownOf(view.rows.size(), total));
  view.empty_note = "none is pending or running";
  return view;
}

}  // namespace

ViewRows RowsOfView(const Model& model, absl::Time now, absl::TimeZone time_zone) {
  switch (model.view()) {
    case View::kTypes:
      return TypeView(model);
    case View::kWorkers:
      return WorkerView(model);
    case View::kFailures:
      return FailureView(model, now, time_zone);
    case View::kTasks:
      break;
  }
  return TaskView(model);
}

std::string RateText(double per_second) {
  if (per_second <= 0) return "";
  if (per_second < 0.01) return "<0.01";
  return absl::StrFormat("%.*f", per_second < 1 ? 2 : per_second < 100 ? 1 : 0, per_second);
}

}  // namespace baton::cli::top
