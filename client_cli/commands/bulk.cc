// baton bulk: the verbs on all tasks that match; list, show, stop
#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/jobs.h"
#include "client_cli/progress_display.h"
#include "client_cli/status_details.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/waiting.h"

namespace baton::cli {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(250);
// How long the broker may be gone while its job is waited for: a restart does not end it.
constexpr absl::Duration kJobOutage = absl::Seconds(30);

struct StartArguments {
  FilterArguments filter;
  bool all = false;
  bool dry_run = false;
  bool from_start = false;
  bool wait = false;
  std::string reason;
};

struct JobArguments {
  std::string id;
};

Color ColorOf(const v1::Job& job) {
  return job.state() == v1::JOB_STATE_STOPPED ? Color::kYellow : job.has_ended_at() ? Color::kDim : Color::kNone;
}

std::vector<Cell> Row(Session& session, const v1::Job& job) {
  return {absl::StrCat(job.id()),
          absl::StrCat(EnumText(job.verb()), job.dry_run() ? " (dry run)" : ""),
          {EnumText(job.state()), ColorOf(job)},
          absl::StrCat(job.matched()),
          absl::StrCat(job.changed()),
          absl::StrCat(job.refused()),
          absl::StrCat(job.ids_left()),
          session.Local(ToTime(job.started_at())),
          FilterText(job.filter())};
}

void PrintJob(Session& session, const v1::Job& job) {
  DetailList details(session.environment().out, session.style());
  details.Add("job", absl::StrCat(job.id()));
  details.Add("verb", absl::StrCat(EnumText(job.verb()), job.from_start() ? " from the start" : ""));
  details.Add("dry run", job.dry_run() ? "yes: nothing is changed" : "");
  details.Add("state", {EnumText(job.state()), ColorOf(job)});
  details.Add("filter", FilterText(job.filter()));
  details.Add("reason", job.reason());
  details.Add("started", absl::StrCat("by ", job.actor(), " ", session.Local(ToTime(job.started_at()))));
  details.Add("ended", job.has_ended_at() ? session.Local(ToTime(job.ended_at())) : "");
  details.Add("looked at", absl::StrCat(job.ids() - std::min(job.ids(), job.ids_left()), " of ", job.ids(), " ids"));
  details.Add("matched", absl::StrCat(job.matched()));
  details.Add("changed", absl::StrCat(job.changed()));
  details.Add("refused", absl::StrCat(job.refused()));
  details.Print();
}

ExitCode Show(Session& session, const v1::Job& job) {
  if (!session.is_table()) return session.Print(MessageJson(job));
  PrintJob(session, job);
  return ExitCode::kOk;
}

absl::StatusOr<v1::Job> GetJob(Session& session, uint64_t id) {
  v1::GetJobRequest request;
  request.set_job_id(id);
  absl::StatusOr<v1::GetJobResponse> response = session.broker().GetJob(request, session.call_timeout());
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_job());
}

absl::StatusOr<v1::Job> WaitForJob(Session& session, v1::Job job) {
  const Environment& environment = session.environment();
  const absl::Time deadline = WaitDeadline(session, session.options().timeout);
  absl::Time answered = environment.now();
  ProgressDisplay display(environment);
  while (!job.has_ended_at()) {
    if (display.is_bar()) display.ShowJob(job);
    if (environment.now() >= deadline) {
      return MakeStatus(
          absl::StatusCode::kDeadlineExceeded,
          absl::StrCat("timed out: job ", job.id(), " goes on; `baton bulk show ", job.id(), "` tells how far"),
          kWaitTimedOut);
    }
    environment.sleep(std::min(kLookInterval, deadline - environment.now()));
    absl::StatusOr<v1::Job> now = GetJob(session, job.id());
    if (now.ok()) {
      job = *std::move(now);
      answered = environment.now();
    } else if (!absl::IsUnavailable(now.status()) || environment.now() - answered >= kJobOutage) {
      return now.status();
    }
  }
  return job;
}

ExitCode RunStart(Session& session, v1::JobVerb verb, const StartArguments& arguments) {
  absl::StatusOr<v1::TaskFilter> filter = BuildFilter(arguments.filter, session.environment().now());
  if (!filter.ok()) return session.Fail(filter.status());
  v1::StartJobRequest request;
  request.set_verb(verb);
  *request.mutable_filter() = *std::move(filter);
  request.set_all(arguments.all);
  request.set_reason(arguments.reason);
  request.set_dry_run(arguments.dry_run);
  request.set_from_start(arguments.from_start);
  return RunJob(session, request, arguments.wait);
}

ExitCode RunList(Session& session) {
  absl::StatusOr<v1::ListJobsResponse> response = session.broker().ListJobs(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"ID", "VERB", "STATE", "MATCHED", "CHANGED", "REFUSED", "LEFT", "STARTED", "FILTER"});
  for (const v1::Job& job : response->jobs()) writer.Add(Row(session, job), job);
  return writer.Finish("no jobs");
}

