// baton explain
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client_cli/command_table.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

std::string Counted(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

// What was done at the time that an obstacle has.
const char* DeedOf(v1::ObstacleKind kind) {
  switch (kind) {
    case v1::OBSTACLE_KIND_TASK_PAUSED:
    case v1::OBSTACLE_KIND_TYPE_PAUSED:
      return "paused";
    case v1::OBSTACLE_KIND_TYPE_LIMIT:
      return "set";
    default:
      return "since";
  }
}

std::string WhoAndWhy(const v1::Obstacle& obstacle) {
  return absl::StrCat(obstacle.actor(), obstacle.reason().empty() ? "" : ": ", obstacle.reason());
}

std::string ObstacleLine(Session& session, const v1::Obstacle& obstacle) {
  std::string line = obstacle.text();
  const bool has_actor = !obstacle.actor().empty();
  // The text of a paused type has it already.
  if (obstacle.kind() == v1::OBSTACLE_KIND_TASK_PAUSED && has_actor) {
    absl::StrAppend(&line, ", ", WhoAndWhy(obstacle));
  }
  if (obstacle.has_since()) {
    absl::StrAppend(&line, ", ", DeedOf(obstacle.kind()), " ", session.Local(ToTime(obstacle.since())));
  }
  if (obstacle.kind() == v1::OBSTACLE_KIND_TYPE_LIMIT && has_actor) {
    absl::StrAppend(&line, obstacle.has_since() ? " by " : ", set by ", WhoAndWhy(obstacle));
  }
  return line;
}

// What lets the task go on; empty if only time does.
std::string Cure(const v1::ExplainResponse& response, v1::ObstacleKind kind) {
  const uint64_t id = response.task().id();
  switch (kind) {
    case v1::OBSTACLE_KIND_TASK_PAUSED:
      return absl::StrCat("baton unpause ", id);
    case v1::OBSTACLE_KIND_TYPE_PAUSED:
      return absl::StrCat("baton types unpause ", response.task().type());
    case v1::OBSTACLE_KIND_NO_WORKER:
      return "start a worker that can run it; baton workers lists those that are there";
    case v1::OBSTACLE_KIND_NO_FREE_SLOT:
      return "start more workers, or let them do more at once";
    case v1::OBSTACLE_KIND_TYPE_LIMIT:
      return absl::StrCat("baton types limit ", response.task().type(), " N, if more may run at a time");
    case v1::OBSTACLE_KIND_CHILDREN:
      return response.unfinished_children().empty()
                 ? absl::StrCat("baton tree ", id)
                 : absl::StrCat("baton explain ", response.unfinished_children(0).id());
    case v1::OBSTACLE_KIND_DECISION:
      return absl::StrCat("baton approve ", id, ", baton reject ", id);
    case v1::OBSTACLE_KIND_BROKER_DRAINS:
      return "wait for the broker to come back; baton info shows when it was started";
    case v1::OBSTACLE_KIND_DAMAGED:
      return "a backup brings it back, batond verify DIR --repair --drop-lost gives it up; both need the broker "
             "stopped";
    default:
      return "";
  }
}

std::string QueueLine(const v1::QueuePlace& queue) {
  const std::string ahead =
      queue.ahead() == 0 ? "it is the next one"
                         : absl::StrCat(queue.more_ahead() ? "more than " : "", Counted(queue.ahead(), "task", "tasks"),
                                        queue.ahead() == 1 ? " goes first" : " go first");
  return absl::StrCat(ahead, "; ", queue.slots_taken(), " of ", Counted(queue.slots(), "slot", "slots"), " of ",
                      Counted(queue.workers(), "worker", "workers"), " taken");
}

std::string RateLine(const v1::QueuePlace& queue) {
  if (queue.tasks_per_second() == 0) return "nothing was handed out to such workers lately";
  return absl::StrFormat("%.3g tasks/s were handed out lately", queue.tasks_per_second());
}

void AddQueue(Session& session, const v1::QueuePlace& queue, DetailList& details) {
  if (queue.workers() == 0) return;
  details.Add("queue", QueueLine(queue));
  details.Add("pace", RateLine(queue));
  if (queue.has_expected_start()) details.Add("may begin", session.Local(ToTime(queue.expected_start())));
}

std::string Ago(const google::protobuf::Duration& age) {
  return absl::StrCat(FormatRoughDuration(ToMicroseconds(age)), " ago");
}

void AddHolder(Session& session, const v1::Holder& holder, DetailList& details) {
  const std::string state = holder.state() == v1::WORKER_STATE_UNSPECIFIED
                                ? "is gone; the attempt is taken back within moments"
                                : absl::StrCat(EnumText(holder.state()), ", last seen ", Ago(holder.last_seen()));
  const Color color = holder.state() == v1::WORKER_STATE_CONNECTED ? Color::kGreen : Color::kYellow;
  details.Add("worker", {absl::StrCat(holder.worker_id(), ", ", state), color});
  details.Add("attempt", absl::StrCat(holder.attempt(), ", handed out ", session.Local(ToTime(holder.claimed_at())),
                                      holder.started() ? ", its handler runs" : ""));
  if (holder.has_times_out_in()) {
    details.Add("times out in", FormatRoughDuration(ToMicroseconds(holder.times_out_in())));
  }
  if (holder.has_must_report_in()) {
    details.Add("must report in", FormatRoughDuration(ToMicroseconds(holder.must_report_in())));
  }
}

void PrintChildren(Session& session, const v1::ExplainResponse& response) {
  if (response.unfinished_children().empty()) return;
  session.environment().out << '\n';
  Table table(session.environment().out, {"CHILD", "TYPE", "STATE", "WAITING FOR"}, session.style());
  for (const v1::Task& child : response.unfinished_children()) {
    table.AddRow({absl::StrCat(child.id()),
                  child.type(),
                  {EnumText(child.state()), StateColor(child.state())},
                  child.waiting_for()});
  }
  table.Flush();
}

void PrintExplanation(Session& session, const v1::ExplainResponse& response) {
  const v1::Task& task = response.task();
  DetailList details(session.environment().out, session.style());
  details.Add("task", absl::StrCat(task.id()));
  details.Add("type", task.type());
  details.Add("state", {EnumText(task.state()), StateColor(task.state())});
  for (const v1::Obstacle& obstacle : response.obstacles()) {
    details.Add("obstacle", {ObstacleLine(session, obstacle), Color::kYellow});
    details.Add("what helps", Cure(response, obstacle.kind()));
  }
  const bool waits = response.obstacles().empty() && !task.waiting_for().empty();
  details.Add("waiting for", waits ? task.waiting_for() : "");
  if (response.has_queue()) AddQueue(session, response.queue(), details);
  if (response.has_holder()) AddHolder(session, response.holder(), details);
  details.Add("last error", {task.last_error(), Color::kRed});
  details.Add("ended", session.Local(task.ended_at_us()));
  details.Add("cancelled because", task.cancel_reason());
  details.Print();
  PrintChildren(session, response);
}

ExitCode RunExplain(Session& session, const std::string& text) {
  absl::StatusOr<uint64_t> id = ParseTaskId(text);
  if (!id.ok()) return session.Fail(id.status());
  v1::ExplainRequest request;
  request.set_task_id(*id);
  absl::StatusOr<v1::ExplainResponse> response = session.broker().Explain(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  if (!session.is_table()) return session.Print(MessageJson(*response));
  PrintExplanation(session, *response);
  return ExitCode::kOk;
}

}  // namespace

void AddExplainCommand(CommandTable& commands) {
  auto id = std::make_shared<std::string>();
  CLI::App& command = commands.Add("explain", "Tells why a task does not run and when it may, or who runs it",
                                   "  baton explain 42\n"
                                   "  baton explain 42 -o json | jq -r '.obstacles[].kind'\n",
                                   [id](Session& session) { return RunExplain(session, *id); });
  command.add_option("id", *id, "Task")->required()->type_name("ID");
}

}  // namespace baton::cli
