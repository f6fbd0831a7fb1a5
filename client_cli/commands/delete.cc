// baton delete
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"

namespace baton::cli {
namespace {

struct DeleteArguments {
  std::vector<std::string> ids;
  std::string reason;
};

ExitCode RunDelete(Session& session, const DeleteArguments& arguments) {
  absl::StatusOr<std::vector<uint64_t>> ids = ParseTaskIds(arguments.ids);
  if (!ids.ok()) return session.Fail(ids.status());
  RecordWriter writer(session, {"ID", "ROOT", "DELETED"});
  ExitCode code = ExitCode::kOk;
  for (const uint64_t id : *ids) {
    v1::DeleteTaskRequest request;
    request.set_task_id(id);
    request.set_reason(arguments.reason);
    absl::StatusOr<v1::DeleteTaskResponse> response = session.broker().DeleteTask(request, session.call_timeout());
    if (!response.ok()) {
      code = session.Fail(response.status());
      if (code == ExitCode::kUnavailable) break;
      continue;
    }
    writer.Add({absl::StrCat(id), absl::StrCat(response->root_id()), absl::StrCat(response->tasks())},
               Json{{"task_id", id}, {"root_id", response->root_id()}, {"tasks", response->tasks()}});
  }
  writer.Finish("");
  return code;
}

}  // namespace

void AddDeleteCommand(CommandTable& commands) {
  auto arguments = std::make_shared<DeleteArguments>();
  CLI::App& command =
      commands.Add("delete", "Removes tasks that have ended, with their whole workflows and all history",
                   "  baton delete 42 --reason 'asked for by the customer'\n"
                   "  baton bulk delete --tag batch-7 --dry-run --wait\n",
                   [arguments](Session& session) { return RunDelete(session, *arguments); });
  command.add_option("id", arguments->ids, "Tasks")->required()->type_name("ID");
  command.add_option("--reason", arguments->reason, "Why")->type_name("TEXT");
}

}  // namespace baton::cli
