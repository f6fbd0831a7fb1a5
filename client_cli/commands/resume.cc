// baton resume
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/payload_text.h"

namespace baton::cli {
namespace {

struct ResumeArguments {
  std::string id;
  std::optional<std::string> decision;
  std::optional<std::string> data;
  std::string reason;
};

absl::StatusOr<v1::ResumeRequest> BuildRequest(Session& session, const ResumeArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
  if (!id.ok()) return id.status();
  v1::ResumeRequest request;
  request.set_task_id(*id);
  request.set_reason(arguments.reason);
  absl::StatusOr<v1::Payload> decision = v1::Payload();
  std::istream& input = session.environment().in;
  if (arguments.decision.has_value()) decision = ReadJsonPayload("--decision", *arguments.decision, input);
  if (arguments.data.has_value()) decision = ReadDataPayload("--data", *arguments.data, input);
  if (!decision.ok()) return decision.status();
  if (arguments.decision.has_value() || arguments.data.has_value()) *request.mutable_decision() = *std::move(decision);
  return request;
}

ExitCode RunResume(Session& session, const ResumeArguments& arguments) {
  absl::StatusOr<v1::ResumeRequest> request = BuildRequest(session, arguments);
  if (!request.ok()) return session.Fail(request.status());
  absl::StatusOr<v1::ResumeResponse> response = session.broker().Resume(*request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  std::string state = EnumText(response->state());
  if (!session.is_table()) return session.Print({{"task_id", request->task_id()}, {"state", state}});
  session.environment().out << "Resumed task " << request->task_id() << ": it is " << state << ".\n";
  return ExitCode::kOk;
}

}  // namespace

void AddResumeCommand(CommandTable& commands) {
  auto arguments = std::make_shared<ResumeArguments>();
  CLI::App& command = commands.Add("resume", "Wakes a task that its handler suspended, with a decision",
                                   "  baton resume 42 --decision '{\"approved\": true}' --reason 'looks right'\n"
                                   "  baton resume 42 --decision @decision.json\n",
                                   [arguments](Session& session) { return RunResume(session, *arguments); });
  command.add_option("id", arguments->id, "Task")->required()->type_name("ID");
  auto* decision =
      command.add_option("--decision", arguments->decision, "JSON for the handler: the text itself, @FILE, or -")
          ->type_name("TEXT|@FILE|-");
  command.add_option("--data", arguments->data, "Bytes for the handler: the text itself, @FILE, or -")
      ->type_name("TEXT|@FILE|-")
      ->excludes(decision);
  command.add_option("--reason", arguments->reason, "Why; kept in the history")->type_name("TEXT");
}

}  // namespace baton::cli
