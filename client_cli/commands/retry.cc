// baton retry
#include <memory>

#include "client_cli/command_table.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct RetryArguments {
  std::vector<std::string> ids;
  std::string reason;
  bool from_start = false;
};

ExitCode RunRetry(Session& session, const RetryArguments& arguments) {
  absl::StatusOr<std::vector<uint64_t>> ids = ParseTaskIds(arguments.ids);
  if (!ids.ok()) return session.Fail(ids.status());
  RecordWriter writer(session, {"ID", "STATE"});
  ExitCode code = ExitCode::kOk;
  for (const uint64_t id : *ids) {
    v1::RetryTaskRequest request;
    request.set_task_id(id);
    request.set_reason(arguments.reason);
    request.set_from_start(arguments.from_start);
    absl::StatusOr<v1::RetryTaskResponse> response = session.broker().RetryTask(request, session.call_timeout());
    if (!response.ok()) {
      code = session.Fail(response.status());
      if (code == ExitCode::kUnavailable) break;
      continue;
    }
    const std::string state = EnumText(response->state());
    writer.Add({std::to_string(id), {state, StateColor(response->state())}}, Json{{"task_id", id}, {"state", state}});
  }
  writer.Finish("");
  return code;
}

}  // namespace

void AddRetryCommand(CommandTable& commands) {
  auto arguments = std::make_shared<RetryArguments>();
  CLI::App& command =
      commands.Add("retry", "Has tasks that failed or were cancelled done again, from the stage that failed",
                   "  baton retry 42 --reason 'the mail server is back'\n"
                   "  baton retry 42 --from-start\n"
                   "  baton bulk retry --type send_email --error timeout --dry-run --wait\n",
                   [arguments](Session& session) { return RunRetry(session, *arguments); });
  command.add_option("id", arguments->ids, "Tasks")->required()->type_name("ID");
  command.add_option("--reason", arguments->reason, "Why; kept in the history")->type_name("TEXT");
  command.add_flag("--from-start", arguments->from_start, "With the first stage, without the context of later ones");
}

}  // namespace baton::cli
