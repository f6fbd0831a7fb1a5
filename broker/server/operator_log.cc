#include "broker/server/operator_log.h"

#include <spdlog/spdlog.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "baton/records/v1/records.pb.h"

namespace baton::server {
namespace {

std::string WithReason(std::string text, const std::string& reason) {
  return reason.empty() ? text : absl::StrCat(text, ": ", reason);
}

std::string VerbText(v1::JobVerb verb) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::JobVerb_Name(verb), "JOB_VERB_"));
}

}  // namespace

std::string RemarkOn(const v1::PauseTypeRequest& request) {
  return WithReason(absl::StrCat("paused type ", request.type()), request.reason());
}

std::string RemarkOn(const v1::UnpauseTypeRequest& request) { return absl::StrCat("unpaused type ", request.type()); }

std::string RemarkOn(const v1::SetTypeLimitRequest& request) {
  const std::string limit = request.max_running() == 0 ? "none" : absl::StrCat(request.max_running());
  return WithReason(absl::StrCat("set the limit of type ", request.type(), " to ", limit), request.reason());
}

std::string RemarkOn(const v1::DrainWorkerRequest& request) {
  return WithReason(absl::StrCat("has worker ", request.worker_id(), " drain"), request.reason());
}

std::string RemarkOn(const v1::StartJobRequest& request) {
  const std::string which = request.all() ? "all tasks" : absl::StrCat("{", request.filter().ShortDebugString(), "}");
  return WithReason(
      absl::StrCat("started a job", request.dry_run() ? " (dry run)" : "", ": ", VerbText(request.verb()), " ", which),
      request.reason());
}

std::string RemarkOn(const v1::StopJobRequest& request) { return absl::StrCat("stopped job ", request.job_id()); }

std::string RemarkOn(const v1::CreateScheduleRequest& request) {
  const v1::ScheduleDefinition& schedule = request.schedule();
  return absl::StrCat(request.replace() ? "set" : "created", " schedule ", schedule.name(), ": ", schedule.cron(), " ",
                      schedule.task().type());
}

std::string RemarkOn(const v1::PauseScheduleRequest& request) {
  return WithReason(absl::StrCat("paused schedule ", request.name()), request.reason());
}

std::string RemarkOn(const v1::UnpauseScheduleRequest& request) {
  return absl::StrCat("unpaused schedule ", request.name());
}

std::string RemarkOn(const v1::TriggerScheduleRequest& request) {
  return absl::StrCat("triggered schedule ", request.name());
}

std::string RemarkOn(const v1::DeleteScheduleRequest& request) {
  return absl::StrCat("deleted schedule ", request.name());
}

std::string RemarkOn(const v1::CreateBackupRequest& request) { return absl::StrCat("made backup ", request.name()); }

void LogFailures(const engine::CompleteCommand& command) {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  for (const engine::Outcome& outcome : command.outcomes) {
    records::v1::Step step;
    if (outcome.kind != engine::Outcome::Kind::kFailed || !step.ParseFromString(outcome.step)) continue;
    spdlog::debug("task {}, attempt {}: failed: {}", outcome.attempt.task, outcome.attempt.attempt, step.error());
  }
}

}  // namespace baton::server
