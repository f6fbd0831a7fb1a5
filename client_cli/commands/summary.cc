// baton summary
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/history_options.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

std::string TookText(const google::protobuf::Duration& duration) {
  return FormatRoughDuration(ToMicroseconds(duration));
}

// "12: 10 COMPLETED, 2 PENDING"
std::string WithParts(uint64_t total, const std::vector<std::string>& parts) {
  return parts.empty() ? absl::StrCat(total) : absl::StrCat(total, ": ", absl::StrJoin(parts, ", "));
}

std::string TasksLine(const v1::GetWorkflowSummaryResponse& summary) {
  std::vector<std::string> parts;
  for (const v1::StateCount& count : summary.states()) {
    parts.push_back(absl::StrCat(count.tasks(), " ", EnumText(count.state())));
  }
  return WithParts(summary.tasks(), parts);
}

std::string TypesLine(const v1::GetWorkflowSummaryResponse& summary) {
  std::vector<std::string> parts;
  for (const v1::TypeCount& count : summary.types()) parts.push_back(absl::StrCat(count.tasks(), " ", count.type()));
  return absl::StrJoin(parts, ", ");
}

std::string StagesLine(const v1::GetWorkflowSummaryResponse& summary) {
  std::vector<std::string> parts;
  for (const v1::StageCount& count : summary.stages()) {
    parts.push_back(absl::StrCat(count.tasks(), " at stage ", count.stage()));
  }
  return absl::StrJoin(parts, ", ");
}

std::string AttemptsLine(const v1::GetWorkflowSummaryResponse& summary) {
  std::vector<std::string> parts;
  uint64_t running = summary.attempts();
  for (const v1::OutcomeCount& count : summary.outcomes()) {
    parts.push_back(absl::StrCat(count.attempts(), " ", EnumText(count.outcome())));
    running -= count.attempts();
  }
  if (running > 0) parts.push_back(absl::StrCat(running, " running"));
  if (summary.attempts() == 0) return "0";
  return absl::StrCat(WithParts(summary.attempts(), parts), "; at most ", summary.highest_attempt(), " of a task");
}

std::string WorkersLine(const v1::GetWorkflowSummaryResponse& summary) {
  const uint64_t more = summary.worker_count() - static_cast<uint64_t>(summary.workers_size());
  return absl::StrCat(absl::StrJoin(summary.workers(), ", "), more > 0 ? absl::StrCat(", … ", more, " more") : "");
}

void PrintOverview(Session& session, const v1::GetWorkflowSummaryResponse& summary) {
  const auto local = [&](bool is_set, const google::protobuf::Timestamp& time) {
    return is_set ? session.Local(ToTime(time)) : std::string();
  };
  const v1::Task& root = summary.root();
  DetailList details(session.environment().out, session.style());
  details.Add("workflow", absl::StrCat(root.id()));
  details.Add("type", root.type());
  details.Add("state", {EnumText(root.state()), StateColor(root.state())});
  details.Add("waiting for", {root.waiting_for(), Color::kYellow});
  details.Add("takes", TookText(summary.duration()));
  details.Add("created", local(summary.has_created_at(), summary.created_at()));
  details.Add("first claimed", local(summary.has_first_claimed_at(), summary.first_claimed_at()));
  details.Add("last attempt ended", local(summary.has_last_ended_at(), summary.last_ended_at()));
  details.Add("last event", local(summary.has_last_event_at(), summary.last_event_at()));
  details.Add("tasks", TasksLine(summary));
  details.Add("types", TypesLine(summary));
  details.Add("stages", StagesLine(summary));
  details.Add("attempts", AttemptsLine(summary));
  details.Add("events", absl::StrCat(summary.events(), ", ", summary.checkpoints(), " of them checkpoints"));
  details.Add("workers", WorkersLine(summary));
  details.Print();
}

// A table below a heading; nothing if it has no rows.
void PrintTable(Session& session, const std::string& heading, std::vector<std::string> header,
                std::vector<std::vector<Cell>> rows) {
  if (rows.empty()) return;
  session.environment().out << '\n' << heading << '\n';
  Table table(session.environment().out, std::move(header), session.style());
  for (std::vector<Cell>& row : rows) table.AddRow(std::move(row));
  table.Flush();
}

