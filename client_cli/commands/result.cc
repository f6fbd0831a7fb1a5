// baton result
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/result_output.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/payload_text.h"

namespace baton::cli {
namespace {

struct ResultArguments {
  std::string id;
  std::string output;
};

absl::Status WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (file.is_open()) {
    file << bytes;
    file.close();
  }
  if (file) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--output: cannot write ", path, ": ", std::strerror(errno)));
}

ExitCode RunResult(Session& session, const ResultArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
  if (!id.ok()) return session.Fail(id.status());
  v1::GetRequest request;
  request.set_task_id(*id);
  request.mutable_parts()->set_result(true);
  absl::StatusOr<v1::GetResponse> response = session.broker().Get(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  const v1::Task& task = response->task();
  if (!IsTerminal(task.state())) {
    return session.Fail(
        absl::FailedPreconditionError(absl::StrCat("task ", *id, " has no result yet: it is ", EnumText(task.state()),
                                                   ". `baton wait ", *id, "` waits for its end.")));
  }
  if (task.state() == v1::TASK_STATE_COMPLETED && IsHidden(task.result()) && !arguments.output.empty()) {
    return ReportHidden(session, task);
  }
  if (arguments.output.empty() || task.state() != v1::TASK_STATE_COMPLETED) return PrintResult(session, task);
  absl::Status written = WriteFile(arguments.output, PayloadBytes(task.result()));
  return written.ok() ? ExitCode::kOk : session.Fail(written);
}

}  // namespace

void AddResultCommand(CommandTable& commands) {
  auto arguments = std::make_shared<ResultArguments>();
  CLI::App& command = commands.Add(
      "result", "Prints the result of a completed task, byte for byte; on a terminal control characters are escaped",
      "  baton result 42\n"
      "  baton result 42 --output picture.png\n",
      [arguments](Session& session) { return RunResult(session, *arguments); });
  command.add_option("id", arguments->id, "Task")->required()->type_name("ID");
  command.add_option("--output", arguments->output, "Write it to this file instead")->type_name("FILE");
}

}  // namespace baton::cli
