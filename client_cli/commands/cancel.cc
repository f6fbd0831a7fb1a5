// baton cancel
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct CancelArguments {
  std::vector<std::string> ids;
  std::string reason;
};

ExitCode RunCancel(Session& session, const CancelArguments& arguments) {
  absl::StatusOr<std::vector<uint64_t>> ids = ParseTaskIds(arguments.ids);
  if (!ids.ok()) return session.Fail(ids.status());
  RecordWriter writer(session, {"ID", "STATE"});
  ExitCode code = ExitCode::kOk;
  for (uint64_t id : *ids) {
    v1::CancelRequest request;
    request.set_task_id(id);
    request.set_reason(arguments.reason);
    absl::StatusOr<v1::CancelResponse> response = session.broker().Cancel(request, session.call_timeout());
    if (!response.ok()) {
      code = session.Fail(response.status());
      if (code == ExitCode::kUnavailable) break;
      continue;
    }
    std::string state = EnumText(response->state());
    writer.Add({std::to_string(id), {state, StateColor(response->state())}}, Json{{"task_id", id}, {"state", state}});
  }
  writer.Finish("");
  return code;
}

}  // namespace

void AddCancelCommand(CommandTable& commands) {
  auto arguments = std::make_shared<CancelArguments>();
  CLI::App& command = commands.Add("cancel", "Cancels tasks and all their descendants",
                                   "  baton cancel 42 --reason 'ordered twice'\n"
                                   "  baton bulk cancel --tag batch-7 --dry-run --wait\n",
                                   [arguments](Session& session) { return RunCancel(session, *arguments); });
  command.add_option("id", arguments->ids, "Tasks")->required()->type_name("ID");
  command.add_option("--reason", arguments->reason, "Why; kept in the history")->type_name("TEXT");
}

}  // namespace baton::cli
