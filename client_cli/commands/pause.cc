// baton pause, baton unpause
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client_cli/command_table.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct PauseArguments {
  std::vector<std::string> ids;
  std::string reason;
  bool cascade = false;
};

// Does it to each task, and tells the state that `call` answers with.
template <typename Request, typename Call>
ExitCode RunForEach(Session& session, const PauseArguments& arguments, bool paused, Call&& call) {
  absl::StatusOr<std::vector<uint64_t>> ids = ParseTaskIds(arguments.ids);
  if (!ids.ok()) return session.Fail(ids.status());
  std::vector<std::string> header = {"ID", "STATE"};
  if (paused) header.push_back("BENEATH");
  RecordWriter writer(session, header);
  ExitCode code = ExitCode::kOk;
  for (const uint64_t id : *ids) {
    Request request;
    request.set_task_id(id);
    request.set_reason(arguments.reason);
    request.set_cascade(arguments.cascade);
    const auto response = call(request);
    if (!response.ok()) {
      code = session.Fail(response.status());
      if (code == ExitCode::kUnavailable) break;
      continue;
    }
    const v1::TaskState shown = paused ? v1::TASK_STATE_PAUSED : response->state();
    const std::string state = EnumText(shown), beneath = EnumText(response->state());
    std::vector<Cell> row = {std::to_string(id), {state, StateColor(shown)}};
    if (paused) row.emplace_back(beneath);
    writer.Add(std::move(row), Json{{"task_id", id}, {"state", state}, {"beneath", beneath}});
  }
  writer.Finish("");
  return code;
}

ExitCode RunPause(Session& session, const PauseArguments& arguments) {
  return RunForEach<v1::PauseTaskRequest>(session, arguments, true, [&](const v1::PauseTaskRequest& request) {
    return session.broker().PauseTask(request, session.call_timeout());
  });
}

ExitCode RunUnpause(Session& session, const PauseArguments& arguments) {
  return RunForEach<v1::UnpauseTaskRequest>(session, arguments, false, [&](const v1::UnpauseTaskRequest& request) {
    return session.broker().UnpauseTask(request, session.call_timeout());
  });
}

void AddOptions(CLI::App& command, PauseArguments& arguments) {
  command.add_option("id", arguments.ids, "Tasks")->required()->type_name("ID");
  command.add_option("--reason", arguments.reason, "Why; kept in the history")->type_name("TEXT");
  command.add_flag("--cascade", arguments.cascade, "All their descendants too");
}

}  // namespace

void AddPauseCommand(CommandTable& commands) {
  auto arguments = std::make_shared<PauseArguments>();
  AddOptions(commands.Add("pause", "Holds tasks back; an attempt that runs goes on to its end",
                          "  baton pause 42 --reason 'the mail server is down'\n"
                          "  baton pause 42 --cascade\n",
                          [arguments](Session& session) { return RunPause(session, *arguments); }),
             *arguments);
}

void AddUnpauseCommand(CommandTable& commands) {
  auto arguments = std::make_shared<PauseArguments>();
  AddOptions(commands.Add("unpause", "Lets paused tasks go on where they are",
                          "  baton unpause 42 --reason 'the mail server is back'\n"
                          "  baton bulk unpause --tag batch-7 --dry-run --wait\n",
                          [arguments](Session& session) { return RunUnpause(session, *arguments); }),
             *arguments);
}

}  // namespace baton::cli
