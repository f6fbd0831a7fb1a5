#include "client_cli/top/view_rows.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/event_text.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/rate_text.h"
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
  std::vector<std::string> reasons;
  if (row.paused) reasons.emplace_back("paused");
  if (row.waits_for_limit()) reasons.emplace_back("limit reached");
  if (unservable > 0) reasons.push_back(absl::StrCat(unservable, " unservable"));
  return {absl::StrJoin(reasons, ", "), Color::kYellow};
}

Cell RunningCell(const TypeRow& row) {
  const uint64_t running = row.statistics.counts().running();
  if (row.limit == 0) return {CountText(running)};
  return {absl::StrCat(running, "/", row.limit), row.reaches_limit() ? Color::kYellow : Color::kCyan};
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
          CountText(counts.suspended()),
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
  view.header = {"TYPE",   "ATTENTION", "PENDING", "DUE",    "OLDEST", "RUNNING", "SUSP",
                 "FAILED", "NEW/S",     "DONE/S",  "FAIL/S", "QUEUED", "RAN",     "WORKERS"};
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

// Of one type.
ViewRows TypeTaskView(const Model& model) {
  ViewRows view;
  view.header = {"ID", "STATE", "ATTEMPT", "WORKER", "WAITING FOR"};
  view.title = absl::StrCat("Live tasks of ", model.type());
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
    const v1::StateCounts& counts = row.statistics.counts();
    if (row.type == model.type()) total = counts.pending() + counts.running() + counts.suspended();
  }
  absl::StrAppend(&view.title, " ", ShownOf(view.rows.size(), total));
  view.empty_note = "none is pending, running or suspended";
  return view;
}

ViewRows WorkerTaskView(const Model& model, absl::Time now, absl::TimeZone time_zone) {
  ViewRows view;
  view.header = {"ID", "TYPE", "STATE", "ATTEMPT", "STARTED"};
  view.title = absl::StrCat("Tasks on worker ", model.worker());
  if (!model.known().tasks.has_value()) return view;
  for (const v1::Task& task : *model.known().tasks) {
    view.rows.push_back({absl::StrCat(task.id()),
                         task.type(),
                         {EnumText(task.state()), StateColor(task.state())},
                         absl::StrCat(task.attempt()),
                         FormatLocal(absl::FromUnixMicros(task.started_at_us()), now, time_zone)});
  }
  absl::StrAppend(&view.title, " (", view.rows.size(), ")");
  view.empty_note = "it runs none";
  return view;
}

void AddChildren(const v1::ExplainResponse& explanation, ViewRows& view) {
  if (explanation.unfinished_children().empty()) return;
  view.header = {"CHILD", "TYPE", "STATE", "WAITING FOR"};
  for (const v1::Task& child : explanation.unfinished_children()) {
    view.rows.push_back({absl::StrCat(child.id()),
                         child.type(),
                         {EnumText(child.state()), StateColor(child.state())},
                         child.waiting_for()});
  }
}

void AddHistory(const History& history, absl::Time now, absl::TimeZone time_zone, ViewRows& view) {
  view.header = {"TIME", "EVENT", "ATTEMPT", "BY", "DETAIL"};
  for (const v1::Event& event : history.events) {
    view.rows.push_back({EventTime(event, time_zone),
                         {EnumText(event.type()), StateColor(event.to_state())},
                         event.attempt() == 0 ? "" : absl::StrCat(event.attempt()),
                         EventActor(event),
                         EventDetail(event, now, time_zone)});
  }
  if (!history.complete) absl::StrAppend(&view.title, ", its first ", history.events.size(), " events");
}

ViewRows TaskView(const Model& model, absl::Time now, absl::TimeZone time_zone) {
  ViewRows view;
  view.title = absl::StrCat("Task ", model.task());
  if (!model.known().explanation.has_value()) return view;
  view.details = Explanation(*model.known().explanation, now, time_zone);
  AddChildren(*model.known().explanation, view);
  if (model.known().history.has_value()) AddHistory(*model.known().history, now, time_zone, view);
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
      return model.worker().empty() ? TypeTaskView(model) : WorkerTaskView(model, now, time_zone);
    case View::kTask:
      break;
  }
  return TaskView(model, now, time_zone);
}

}  // namespace baton::cli::top
