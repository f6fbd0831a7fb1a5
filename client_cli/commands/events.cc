// baton events
#include <memory>

#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/history_options.h"
#include "client_cli/commands/paging.h"
#include "client_cli/event_text.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

struct EventsArguments {
  HistoryArguments history;
  std::vector<std::string> types;
  std::string attempt;
  std::string stage;
  std::string since;
  std::string until;
};

std::vector<Cell> Row(Session& session, bool workflow, const v1::Event& event) {
  std::vector<Cell> row = {std::to_string(event.number()),
                           EventTime(event, session.environment().time_zone),
                           {EnumText(event.type()), StateColor(event.to_state())},
                           event.attempt() == 0 ? "" : std::to_string(event.attempt()),
                           std::to_string(event.stage()),
                           EventActor(event),
                           EventDetail(event, session.environment().now(), session.environment().time_zone)};
  if (workflow) row.insert(row.begin(), std::to_string(event.task_id()));
  return row;
}

// Everything but the scope, which may have to be asked for.
absl::Status SetConditions(Session& session, const EventsArguments& arguments, v1::ListEventsRequest* request) {
  auto types = ParseEnums<v1::EventType>("--type", arguments.types);
  if (!types.ok()) return types.status();
  for (const v1::EventType type : *types) request->add_types(type);
  constexpr uint64_t kLargest = std::numeric_limits<int32_t>::max();
  if (!arguments.attempt.empty()) {
    absl::StatusOr<uint64_t> attempt = ParseCount("--attempt", arguments.attempt, 0, kLargest);
    if (!attempt.ok()) return attempt.status();
    request->set_attempt(static_cast<int32_t>(*attempt));
  }
  if (!arguments.stage.empty()) {
    absl::StatusOr<uint64_t> stage = ParseCount("--stage", arguments.stage, 0, kLargest);
    if (!stage.ok()) return stage.status();
    request->set_stage(static_cast<int32_t>(*stage));
  }
  absl::Status status = SetTime(session, "--since", arguments.since, [&] { return request->mutable_since(); });
  status.Update(SetTime(session, "--until", arguments.until, [&] { return request->mutable_until(); }));
  return status;
}

ExitCode RunEvents(Session& session, const EventsArguments& arguments) {
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.history.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  v1::ListEventsRequest request;
  absl::Status status = SetConditions(session, arguments, &request);
  if (status.ok()) status = SetScope(session, arguments.history, &request);
  if (!status.ok()) return session.Fail(status);
  const bool workflow = arguments.history.workflow;
  std::vector<std::string> header = {"#", "TIME", "EVENT", "ATTEMPT", "STAGE", "BY", "DETAIL"};
  if (workflow) header.insert(header.begin(), "TASK");
  RecordWriter writer(session, header);
  absl::Status listed = ForEachItem(
      request, *limit,
      [&](const v1::ListEventsRequest& page) { return session.broker().ListEvents(page, session.call_timeout()); },
      [](const v1::ListEventsResponse& page) -> const auto& { return page.events(); },
      [&](const v1::Event& event) { writer.Add(Row(session, workflow, event), event); }, [&] { writer.Flush(); });
  if (!listed.ok()) return session.Fail(listed);
  return writer.Finish("no such events");
}

}  // namespace

void AddEventsCommand(CommandTable& commands) {
  auto arguments = std::make_shared<EventsArguments>();
  CLI::App& command = commands.Add("events", "Shows the history of a task or of a workflow, oldest first",
                                   "  baton events 42\n"
                                   "  baton events 42 --type checkpoint,failed --attempt 2\n"
                                   "  baton events 42 --workflow --worker gpu-7 --since 10m\n"
                                   "  baton events 42 -o jsonl | jq -c 'select(.type == \"CHECKPOINT\")'\n",
                                   [arguments](Session& session) { return RunEvents(session, *arguments); });
  AddHistoryOptions(command, arguments->history);
  command.add_option("--type", arguments->types, "Only of these types; repeatable, or separated by commas")
      ->type_name("TYPE")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--attempt", arguments->attempt, "Only of this attempt; 0 for those of none")->type_name("N");
  command.add_option("--stage", arguments->stage, "Only of this stage")->type_name("N");
  command.add_option("--since", arguments->since, "Not before this: how long ago, like 10m, or RFC 3339")
      ->type_name("TIME");
  command.add_option("--until", arguments->until, "Not after this")->type_name("TIME");
  RefuseEmptyValues(command);
}

}  // namespace baton::cli
