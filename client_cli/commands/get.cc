// baton get
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/progress_display.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/options_text.h"
#include "client_cli/text/payload_text.h"

namespace baton::cli {
namespace {

struct GetArguments {
  std::vector<std::string> ids;
  bool brief = false;
};

std::string IdOrNothing(uint64_t id) { return id == 0 ? "" : absl::StrCat(id); }
std::string CountOrNothing(int64_t count) { return count == 0 ? "" : absl::StrCat(count); }

std::string ProgressLine(Session& session, const v1::Task& task) {
  const v1::Progress& progress = task.progress();
  std::vector<std::string> parts;
  if (progress.has_percent()) parts.push_back(absl::StrCat(progress.percent(), "%"));
  if (!progress.stage_name().empty()) parts.push_back(progress.stage_name());
  if (!progress.text().empty()) parts.push_back(progress.text());
  if (!progress.metadata_json().empty()) parts.push_back(progress.metadata_json());
  if (progress.at_us() != 0) parts.push_back(session.Local(progress.at_us()));
  return absl::StrJoin(parts, ", ");
}

std::string ChildrenLine(const v1::Task& task) {
  if (task.children_total() == 0) return "";
  return absl::StrCat(task.children_total(), " in all, ", task.children_remaining(), " not ended, ",
                      task.children_failed(), " without result");
}

void AddIdentity(const v1::Task& task, DetailList& details) {
  bool child = task.parent_id() != 0;
  details.Add("task", absl::StrCat(task.id()));
  details.Add("type", task.type());
  details.Add("state", {EnumText(task.state()), StateColor(task.state())});
  details.Add("waiting for", {task.waiting_for(), Color::kYellow});
  details.Add("tag", task.tag());
  details.Add("unique key", task.unique_key());
  details.Add("parent", IdOrNothing(task.parent_id()));
  details.Add("root", child ? IdOrNothing(task.root_id()) : "");
  details.Add("children", ChildrenLine(task));
  details.Add("trace parent", task.trace_parent());
  details.Add("trace state", task.trace_state());
}

void AddTimes(Session& session, const v1::Task& task, DetailList& details) {
  details.Add("created", session.Local(task.created_at_us()));
  if (!task.schedule().empty()) {
    const std::string due = task.scheduled_at_us() == 0 ? "triggered" : session.Local(task.scheduled_at_us());
    details.Add("schedule", absl::StrCat(task.schedule(), ", ", due));
  }
  details.Add("due", session.Local(task.due_at_us()));
  details.Add("must begin by", session.Local(task.start_by_us()));
  details.Add("must end by", session.Local(task.end_by_us()));
  details.Add("started", session.Local(task.started_at_us()));
  details.Add("ended", session.Local(task.ended_at_us()));
}

void AddExecution(Session& session, const v1::Task& task, DetailList& details) {
  details.Add("worker", task.worker_id());
  details.Add("attempt", CountOrNothing(task.attempt()));
  details.Add("stage", CountOrNothing(task.stage()));
  details.Add("failed attempts", CountOrNothing(task.failed_attempts()));
  details.Add("interruptions", CountOrNothing(task.interruptions()));
  details.Add("progress", ProgressLine(session, task));
  details.Add("suspended because", task.suspend_reason());
  details.Add("must be decided by", session.Local(task.decide_by_us()));
  if (task.decide_by_us() != 0) details.Add("if nobody decides", EnumText(task.when_undecided()));
  details.Add("last error", {task.last_error(), Color::kRed});
  details.Add("cancelled because", task.cancel_reason());
  details.Add("priority", absl::StrCat(task.priority()));
  details.Add("requires", absl::StrJoin(task.required_capabilities(), ", "));
  details.Add("options", OptionsText(task.options()));
}

void PrintDetails(Session& session, const v1::Task& task) {
  DetailList details(session.environment().out, session.style());
  AddIdentity(task, details);
  AddTimes(session, task, details);
  AddExecution(session, task, details);
  details.Add("payload", PayloadPreview(task.payload()));
  details.Add("context", PayloadPreview(task.context()));
  details.Add("result", PayloadPreview(task.result()));
  details.Print();
}

absl::StatusOr<v1::Task> Fetch(Session& session, uint64_t id, bool brief) {
  v1::GetRequest request;
  request.set_task_id(id);
  request.mutable_parts()->set_payload(!brief);
  request.mutable_parts()->set_result(!brief);
  request.mutable_parts()->set_context(!brief);
  absl::StatusOr<v1::GetResponse> response = session.broker().Get(request, session.call_timeout());
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_task());
}

ExitCode RunGet(Session& session, const GetArguments& arguments) {
  absl::StatusOr<std::vector<uint64_t>> ids = ParseTaskIds(arguments.ids);
  if (!ids.ok()) return session.Fail(ids.status());
  bool single = ids->size() == 1;
  ExitCode code = ExitCode::kOk;
  RecordWriter writer(session, {});
  for (size_t i = 0; i < ids->size(); ++i) {
    absl::StatusOr<v1::Task> task = Fetch(session, (*ids)[i], arguments.brief);
    if (!task.ok()) {
      code = session.Fail(task.status());
    } else if (session.is_table()) {
      if (i > 0) session.environment().out << '\n';
      PrintDetails(session, *task);
    } else if (single) {
      session.Print(MessageJson(*task));
    } else {
      writer.Add({}, *task);
    }
  }
  if (!session.is_table() && !single) writer.Finish("");
  return code;
}

}  // namespace

void AddGetCommand(CommandTable& commands) {
  auto arguments = std::make_shared<GetArguments>();
  CLI::App& command = commands.Add("get", "Shows tasks: state, what they wait for, options, payload, result",
                                   "  baton get 42\n"
                                   "  baton get 42 -o json | jq .state\n"
                                   "  baton get 42 43 --brief\n",
                                   [arguments](Session& session) { return RunGet(session, *arguments); });
  command.add_option("id", arguments->ids, "Tasks")->required()->type_name("ID");
  command.add_flag("--brief", arguments->brief, "Without payload, context and result");
}

}  // namespace baton::cli
