// baton audit
#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/history_options.h"
#include "client_cli/commands/paging.h"
#include "client_cli/commands/task_note.h"
#include "client_cli/commands/workflow.h"
#include "client_cli/event_text.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

struct AuditArguments {
  std::string id;
  bool workflow = false;
  std::string limit = "10000";
};

// The task, or the root of its workflow, and what happened.
struct Audit {
  v1::Task task;
  // Of a workflow, ascending by id, the root included.
  std::vector<v1::Task> tasks;
  std::vector<v1::Attempt> attempts;
  std::vector<v1::Event> events;
  // There are more than were read.
  bool tasks_are_cut = false;
  bool attempts_are_cut = false;
  bool events_are_cut = false;
};

// One event or attempt more than `limit`, so that it is known whether there are more; 0: all.
absl::Status ReadHistory(Session& session, bool workflow, uint64_t limit, Audit* audit) {
  const uint64_t id = audit->task.id();
  const uint64_t most = limit == 0 ? 0 : limit + 1;
  v1::ListAttemptsRequest attempts;
  v1::ListEventsRequest events;
  attempts.set_task_id(workflow ? 0 : id);
  attempts.set_root_id(workflow ? id : 0);
  events.set_task_id(workflow ? 0 : id);
  events.set_root_id(workflow ? id : 0);
  absl::Status status = ForEachItem(
      attempts, most,
      [&](const v1::ListAttemptsRequest& page) { return session.broker().ListAttempts(page, session.call_timeout()); },
      [](const v1::ListAttemptsResponse& page) -> const auto& { return page.attempts(); },
      [&](const v1::Attempt& attempt) { audit->attempts.push_back(attempt); }, [] {});
  if (!status.ok()) return status;
  return ForEachItem(
      events, most,
      [&](const v1::ListEventsRequest& page) { return session.broker().ListEvents(page, session.call_timeout()); },
      [](const v1::ListEventsResponse& page) -> const auto& { return page.events(); },
      [&](const v1::Event& event) { audit->events.push_back(event); }, [] {});
}

// The tasks of the workflow, `limit` at most; 0: all.
absl::Status ReadTasks(Session& session, uint64_t limit, Audit* audit) {
  absl::StatusOr<Workflow> workflow = ReadWorkflow(session, audit->task, limit);
  if (!workflow.ok()) return workflow.status();
  for (auto& [id, task] : workflow->tasks) audit->tasks.push_back(std::move(task));
  audit->tasks_are_cut = !workflow->complete;
  return absl::OkStatus();
}

template <class Item>
bool CutTo(uint64_t limit, std::vector<Item>* items) {
  if (limit == 0 || items->size() <= limit) return false;
  items->resize(limit);
  return true;
}

// Orders by time; each task's own history stays in its order.
void SortByTime(std::vector<v1::Event>* events) {
  std::stable_sort(events->begin(), events->end(),
                   [](const v1::Event& a, const v1::Event& b) { return ToTime(a.time()) < ToTime(b.time()); });
}

bool EndsAttempt(v1::EventType type) {
  switch (type) {
    case v1::EVENT_TYPE_COMPLETED:
    case v1::EVENT_TYPE_FAILED:
    case v1::EVENT_TYPE_TIMED_OUT:
    case v1::EVENT_TYPE_SPAWNED:
    case v1::EVENT_TYPE_SUSPENDED:
    case v1::EVENT_TYPE_RELEASED:
    case v1::EVENT_TYPE_INTERRUPTED:
    case v1::EVENT_TYPE_CANCELLED:
    case v1::EVENT_TYPE_EXPIRED:
      return true;
    default:
      return false;
  }
}

class Story {
 public:
  Story(Session& session, const Audit& audit, bool workflow) : session_(session), audit_(audit), workflow_(workflow) {
    for (const v1::Attempt& attempt : audit.attempts) attempts_[{attempt.task_id(), attempt.number()}] = &attempt;
  }

  void Print() {
    const v1::Task& task = audit_.task;
    DetailList details(session_.environment().out, session_.style());
    details.Add(workflow_ ? "workflow" : "task", absl::StrCat(task.id()));
    details.Add("type", task.type());
    details.Add("state", {EnumText(task.state()), StateColor(task.state())});
    details.Add("waiting for", {task.waiting_for(), Color::kYellow});
    details.Add("created", session_.Local(task.created_at_us()));
    details.Add("ended", session_.Local(task.ended_at_us()));
    if (workflow_) details.Add("tasks", HowMany(audit_.tasks.size(), audit_.tasks_are_cut));
    details.Add("attempts", HowManyAttempts());
    details.Add("last error", {task.last_error(), Color::kRed});
    details.Print();
    if (workflow_) PrintTasks();
    if (audit_.events.empty()) return;
    session_.environment().out << '\n';
    std::vector<std::string> header = {"TIME", "EVENT", "ATTEMPT", "BY", "DETAIL"};
    if (workflow_) header.insert(header.begin() + 1, "TASK");
    Table table(session_.environment().out, header, session_.style());
    for (const v1::Event& event : audit_.events) table.AddRow(Row(event));
    table.Flush();
  }

 private:
  static std::string HowMany(size_t read, bool is_cut) { return absl::StrCat(is_cut ? "more than " : "", read); }

