#include "client_cli/commands/schedule_create.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/submit_options.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/style.h"
#include "client_cli/text/time_text.h"

namespace baton::cli {
namespace {

struct ScheduleArguments {
  std::string name;
  std::string cron;
  std::string time_zone;
  std::optional<std::string> overlap;
  std::optional<std::string> catch_up;
  std::optional<std::string> catch_up_limit;
  bool keep_going = false;
  std::optional<std::string> max_firings;
  std::optional<std::string> end_at;
  bool replace = false;
  SubmitArguments task;
};

absl::Status FillPolicies(const ScheduleArguments& arguments, v1::ScheduleDefinition* definition) {
  if (arguments.overlap.has_value()) {
    auto overlap = ParseEnum<v1::OverlapPolicy>("--overlap", *arguments.overlap);
    if (!overlap.ok()) return overlap.status();
    definition->set_overlap(*overlap);
  }
  if (arguments.catch_up.has_value()) {
    auto catch_up = ParseEnum<v1::CatchUpPolicy>("--catch-up", *arguments.catch_up);
    if (!catch_up.ok()) return catch_up.status();
    definition->set_catch_up(*catch_up);
  }
  if (arguments.catch_up_limit.has_value()) {
    absl::StatusOr<uint64_t> limit = ParseCount("--catch-up-limit", *arguments.catch_up_limit, 1, 1000);
    if (!limit.ok()) return limit.status();
    definition->set_catch_up_limit(static_cast<int32_t>(*limit));
  }
  definition->set_keep_going(arguments.keep_going);
  return absl::OkStatus();
}

absl::Status FillEnd(const ScheduleArguments& arguments, v1::ScheduleDefinition* definition) {
  if (arguments.max_firings.has_value()) {
    absl::StatusOr<uint64_t> most = ParseCount("--max-firings", *arguments.max_firings, 1);
    if (!most.ok()) return most.status();
    definition->set_max_firings(*most);
  }
  if (arguments.end_at.has_value()) {
    absl::StatusOr<int64_t> end = ParseTime("--end", *arguments.end_at);
    if (!end.ok()) return end.status();
    *definition->mutable_end_at() = FromMicroseconds(*end);
  }
  return absl::OkStatus();
}

ExitCode RunCreate(Session& session, const ScheduleArguments& arguments) {
  v1::CreateScheduleRequest request;
  request.set_replace(arguments.replace);
  v1::ScheduleDefinition* definition = request.mutable_schedule();
  definition->set_name(arguments.name);
  definition->set_cron(arguments.cron);
  definition->set_time_zone(arguments.time_zone);
  absl::StatusOr<v1::NewTask> task = BuildSingleTask(arguments.task, session.environment().in);
  absl::Status status = task.status();
  status.Update(FillPolicies(arguments, definition));
  status.Update(FillEnd(arguments, definition));
  if (!status.ok()) return session.Fail(status);
  *definition->mutable_task() = *std::move(task);
  absl::StatusOr<v1::CreateScheduleResponse> response =
      session.broker().CreateSchedule(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  if (!session.is_table()) return session.Print(MessageJson(*response));
  session.environment().out << "Schedule " << Printable(arguments.name)
                            << (response->existing() ? " is there already, defined the same way." : " is stored.")
                            << (response->has_next_at()
                                    ? absl::StrCat(" It fires ", session.Local(ToTime(response->next_at())), ".")
                                    : " It does not fire: it is paused, or over.")
                            << '\n';
  return ExitCode::kOk;
}

}  // namespace

void AddScheduleCreate(CommandTable& commands, CLI::App& schedule) {
  auto arguments = std::make_shared<ScheduleArguments>();
  CLI::App& command = commands.AddBelow(
      schedule, "create", "Makes a schedule",
      "  baton schedule create nightly-report '30 2 * * *' report --json '{\"kind\": \"daily\"}'\n"
      "  baton schedule create poll '*/10 * * * * *' poll --overlap allow --max-retries 1 --keep-going\n"
      "  baton schedule create close-books '0 18 L * *' close --time-zone Europe/Berlin --replace\n",
      [arguments](Session& session) { return RunCreate(session, *arguments); });
  command.add_option("name", arguments->name, "Name of the schedule")->required()->type_name("NAME");
  command
      .add_option("cron", arguments->cron,
                  "Minute hour day-of-month month day-of-week, the second in front if there are six; or @daily, …")
      ->required()
      ->type_name("CRON");
  AddScheduledTaskOptions(command, arguments->task);
  RefuseEmptyValue(command.add_option("--time-zone", arguments->time_zone, "Such as Europe/Berlin (default UTC)")
                       ->type_name("ZONE"));
  command.add_option("--overlap", arguments->overlap, "While its last task lives: skip (default) or allow")
      ->type_name("POLICY");
  command.add_option("--catch-up", arguments->catch_up, "Of instants that went by: one firing (default), none, all")
      ->type_name("POLICY");
  command.add_option("--catch-up-limit", arguments->catch_up_limit, "At most so many with `all` (default 100)")
      ->type_name("N");
  command.add_flag("--keep-going", arguments->keep_going, "Go on when a task fails for good (default: pause)");
  command.add_option("--max-firings", arguments->max_firings, "End after so many (default: never)")->type_name("N");
  command.add_option("--end", arguments->end_at, "End then, for example 2027-01-01T00:00:00Z (default: never)")
      ->type_name("TIME");
  command.add_flag("--replace", arguments->replace, "Change a schedule of this name that is defined differently");
}

}  // namespace baton::cli
