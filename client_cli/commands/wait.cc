// baton wait
#include <memory>

#include "client_cli/command_table.h"
#include "client_cli/commands/result_output.h"
#include "client_cli/waiting.h"

namespace baton::cli {
namespace {

ExitCode RunWait(Session& session, const std::vector<std::string>& texts) {
  absl::StatusOr<std::vector<uint64_t>> ids = ParseTaskIds(texts);
  if (!ids.ok()) return session.Fail(ids.status());
  std::vector<v1::Task> ended;
  absl::Status waited = WaitForTasks(session, *ids, WaitDeadline(session, session.options().timeout), /*reached=*/false,
                                     [&](const v1::Task& task) { ended.push_back(task); });
  if (waited.ok() && ids->size() == 1) return PrintResult(session, ended[0]);
  ExitCode code = ended.empty() ? ExitCode::kOk : PrintEnded(session, ended);
  return waited.ok() ? code : session.Fail(waited);
}

}  // namespace

void AddWaitCommand(CommandTable& commands) {
  auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App& command = commands.Add("wait", "Waits until tasks have ended, and prints their results",
                                   "  baton wait 42\n"
                                   "  baton wait 42 43 44 --timeout 5m -o jsonl\n"
                                   "One id: the result is printed byte for byte. Several: one row for each.\n",
                                   [ids](Session& session) { return RunWait(session, *ids); });
  command.add_option("id", *ids, "Tasks")->required()->type_name("ID");
}

}  // namespace baton::cli