  // A task knows the number of its last one, however many were read.
  std::string HowManyAttempts() const {
    const int32_t last = workflow_ || !audit_.attempts_are_cut ? 0 : audit_.task.attempt();
    return last > 0 ? absl::StrCat(last) : HowMany(audit_.attempts.size(), audit_.attempts_are_cut);
  }

  void PrintTasks() {
    session_.environment().out << '\n';
    Table table(session_.environment().out, {"TASK", "PARENT", "TYPE", "STATE", "ATTEMPT", "NOTE"}, session_.style());
    for (const v1::Task& task : audit_.tasks) {
      table.AddRow({std::to_string(task.id()),
                    task.parent_id() == 0 ? "" : std::to_string(task.parent_id()),
                    task.type(),
                    {EnumText(task.state()), StateColor(task.state())},
                    std::to_string(task.attempt()),
                    TaskNote(task)});
    }
    table.Flush();
  }

  std::vector<Cell> Row(const v1::Event& event) {
    const Environment& environment = session_.environment();
    std::string detail = EventDetail(event, environment.now(), environment.time_zone);
    const std::string took = Took(event);
    if (!took.empty()) detail = detail.empty() ? took : absl::StrCat(took, "; ", detail);
    std::vector<Cell> row = {EventTime(event, environment.time_zone),
                             {EnumText(event.type()), StateColor(event.to_state())},
                             event.attempt() == 0 ? "" : std::to_string(event.attempt()),
                             EventActor(event),
                             detail};
    if (workflow_) row.insert(row.begin() + 1, std::to_string(event.task_id()));
    return row;
  }

  // How long the attempt took that the event has ended.
  std::string Took(const v1::Event& event) const {
    if (!EndsAttempt(event.type())) return "";
    const auto found = attempts_.find({event.task_id(), event.attempt()});
    if (found == attempts_.end()) return "";
    const v1::Attempt& attempt = *found->second;
    if (!attempt.has_ended_at() || ToTime(attempt.ended_at()) != ToTime(event.time())) return "";
    const absl::Duration took = ToTime(attempt.ended_at()) - ToTime(attempt.claimed_at());
    return absl::StrCat("after ", FormatRoughDuration(absl::ToInt64Microseconds(took)));
  }

  Session& session_;
  const Audit& audit_;
  const bool workflow_;
  std::map<std::pair<uint64_t, int32_t>, const v1::Attempt*> attempts_;
};

Json AuditJson(const Audit& audit, bool workflow) {
  Json attempts = Json::array();
  for (const v1::Attempt& attempt : audit.attempts) attempts.push_back(MessageJson(attempt));
  Json events = Json::array();
  for (const v1::Event& event : audit.events) events.push_back(MessageJson(event));
  Json json = {{"task", MessageJson(audit.task)}};
  if (workflow) {
    Json& tasks = json["tasks"] = Json::array();
    for (const v1::Task& task : audit.tasks) tasks.push_back(MessageJson(task));
  }
  json["attempts"] = std::move(attempts);
  json["events"] = std::move(events);
  return json;
}

ExitCode RunAudit(Session& session, const AuditArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
  if (!id.ok()) return session.Fail(id.status());
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0, std::numeric_limits<int64_t>::max());
  if (!limit.ok()) return session.Fail(limit.status());
  Audit audit;
  absl::StatusOr<v1::Task> task = GetTask(session, *id);
  if (task.ok() && arguments.workflow && task->root_id() != *id) task = GetTask(session, task->root_id());
  if (!task.ok()) return session.Fail(task.status());
  audit.task = *std::move(task);
  absl::Status read = ReadHistory(session, arguments.workflow, *limit, &audit);
  // After the events, so that a task that they name is there.
  if (read.ok() && arguments.workflow) read = ReadTasks(session, *limit, &audit);
  if (!read.ok()) return session.Fail(read);
  audit.events_are_cut = CutTo(*limit, &audit.events);
  audit.attempts_are_cut = CutTo(*limit, &audit.attempts);
  SortByTime(&audit.events);
  if (session.is_table()) {
    Story(session, audit, arguments.workflow).Print();
  } else {
    session.Print(AuditJson(audit, arguments.workflow));
  }
  if (audit.events_are_cut || audit.attempts_are_cut || audit.tasks_are_cut) {
    session.environment().err << "baton: more than " << *limit
                              << (audit.events_are_cut     ? " events"
                                  : audit.attempts_are_cut ? " attempts"
                                                           : " tasks")
                              << ": not all are shown (--limit)" << std::endl;
  }
  return ExitCode::kOk;
}

}  // namespace

void AddAuditCommand(CommandTable& commands) {
  auto arguments = std::make_shared<AuditArguments>();
  CLI::App& command = commands.Add(
      "audit", "Tells the story of a task, or of a workflow and its tasks: what happened, in order of time",
      "  baton audit 42\n"
      "  baton audit 42 --workflow\n"
      "  baton audit 42 -o json > audit.json\n",
      [arguments](Session& session) { return RunAudit(session, *arguments); });
  command.add_option("id", arguments->id, "Task")->required()->type_name("ID");
  command.add_flag("--workflow", arguments->workflow,
                   "Of all tasks of the workflow that it belongs to, which are listed too");
  command
      .add_option("--limit", arguments->limit,
                  "Read at most so many events, so many attempts, and so many tasks; 0 for all (default 10000)")
      ->type_name("N");
}

}  // namespace baton::cli