std::vector<Cell> SpanRow(Session& session, const v1::AttemptSpan& span) {
  return {std::to_string(span.task_id()),
          span.type(),
          std::to_string(span.stage()),
          std::to_string(span.attempt()),
          OutcomeCell(span.outcome()),
          span.worker_id(),
          session.Local(ToTime(span.claimed_at())),
          TookText(span.duration())};
}

void PrintSpans(Session& session, const std::string& heading,
                const google::protobuf::RepeatedPtrField<v1::AttemptSpan>& spans) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::AttemptSpan& span : spans) rows.push_back(SpanRow(session, span));
  PrintTable(session, heading, {"TASK", "TYPE", "STAGE", "ATTEMPT", "OUTCOME", "WORKER", "CLAIMED", "TOOK"},
             std::move(rows));
}

void PrintPath(Session& session, const v1::GetWorkflowSummaryResponse& summary) {
  const double whole = static_cast<double>(ToMicroseconds(summary.duration()));
  std::vector<std::vector<Cell>> rows;
  for (const v1::PathSegment& segment : summary.critical_path()) {
    const absl::Duration offset = ToTime(segment.begin()) - ToTime(summary.created_at());
    const int64_t took = ToMicroseconds(segment.duration());
    rows.push_back(
        {absl::StrCat("+", FormatRoughDuration(absl::ToInt64Microseconds(offset))),
         FormatRoughDuration(took),
         whole > 0 ? absl::StrFormat("%.1f%%", 100.0 * static_cast<double>(took) / whole) : "",
         std::to_string(segment.task_id()),
         segment.type(),
         {EnumText(segment.kind()), segment.kind() == v1::SEGMENT_KIND_RUNNING ? Color::kCyan : Color::kYellow},
         segment.attempt() == 0 ? "" : std::to_string(segment.attempt()),
         segment.worker_id()});
  }
  const char* heading =
      summary.critical_path_truncated() ? "Critical path (the last 1,000 segments):" : "Critical path:";
  PrintTable(session, heading, {"AT", "TOOK", "SHARE", "TASK", "TYPE", "WHAT", "ATTEMPT", "WORKER"}, std::move(rows));
}

void PrintFailed(Session& session, const v1::GetWorkflowSummaryResponse& summary) {
  std::vector<std::vector<Cell>> rows;
  for (const v1::FailedTask& task : summary.failed_tasks()) {
    rows.push_back({std::to_string(task.task_id()),
                    task.type(),
                    {EnumText(task.state()), StateColor(task.state())},
                    task.error()});
  }
  PrintTable(session, "Failed or paused:", {"TASK", "TYPE", "STATE", "ERROR"}, std::move(rows));
}

ExitCode RunSummary(Session& session, const std::string& text) {
  absl::StatusOr<uint64_t> id = ParseTaskId(text);
  if (!id.ok()) return session.Fail(id.status());
  v1::GetWorkflowSummaryRequest request;
  request.set_task_id(*id);
  auto summary = session.broker().GetWorkflowSummary(request, session.call_timeout());
  if (!summary.ok()) return session.Fail(summary.status());
  if (!session.is_table()) {
    session.Print(MessageJson(*summary));
  } else {
    PrintOverview(session, *summary);
    PrintSpans(session, "Attempts of the root:", summary->stages_of_root());
    PrintPath(session, *summary);
    PrintSpans(session, "Slowest attempts:", summary->slowest_attempts());
    PrintFailed(session, *summary);
  }
  if (summary->truncated()) {
    session.environment().err << "baton: the workflow has more than " << summary->tasks()
                              << " tasks: the others were not looked at" << std::endl;
  }
  return ExitCode::kOk;
}

}  // namespace

void AddSummaryCommand(CommandTable& commands) {
  auto id = std::make_shared<std::string>();
  CLI::App& command = commands.Add("summary", "Sums a workflow up: tasks, attempts, failures, and where its time went",
                                   "  baton summary 42\n"
                                   "  baton summary 42 -o json | jq '.critical_path[] | select(.kind == \"QUEUED\")'\n",
                                   [id](Session& session) { return RunSummary(session, *id); });
  command.add_option("id", *id, "Any task of the workflow")->required()->type_name("ID");
}

}  // namespace baton::cli
