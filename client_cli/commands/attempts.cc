// baton attempts
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/history_options.h"
#include "client_cli/commands/paging.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

struct AttemptsArguments {
  HistoryArguments history;
  std::vector<std::string> outcomes;
  bool open = false;
  std::string since;
  std::string until;
  std::string ended_since;
  std::string ended_until;
};

// How long its handler ran, as its worker says; if that says nothing, how long the attempt was out, once it has ended.
std::string RanText(const v1::Attempt& attempt) {
  if (attempt.has_ran()) return FormatDuration(ToMicroseconds(attempt.ran()));
  if (!attempt.has_claimed_at() || !attempt.has_ended_at()) return "";
  return FormatDuration(absl::ToInt64Microseconds(ToTime(attempt.ended_at()) - ToTime(attempt.claimed_at())));
}

std::vector<Cell> Row(Session& session, bool workflow, const v1::Attempt& attempt) {
  std::vector<Cell> row = {std::to_string(attempt.number()),
                           std::to_string(attempt.stage()),
                           OutcomeCell(attempt.outcome()),
                           attempt.worker_id(),
                           attempt.has_claimed_at() ? session.Local(ToTime(attempt.claimed_at())) : "",
                           attempt.has_queued() ? FormatDuration(ToMicroseconds(attempt.queued())) : "",
                           RanText(attempt),
                           attempt.error()};
  if (workflow) row.insert(row.begin(), std::to_string(attempt.task_id()));
  return row;
}

// Everything but the scope, which may have to be asked for.
absl::Status SetConditions(Session& session, const AttemptsArguments& arguments, v1::ListAttemptsRequest* request) {
  auto outcomes = ParseEnums<v1::AttemptOutcome>("--outcome", arguments.outcomes);
  if (!outcomes.ok()) return outcomes.status();
  for (const v1::AttemptOutcome outcome : *outcomes) request->add_outcomes(outcome);
  request->set_open_only(arguments.open);
  absl::Status status = SetTime(session, "--since", arguments.since, [&] { return request->mutable_claimed_since(); });
  status.Update(SetTime(session, "--until", arguments.until, [&] { return request->mutable_claimed_until(); }));
  status.Update(
      SetTime(session, "--ended-since", arguments.ended_since, [&] { return request->mutable_ended_since(); }));
  status.Update(
      SetTime(session, "--ended-until", arguments.ended_until, [&] { return request->mutable_ended_until(); }));
  return status;
}

ExitCode RunAttempts(Session& session, const AttemptsArguments& arguments) {
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.history.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  v1::ListAttemptsRequest request;
  absl::Status status = SetConditions(session, arguments, &request);
  if (status.ok()) status = SetScope(session, arguments.history, &request);
  if (!status.ok()) return session.Fail(status);
  const bool workflow = arguments.history.workflow;
  std::vector<std::string> header = {"#", "STAGE", "OUTCOME", "WORKER", "CLAIMED", "IN WORKER", "RAN", "ERROR"};
  if (workflow) header.insert(header.begin(), "TASK");
  RecordWriter writer(session, header);
  absl::Status listed = ForEachItem(
      request, *limit,
      [&](const v1::ListAttemptsRequest& page) { return session.broker().ListAttempts(page, session.call_timeout()); },
      [](const v1::ListAttemptsResponse& page) -> const auto& { return page.attempts(); },
      [&](const v1::Attempt& attempt) { writer.Add(Row(session, workflow, attempt), attempt); },
      [&] { writer.Flush(); });
  if (!listed.ok()) return session.Fail(listed);
  return writer.Finish("no such attempts");
}

}  // namespace

void AddAttemptsCommand(CommandTable& commands) {
  auto arguments = std::make_shared<AttemptsArguments>();
  CLI::App& command = commands.Add("attempts", "Shows attempts: who ran the task, how long, how it ended",
                                   "  baton attempts 42\n"
                                   "  baton attempts 42 --workflow --outcome failed,timed-out --since 1h\n"
                                   "  baton attempts 42 --workflow --open\n"
                                   "  baton attempts 42 -o json\n",
                                   [arguments](Session& session) { return RunAttempts(session, *arguments); });
  AddHistoryOptions(command, arguments->history);
  command.add_option("--outcome", arguments->outcomes, "Only with these outcomes; repeatable, or separated by commas")
      ->type_name("OUTCOME")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_flag("--open", arguments->open, "Only those that run");
  command.add_option("--since", arguments->since, "Not claimed before this: how long ago, like 10m, or RFC 3339")
      ->type_name("TIME");
  command.add_option("--until", arguments->until, "Not claimed after this")->type_name("TIME");
  command.add_option("--ended-since", arguments->ended_since, "Not ended before this")->type_name("TIME");
  command.add_option("--ended-until", arguments->ended_until, "Not ended after this")->type_name("TIME");
  RefuseEmptyValues(command);
}

}  // namespace baton::cli
