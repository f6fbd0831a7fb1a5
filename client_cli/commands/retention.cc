// baton retention, baton retention run
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/commands/filter_options.h"
#include "client_cli/commands/jobs.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/size_text.h"

namespace baton::cli {
namespace {

struct RunArguments {
  FilterArguments filter;
  bool dry_run = false;
  bool wait = false;
  std::string reason;
};

std::string KeptFor(bool has_age, const google::protobuf::Duration& age) {
  return has_age ? FormatDuration(ToMicroseconds(age)) : "never removed";
}

// By state; a broker from before there were such ages has one for all.
struct KeptByState {
  explicit KeptByState(const v1::GetServerInfoResponse& info) {
    const v1::RetentionAges& ages = info.retention_ages();
    completed = failed = cancelled = KeptFor(info.has_retention(), info.retention());
    if (!info.has_retention_ages()) return;
    completed = KeptFor(ages.has_completed(), ages.completed());
    failed = KeptFor(ages.has_permanently_failed(), ages.permanently_failed());
    cancelled = KeptFor(ages.has_cancelled(), ages.cancelled());
  }
  bool even() const { return completed == failed && failed == cancelled; }

  std::string completed, failed, cancelled;
};

// That all tasks of a workflow go with the first: `baton retention --help` tells.
void AddAges(const KeptByState& kept, DetailList& details) {
  if (kept.even()) return details.Add("ended tasks are kept for", kept.completed);
  details.Add("completed ones are kept for", kept.completed);
  details.Add("failed ones are kept for", kept.failed);
  details.Add("cancelled ones are kept for", kept.cancelled);
}

// How long ended tasks are kept, how many there are, and what all of it takes.
ExitCode RunShow(Session& session) {
  absl::StatusOr<v1::GetServerInfoResponse> info = session.broker().GetServerInfo(session.call_timeout());
  if (!info.ok()) return session.Fail(info.status());
  absl::StatusOr<v1::GetStatisticsResponse> statistics = session.broker().GetStatistics({}, session.call_timeout());
  if (!statistics.ok()) return session.Fail(statistics.status());
  const v1::StateCounts& counts = statistics->counts();
  const KeptByState kept(*info);
  if (!session.is_table()) {
    return session.Print(
        Json{{"kept_for", KeptFor(info->has_retention(), info->retention())},
             {"kept_for_by_state",
              {{"completed", kept.completed}, {"permanently_failed", kept.failed}, {"cancelled", kept.cancelled}}},
             {"completed", counts.completed()},
             {"permanently_failed", counts.permanently_failed()},
             {"cancelled", counts.cancelled()},
             {"store_bytes", info->store_bytes()}});
  }
  DetailList details(session.environment().out, session.style());
  AddAges(kept, details);
  details.Add("completed", absl::StrCat(counts.completed()));
  details.Add("failed", absl::StrCat(counts.permanently_failed()));
  details.Add("cancelled", absl::StrCat(counts.cancelled()));
  details.Add("store", SizeText(info->store_bytes()));
  details.Print();
  return ExitCode::kOk;
}

absl::Status CheckEnded(const v1::TaskFilter& filter) {
  for (const int number : filter.states()) {
    const auto state = static_cast<v1::TaskState>(number);
    if (IsTerminal(state)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--state: in ", EnumText(state), " nothing has ended, and only what has can be removed; name ",
                     "COMPLETED, PERMANENTLY_FAILED or CANCELLED, or cancel those tasks first"));
  }
  return absl::OkStatus();
}

ExitCode RunOnce(Session& session, const RunArguments& arguments) {
  absl::StatusOr<v1::TaskFilter> filter = BuildFilter(arguments.filter, session.environment().now());
  if (!filter.ok()) return session.Fail(filter.status());
  const absl::Status ended = CheckEnded(*filter);
  if (!ended.ok()) return session.Fail(ended);
  v1::StartJobRequest request;
  request.set_verb(v1::JOB_VERB_DELETE);
  *request.mutable_filter() = *std::move(filter);
  request.set_dry_run(arguments.dry_run);
  request.set_reason(arguments.reason.empty() ? "retention run by hand" : arguments.reason);
  return RunJob(session, request, arguments.wait);
}

}  // namespace

void AddRetentionCommand(CommandTable& commands) {
  CLI::App& retention = commands.Add("retention", "Shows how long ended tasks are kept, and what they take",
                                     "  baton retention\n"
                                     "  baton retention run --older-than 1h --state completed --dry-run --wait\n",
                                     RunShow);
  retention.require_subcommand(0, 1);
  auto arguments = std::make_shared<RunArguments>();
  arguments->filter.ended_before_option = "--older-than";
  CLI::App& run = commands.AddBelow(retention, "run", "Removes workflows that have ended before their time, once",
                                    "  baton retention run --older-than 1h --state completed --wait\n"
                                    "  baton retention run --older-than 30d --state completed --state cancelled\n"
                                    "  baton retention run --older-than 7d --type send_email --dry-run --wait\n",
                                    [arguments](Session& session) { return RunOnce(session, *arguments); });
  run.add_option("--older-than", arguments->filter.ended_before,
                 "Those whose first task ended so long ago, or before this time")
      ->required()
      ->type_name("AGE|TIME");
  run.add_option("--state", arguments->filter.states,
                 "Only if that task ended in one of these states; repeatable, or separated by commas")
      ->type_name("STATE")
      ->delimiter(',')
      ->allow_extra_args(false);
  run.add_option("--type", arguments->filter.type, "Only if it is of this type")->type_name("TYPE");
  run.add_option("--tag", arguments->filter.tag, "Only if it has this tag")->type_name("TEXT");
  RefuseEmptyValues(run);
  run.add_flag("--dry-run", arguments->dry_run, "Only counts them");
  run.add_flag("--wait", arguments->wait, "Waits until it is done, and shows how far it is");
  run.add_option("--reason", arguments->reason, "Why; shown with the job")->type_name("TEXT");
}

}  // namespace baton::cli