ExitCode RunShow(Session& session, const JobArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseCount("JOB", arguments.id, 1);
  if (!id.ok()) return session.Fail(id.status());
  absl::StatusOr<v1::Job> job = GetJob(session, *id);
  return job.ok() ? Show(session, *job) : session.Fail(job.status());
}

ExitCode RunStop(Session& session, const JobArguments& arguments) {
  absl::StatusOr<uint64_t> id = ParseCount("JOB", arguments.id, 1);
  if (!id.ok()) return session.Fail(id.status());
  v1::StopJobRequest request;
  request.set_job_id(*id);
  absl::StatusOr<v1::StopJobResponse> response = session.broker().StopJob(request, session.call_timeout());
  return response.ok() ? Show(session, response->job()) : session.Fail(response.status());
}

void AddVerb(CommandTable& commands, CLI::App& bulk, v1::JobVerb verb, const std::string& description,
             const std::string& example) {
  auto arguments = std::make_shared<StartArguments>();
  const std::string name = absl::AsciiStrToLower(EnumText(verb));
  CLI::App& command =
      commands.AddBelow(bulk, name, description, absl::StrCat("  baton bulk ", name, " ", example, "\n"),
                        [verb, arguments](Session& session) { return RunStart(session, verb, *arguments); });
  AddFilterOptions(command, arguments->filter);
  command.add_flag("--all", arguments->all, "Every task is meant, if no option says which");
  command.add_flag("--dry-run", arguments->dry_run, "Only counts what matches");
  command.add_option("--reason", arguments->reason, "Why; kept in the history")->type_name("TEXT");
  if (verb == v1::JOB_VERB_RETRY) {
    command.add_flag("--from-start", arguments->from_start, "With the first stage, without the context of later ones");
  }
  command.add_flag("--wait", arguments->wait, "Waits until it has ended, and shows how far it is");
}

void AddVerbs(CommandTable& commands, CLI::App& bulk) {
  AddVerb(commands, bulk, v1::JOB_VERB_CANCEL, "Cancels all tasks that match, and all their descendants",
          "--tag batch-7 --reason 'ordered twice' --wait");
  AddVerb(commands, bulk, v1::JOB_VERB_PAUSE, "Holds all tasks back that match; attempts that run go on to their end",
          "--type send_email --reason 'the mail server is down'");
  AddVerb(commands, bulk, v1::JOB_VERB_UNPAUSE, "Lets all paused tasks go on that match", "--type send_email --wait");
  AddVerb(commands, bulk, v1::JOB_VERB_RETRY, "Has all tasks done again that failed for good and match",
          "--type send_email --reason 'the mail server is back'");
  AddVerb(commands, bulk, v1::JOB_VERB_DELETE, "Removes all workflows that have ended whose first task matches",
          "--tag batch-7 --dry-run --wait");
}

void AddJobCommands(CommandTable& commands, CLI::App& bulk) {
  commands.AddBelow(bulk, "list", "Lists jobs, newest first; the last 100 that have ended included",
                    "  baton bulk list\n", [](Session& session) { return RunList(session); });
  auto show = std::make_shared<JobArguments>();
  commands
      .AddBelow(bulk, "show", "Shows how far a job is", "  baton bulk show 3\n",
                [show](Session& session) { return RunShow(session, *show); })
      .add_option("job", show->id, "Job")
      ->required()
      ->type_name("JOB");
  auto stop = std::make_shared<JobArguments>();
  commands
      .AddBelow(bulk, "stop", "Has a job look for no more tasks; what was done stays done", "  baton bulk stop 3\n",
                [stop](Session& session) { return RunStop(session, *stop); })
      .add_option("job", stop->id, "Job")
      ->required()
      ->type_name("JOB");
}

}  // namespace

ExitCode RunJob(Session& session, const v1::StartJobRequest& request, bool wait) {
  absl::StatusOr<v1::StartJobResponse> response = session.broker().StartJob(request, session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  const v1::Job& started = response->job();
  if (!wait) {
    if (!session.is_table()) return session.Print(MessageJson(started));
    session.environment().out << "Started job " << started.id() << ": baton bulk show " << started.id() << "\n";
    return ExitCode::kOk;
  }
  absl::StatusOr<v1::Job> ended = WaitForJob(session, started);
  if (!ended.ok()) return session.Fail(ended.status());
  return Show(session, *ended);
}

void AddBulkCommand(CommandTable& commands) {
  CLI::App& bulk = commands.Add("bulk", "Does something to all tasks that match, as a job of the broker",
                                "  baton bulk cancel --tag batch-7 --dry-run --wait\n"
                                "  baton bulk retry --type send_email --reason 'the mail server is back'\n"
                                "  baton bulk list\n"
                                "  baton bulk stop 3\n",
                                [](Session& session) { return RunList(session); });
  bulk.require_subcommand(0, 1);
  AddVerbs(commands, bulk);
  AddJobCommands(commands, bulk);
}

}  // namespace baton::cli
