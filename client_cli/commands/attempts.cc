// baton attempts
#include <memory>

#include "client_cli/command_table.h"
#include "client_cli/commands/paging.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

struct AttemptsArguments {
  std::string id;
  std::string limit = "0";
};

Cell Outcome(const v1::Attempt& attempt) {
  switch (attempt.outcome()) {
    case v1::ATTEMPT_OUTCOME_UNSPECIFIED:
      return {"(running)", Color::kCyan};
    case v1::ATTEMPT_OUTCOME_SUCCEEDED:
      return {EnumText(attempt.outcome()), Color::kGreen};
    case v1::ATTEMPT_OUTCOME_FAILED:
    case v1::ATTEMPT_OUTCOME_TIMED_OUT:
      return {EnumText(attempt.outcome()), Color::kRed};
    default:
      return {EnumText(attempt.outcome()), Color::kYellow};
  }
}

std::vector<Cell> Row(Session& session, const v1::Attempt& attempt) {
  return {std::to_string(attempt.number()),
          std::to_string(attempt.stage()),
          Outcome(attempt),
          attempt.worker_id(),
          attempt.has_claimed_at() ? session.Local(ToTime(attempt.claimed_at())) : "",
          attempt.has_queued() ? FormatDuration(ToMicroseconds(attempt.queued())) : "",
          attempt.has_ran() ? FormatDuration(ToMicroseconds(attempt.ran())) : "",
          attempt.error()};
}

ExitCode RunAttempts(Session& session, const AttemptsArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
  if (!id.ok()) return session.Fail(id.status());
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  v1::ListAttemptsRequest request;
  request.set_task_id(*id);
  RecordWriter writer(session, {"#", "STAGE", "OUTCOME", "WORKER", "CLAIMED", "QUEUED", "RAN", "ERROR"});
  absl::Status listed = ForEachItem(
      request, *limit,
      [&](const v1::ListAttemptsRequest& page) { return session.broker().ListAttempts(page, session.call_timeout()); },
      [](const v1::ListAttemptsResponse& page) -> const auto& { return page.attempts(); },
      [&](const v1::Attempt& attempt) { writer.Add(Row(session, attempt), attempt); }, [&] { writer.Flush(); });
  if (!listed.ok()) return session.Fail(listed);
  return writer.Finish("no attempts yet");
}

}  // namespace

void AddAttemptsCommand(CommandTable& commands) {
  auto arguments = std::make_shared<AttemptsArguments>();
  CLI::App& command = commands.Add("attempts", "Shows the attempts of a task: who ran it, how long, how it ended",
                                   "  baton attempts 42\n"
                                   "  baton attempts 42 -o json\n",
                                   [arguments](Session& session) { return RunAttempts(session, *arguments); });
  command.add_option("id", arguments->id, "Task")->required()->type_name("ID");
  command.add_option("--limit", arguments->limit, "At most so many (default: all)")->type_name("N");
}

}  // namespace baton::cli
