// baton schedule: list, show, preview; and the verbs on one schedule
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/paging.h"
#include "client_cli/commands/schedule_create.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/json_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/options_text.h"
#include "client_cli/text/payload_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {
namespace {

constexpr int32_t kUpcoming = 5;

struct ListArguments {
  std::string limit = "100";
};

struct NameArguments {
  std::string name;
  std::string reason;
};

struct PreviewArguments {
  std::string cron;
  std::string time_zone;
  std::optional<std::string> after;
  std::string count = "10";
};

Color ColorOf(v1::ScheduleState state) {
  return state == v1::SCHEDULE_STATE_PAUSED  ? Color::kYellow
         : state == v1::SCHEDULE_STATE_ENDED ? Color::kDim
                                             : Color::kNone;
}

std::string LocalTime(Session& session, bool set, const google::protobuf::Timestamp& time) {
  return set ? session.Local(ToTime(time)) : "";
}

std::vector<Cell> Row(Session& session, const v1::Schedule& schedule) {
  const v1::ScheduleDefinition& definition = schedule.definition();
  return {definition.name(),
          {EnumText(schedule.state()), ColorOf(schedule.state())},
          LocalTime(session, schedule.has_next_at(), schedule.next_at()),
          definition.cron(),
          definition.time_zone(),
          definition.task().type(),
          absl::StrCat(schedule.fired()),
          absl::StrCat(schedule.skipped()),
          absl::StrCat(schedule.missed()),
          schedule.last_task_id() == 0 ? "" : absl::StrCat(schedule.last_task_id())};
}

ExitCode RunList(Session& session, const ListArguments& arguments) {
  absl::StatusOr<uint64_t> limit = ParseCount("--limit", arguments.limit, 0);
  if (!limit.ok()) return session.Fail(limit.status());
  RecordWriter writer(session, {"NAME", "STATE", "NEXT", "CRON", "ZONE", "TYPE", "FIRED", "SKIPPED", "MISSED",
                                "LAST TASK"});
  absl::Status listed = ForEachItem(
      v1::ListSchedulesRequest(), *limit,
      [&](const v1::ListSchedulesRequest& page) {
        return session.broker().ListSchedules(page, session.call_timeout());
      },
      [](const v1::ListSchedulesResponse& page) -> const auto& { return page.schedules(); },
      [&](const v1::Schedule& schedule) { writer.Add(Row(session, schedule), schedule); }, [&] { writer.Flush(); });
  if (!listed.ok()) return session.Fail(listed);
  return writer.Finish("no schedules");
}

std::string PauseText(Session& session, const v1::Schedule& schedule) {
  if (schedule.state() != v1::SCHEDULE_STATE_PAUSED) return "";
  const std::string reason = schedule.pause_reason().empty() ? "" : absl::StrCat(": ", schedule.pause_reason());
  return absl::StrCat("by ", schedule.pause_actor(), " ", session.Local(ToTime(schedule.paused_at())), reason);
}

std::string EndText(Session& session, const v1::ScheduleDefinition& definition) {
  std::string text = definition.max_firings() == 0 ? "" : absl::StrCat("after ", definition.max_firings(), " firings");
  if (!definition.has_end_at()) return text;
  return absl::StrCat(text, text.empty() ? "" : ", ", "at ", session.Local(ToTime(definition.end_at())));
}

std::string CatchUpText(const v1::ScheduleDefinition& definition) {
  const std::string policy = EnumText(definition.catch_up());
  if (definition.catch_up_limit() == 0) return policy;
  return absl::StrCat(policy, ", at most ", definition.catch_up_limit());
}

std::string LimitText(bool set, int64_t microseconds) { return set ? FormatDuration(microseconds) : ""; }

void AddTask(const v1::NewTask& task, DetailList& details) {
  details.Add("type", task.type());
  details.Add("tag", task.tag());
  details.Add("options", AllOptionsText(task.options()));
  details.Add("start timeout", LimitText(task.has_start_timeout_us(), task.start_timeout_us()));
  details.Add("total timeout", LimitText(task.has_total_timeout_us(), task.total_timeout_us()));
  details.Add("trace parent", task.trace_parent());
  details.Add("trace state", task.trace_state());
  details.Add("payload", PayloadPreview(task.payload()));
}

// The next instants, within the limits of the schedule. `preview`: those after the first one.
std::vector<absl::Time> Upcoming(const v1::Schedule& schedule, const v1::PreviewScheduleResponse& preview) {
  const v1::ScheduleDefinition& definition = schedule.definition();
  std::vector<absl::Time> instants;
  if (schedule.has_next_at()) instants.push_back(ToTime(schedule.next_at()));
  for (const auto& instant : preview.instants()) {
    const bool ended = definition.has_end_at() && ToTime(instant) > ToTime(definition.end_at());
    const bool used_up =
        definition.max_firings() != 0 && schedule.fired() + instants.size() >= definition.max_firings();
    if (ended || used_up) break;
    instants.push_back(ToTime(instant));
  }
  return instants;
}

void PrintSchedule(Session& session, const v1::Schedule& schedule, const v1::PreviewScheduleResponse& upcoming) {
  const v1::ScheduleDefinition& definition = schedule.definition();
  DetailList details(session.environment().out, session.style());
  details.Add("name", definition.name());
  details.Add("state", {EnumText(schedule.state()), ColorOf(schedule.state())});
  details.Add("paused", {PauseText(session, schedule), Color::kYellow});
  details.Add("cron", absl::StrCat(definition.cron(), " (", definition.time_zone(), ")"));
  for (const absl::Time instant : Upcoming(schedule, upcoming)) details.Add("next", session.Local(instant));
  details.Add("ends", EndText(session, definition));
  details.Add("overlap", EnumText(definition.overlap()));
  details.Add("catch up", CatchUpText(definition));
  details.Add("when a task fails", definition.keep_going() ? "goes on" : "pauses");
  AddTask(definition.task(), details);
  details.Add("fired", absl::StrCat(schedule.fired()));
  details.Add("skipped", absl::StrCat(schedule.skipped()));
  details.Add("missed", absl::StrCat(schedule.missed()));
  if (schedule.last_task_id() != 0) {
    details.Add("last task", absl::StrCat(schedule.last_task_id(), schedule.last_task_lives() ? ", under way" : ""));
  }
  details.Add("last instant", LocalTime(session, schedule.has_last_at(), schedule.last_at()));
  details.Add("created", absl::StrCat("by ", schedule.actor(), " ", session.Local(ToTime(schedule.created_at()))));
  details.Print();
}

ExitCode RunShow(Session& session, const NameArguments& arguments) {
  v1::GetScheduleRequest request;
  request.set_name(arguments.name);
  absl::StatusOr<v1::GetScheduleResponse> response = session.broker().GetSchedule(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  const v1::Schedule& schedule = response->schedule();
  if (!session.is_table()) return session.Print(MessageJson(schedule));
  absl::StatusOr<v1::PreviewScheduleResponse> upcoming = v1::PreviewScheduleResponse();
  if (schedule.has_next_at()) {
    v1::PreviewScheduleRequest preview;
    preview.set_cron(schedule.definition().cron());
    preview.set_time_zone(schedule.definition().time_zone());
    *preview.mutable_after() = schedule.next_at();
    preview.set_count(kUpcoming - 1);
    upcoming = session.broker().PreviewSchedule(preview, session.call_timeout());
    if (!upcoming.ok()) return session.Fail(upcoming.status());
  }
  PrintSchedule(session, schedule, *upcoming);
  return ExitCode::kOk;
}

ExitCode RunPreview(Session& session, const PreviewArguments& arguments) {
  absl::StatusOr<uint64_t> count = ParseCount("--count", arguments.count, 1, 1000);
  if (!count.ok()) return session.Fail(count.status());
  v1::PreviewScheduleRequest request;
  request.set_cron(arguments.cron);
  request.set_time_zone(arguments.time_zone);
  request.set_count(static_cast<int32_t>(*count));
  if (arguments.after.has_value()) {
    absl::StatusOr<int64_t> after = ParseTime("--after", *arguments.after);
    if (!after.ok()) return session.Fail(after.status());
    *request.mutable_after() = FromMicroseconds(*after);
  }
  absl::StatusOr<v1::PreviewScheduleResponse> response =
      session.broker().PreviewSchedule(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!arguments.time_zone.empty()) absl::LoadTimeZone(arguments.time_zone, &zone);
  RecordWriter writer(session, {"INSTANT", "UTC", "HERE"});
  for (const auto& instant : response->instants()) {
    const absl::Time time = ToTime(instant);
    writer.Add({absl::FormatTime("%a %Y-%m-%d %H:%M:%S %Ez", time, zone), FormatUtc(time), session.Local(time)},
               Json{{"at", FormatUtc(time)}});
  }
  return writer.Finish("it is not due within ten years");
}

// A verb on one schedule: `call` sends it and says what came of it.
using Verb = std::function<absl::StatusOr<Json>(Session&, const NameArguments&)>;

CLI::App& AddVerb(CommandTable& commands, CLI::App& parent, const std::string& name, const std::string& description,
                  const std::string& done, const std::shared_ptr<NameArguments>& arguments, Verb call) {
  CLI::App& command = commands.AddBelow(
      parent, name, description, absl::StrCat("  baton schedule ", name, " nightly-report\n"),
      [arguments, done, call = std::move(call)](Session& session) {
        absl::StatusOr<Json> answer = call(session, *arguments);
        if (!answer.ok()) return session.Fail(answer.status());
        if (!session.is_table()) {
          answer->emplace("name", arguments->name);
          return session.Print(*answer);
        }
        std::ostream& out = session.environment().out;
        out << done << " schedule " << Printable(arguments->name);
        if (answer->contains("task_id")) out << ": task " << (*answer)["task_id"].get<uint64_t>();
        out << ".\n";
        return ExitCode::kOk;
      });
  command.add_option("name", arguments->name, "Schedule")->required()->type_name("NAME");
  return command;
}

template <typename Request>
Request Named(const NameArguments& arguments) {
  Request request;
  request.set_name(arguments.name);
  return request;
}

void AddVerbs(CommandTable& commands, CLI::App& schedule) {
  auto arguments = std::make_shared<NameArguments>();
  CLI::App& pause =
      AddVerb(commands, schedule, "pause", "Holds a schedule back", "Paused", arguments,
              [](Session& session, const NameArguments& given) -> absl::StatusOr<Json> {
                auto request = Named<v1::PauseScheduleRequest>(given);
                request.set_reason(given.reason);
                absl::Status status = session.broker().PauseSchedule(request, session.call_timeout());
                return status.ok() ? absl::StatusOr<Json>(Json{{"paused", true}}) : status;
              });
  pause.add_option("--reason", arguments->reason, "Why; shown with the schedule")->type_name("TEXT");
  AddVerb(commands, schedule, "unpause", "Lets a paused schedule go on, from the next instant on", "Unpaused",
          arguments,
          [](Session& session, const NameArguments& given) -> absl::StatusOr<Json> {
            auto response =
                session.broker().UnpauseSchedule(Named<v1::UnpauseScheduleRequest>(given), session.call_timeout());
            if (!response.ok()) return response.status();
            Json next = response->has_next_at() ? Json(FormatUtc(ToTime(response->next_at()))) : Json(nullptr);
            return Json{{"paused", false}, {"next_at", next}};
          })
      .alias("resume");
  AddVerb(commands, schedule, "trigger", "Creates a task of a schedule now", "Triggered", arguments,
          [](Session& session, const NameArguments& given) -> absl::StatusOr<Json> {
            auto response =
                session.broker().TriggerSchedule(Named<v1::TriggerScheduleRequest>(given), session.call_timeout());
            if (!response.ok()) return response.status();
            return Json{{"task_id", response->task_id()}};
          });
  AddVerb(commands, schedule, "delete", "Forgets a schedule; its tasks go on", "Deleted", arguments,
          [](Session& session, const NameArguments& given) -> absl::StatusOr<Json> {
            absl::Status status =
                session.broker().DeleteSchedule(Named<v1::DeleteScheduleRequest>(given), session.call_timeout());
            return status.ok() ? absl::StatusOr<Json>(Json{{"deleted", true}}) : status;
          });
}

void AddReads(CommandTable& commands, CLI::App& schedule) {
  auto list = std::make_shared<ListArguments>();
  CLI::App& list_command = commands.AddBelow(schedule, "list", "Lists schedules", "  baton schedule list\n",
                                             [list](Session& session) { return RunList(session, *list); });
  list_command.add_option("--limit", list->limit, "At most so many; 0 for all (default 100)")->type_name("N");
  auto show = std::make_shared<NameArguments>();
  CLI::App& show_command =
      commands.AddBelow(schedule, "show", "Shows a schedule and when it fires next",
                        "  baton schedule show nightly-report\n",
                        [show](Session& session) { return RunShow(session, *show); });
  show_command.add_option("name", show->name, "Schedule")->required()->type_name("NAME");
  auto preview = std::make_shared<PreviewArguments>();
  CLI::App& preview_command =
      commands.AddBelow(schedule, "preview", "Shows when a cron expression is due; stores nothing",
                        "  baton schedule preview '30 2 * * *' --time-zone Europe/Berlin\n",
                        [preview](Session& session) { return RunPreview(session, *preview); });
  preview_command.add_option("cron", preview->cron, "Cron expression")->required()->type_name("CRON");
  RefuseEmptyValue(preview_command.add_option("--time-zone", preview->time_zone, "Such as Europe/Berlin (default UTC)")
                       ->type_name("ZONE"));
  preview_command.add_option("--after", preview->after, "From then on, for example 2026-03-28T00:00:00Z (default now)")
      ->type_name("TIME");
  preview_command.add_option("--count", preview->count, "How many instants, 1 to 1000 (default 10)")->type_name("N");
}

}  // namespace

void AddScheduleCommand(CommandTable& commands) {
  CLI::App& schedule = commands.Add("schedule", "Tasks that are created again and again",
                                    "  baton schedule create nightly-report '30 2 * * *' report --json '{}'\n"
                                    "  baton schedule list\n"
                                    "  baton schedule show nightly-report\n"
                                    "  baton schedule trigger nightly-report\n",
                                    [](Session& session) { return RunList(session, ListArguments()); });
  schedule.require_subcommand(0, 1);  // Or a schedule named "list" would be taken for a verb.
  AddScheduleCreate(commands, schedule);
  AddReads(commands, schedule);
  AddVerbs(commands, schedule);
}

}  // namespace baton::cli
