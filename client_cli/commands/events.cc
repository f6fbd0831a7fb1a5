// baton events
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/paging.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

struct EventsArguments {
  std::string id;
  std::string limit = "0";
};

// What the event says beyond its type.
std::string Detail(Session& session, const v1::Event& event) {
  std::vector<std::string> parts;
  if (event.from_state() != event.to_state() && event.to_state() != v1::TASK_STATE_UNSPECIFIED) {
    parts.push_back(absl::StrCat("now ", EnumText(event.to_state())));
  }
  if (event.has_checkpoint()) {
    const v1::Checkpoint& checkpoint = event.checkpoint();
    parts.push_back(checkpoint.message().empty() || checkpoint.message() == checkpoint.code()
                        ? checkpoint.code()
                        : absl::StrCat(checkpoint.code(), ": ", checkpoint.message()));
    if (!checkpoint.metadata_json().empty()) parts.push_back(checkpoint.metadata_json());
  }
  if (event.has_progress()) {
    if (event.progress().has_percent()) parts.push_back(absl::StrCat(event.progress().percent(), "%"));
    if (!event.progress().text().empty()) parts.push_back(event.progress().text());
  }
  if (event.children() > 0) parts.push_back(absl::StrCat(event.children(), " children"));
  if (event.has_next_due()) parts.push_back(absl::StrCat("due ", session.Local(ToTime(event.next_due()))));
  if (!event.reason().empty()) parts.push_back(event.reason());
  return absl::StrJoin(parts, "; ");
}

std::vector<Cell> Row(Session& session, const v1::Event& event) {
  // The order of events matters more than their age: milliseconds.
  std::string time = absl::FormatTime("%Y-%m-%d %H:%M:%E3S", ToTime(event.time()), session.environment().time_zone);
  return {std::to_string(event.number()),
          event.has_time() ? time : "",
          {EnumText(event.type()), StateColor(event.to_state())},
          event.attempt() == 0 ? "" : std::to_string(event.attempt()),
          std::to_string(event.stage()),
          event.worker_id().empty() ? event.actor() : event.worker_id(),
          Detail(session, event)};
}

ExitCode RunEvents(Session& session, const EventsArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseTaskId(arguments.id);
  if (!id.ok()) return session.Fail(id.status());
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  v1::ListEventsRequest request;
  request.set_task_id(*id);
  RecordWriter writer(session, {"#", "TIME", "EVENT", "ATTEMPT", "STAGE", "BY", "DETAIL"});
  absl::Status listed = ForEachItem(
      request, *limit,
      [&](const v1::ListEventsRequest& page) { return session.broker().ListEvents(page, session.call_timeout()); },
      [](const v1::ListEventsResponse& page) -> const auto& { return page.events(); },
      [&](const v1::Event& event) { writer.Add(Row(session, event), event); }, [&] { writer.Flush(); });
  if (!listed.ok()) return session.Fail(listed);
  return writer.Finish("no events");
}

}  // namespace

void AddEventsCommand(CommandTable& commands) {
  auto arguments = std::make_shared<EventsArguments>();
  CLI::App& command = commands.Add("events", "Shows the history of a task, oldest first",
                                   "  baton events 42\n"
                                   "  baton events 42 -o jsonl | jq -c 'select(.type == \"CHECKPOINT\")'\n",
                                   [arguments](Session& session) { return RunEvents(session, *arguments); });
  command.add_option("id", arguments->id, "Task")->required()->type_name("ID");
  command.add_option("--limit", arguments->limit, "At most so many (default: all)")->type_name("N");
}

}  // namespace baton::cli
