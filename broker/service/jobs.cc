#include "broker/service/jobs.h"

#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/limits.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/task_finder.h"
#include "broker/service/read/task_list.h"

namespace baton::service {
namespace {

using records::v1::JobRow;

std::optional<JobRow::Verb> RecordVerb(v1::JobVerb verb) {
  switch (verb) {
    case v1::JOB_VERB_CANCEL:
      return JobRow::CANCEL;
    case v1::JOB_VERB_PAUSE:
      return JobRow::PAUSE;
    case v1::JOB_VERB_UNPAUSE:
      return JobRow::UNPAUSE;
    case v1::JOB_VERB_RETRY:
      return JobRow::RETRY;
    case v1::JOB_VERB_DELETE:
      return JobRow::DELETE;
    default:
      return std::nullopt;
  }
}

v1::JobVerb WireVerb(JobRow::Verb verb) {
  switch (verb) {
    case JobRow::CANCEL:
      return v1::JOB_VERB_CANCEL;
    case JobRow::PAUSE:
      return v1::JOB_VERB_PAUSE;
    case JobRow::UNPAUSE:
      return v1::JOB_VERB_UNPAUSE;
    case JobRow::RETRY:
      return v1::JOB_VERB_RETRY;
    case JobRow::DELETE:
      return v1::JOB_VERB_DELETE;
    default:
      return v1::JOB_VERB_UNSPECIFIED;
  }
}

// In which the verb can do something to a task: in all others it would be refused (CANCEL, RETRY, DELETE), or leave the
// task as it is (PAUSE, UNPAUSE).
std::set<int> PossibleStates(JobRow::Verb verb) {
  switch (verb) {
    case JobRow::CANCEL:
      return {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED, v1::TASK_STATE_PAUSED};
    case JobRow::PAUSE:
      return {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED};
    case JobRow::UNPAUSE:
      return {v1::TASK_STATE_PAUSED};
    case JobRow::RETRY:
      return {v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED};
    default:
      return {v1::TASK_STATE_COMPLETED, v1::TASK_STATE_PERMANENTLY_FAILED, v1::TASK_STATE_CANCELLED};
  }
}

// As a caller means it who names none: what was cancelled is not to be done again unless that is said.
std::set<int> UsualStates(JobRow::Verb verb) {
  std::set<int> states = PossibleStates(verb);
  if (verb == JobRow::RETRY) states.erase(v1::TASK_STATE_CANCELLED);
  return states;
}

Error CheckJobFilter(const v1::StartJobRequest& request) {
  const v1::TaskFilter& filter = request.filter();
  CHECK_FIELD(CheckFilter(filter));
  if (filter.ByteSizeLong() > 0 || request.all()) return {};
  return InvalidArgument("EMPTY_FILTER",
                         "filter has no condition, which means every task: set one, or set all if that is meant");
}

// A job that looked for what its verb cannot change would find much, and do nothing.
Error CheckStates(v1::JobVerb verb, const std::set<int>& states, const std::set<int>& possible) {
  const auto name = [](std::string* text, int state) {
    absl::StrAppend(text, v1::TaskState_Name(static_cast<v1::TaskState>(state)));
  };
  for (const int state : states) {
    if (possible.contains(state)) continue;
    return InvalidArgument(
        "BAD_FILTER", absl::StrCat("filter.states has ", v1::TaskState_Name(static_cast<v1::TaskState>(state)),
                                   ", in which ", v1::JobVerb_Name(verb), " can do nothing: name none but ",
                                   absl::StrJoin(possible, ", ", name)));
  }
  return {};
}

Error CheckJobId(uint64_t job_id) { return CheckId(Field("job_id"), job_id, "send the id that StartJob answered"); }

void EncodeJob(const engine::JobView& view, v1::Job* wire) {
  const JobRow& row = view.row;
  wire->set_id(view.number);
  wire->set_verb(WireVerb(row.verb()));
  wire->mutable_filter()->ParseFromString(row.filter());
  wire->set_reason(row.reason());
  wire->set_actor(row.actor());
  wire->set_dry_run(row.dry_run());
  wire->set_from_start(row.from_start());
  wire->set_state(row.stopped()         ? v1::JOB_STATE_STOPPED
                  : row.ended_us() == 0 ? v1::JOB_STATE_RUNNING
                                        : v1::JOB_STATE_DONE);
  *wire->mutable_started_at() = WireTime(row.started_us());
  if (row.ended_us() != 0) *wire->mutable_ended_at() = WireTime(row.ended_us());
  wire->set_ids(row.ids());
  wire->set_ids_left(row.search().count());
  wire->set_matched(row.matched());
  wire->set_changed(row.changed());
  wire->set_refused(row.refused());
}

}  // namespace

Error DecodeDelete(const v1::DeleteTaskRequest& request, engine::DeleteCommand* command) {
  CHECK_FIELD(CheckId(Field("task_id"), request.task_id(), "send the id that Submit answered"));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  command->task = request.task_id();
  command->reason = request.reason();
  return {};
}

void EncodeDelete(const engine::DeleteCommand& command, v1::DeleteTaskResponse* response) {
  response->set_root_id(command.root);
  response->set_tasks(command.tasks);
}

Error DecodeStartJob(const v1::StartJobRequest& request, engine::StartJobCommand* command) {
  const std::optional<JobRow::Verb> verb = RecordVerb(request.verb());
  if (!verb.has_value()) {
    return InvalidArgument("FIELD_REQUIRED",
                           absl::StrCat("verb is required and ", request.verb(), ": use a value of JobVerb but 0"));
  }
  CHECK_FIELD(CheckJobFilter(request));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  if (request.from_start() && *verb != JobRow::RETRY) {
    return InvalidArgument("BAD_JOB", "from_start is set, but verb is not JOB_VERB_RETRY: leave it out");
  }
  v1::TaskFilter filter = request.filter();
  // Each once: the job is stored again and again, with its filter.
  std::set<int> states(filter.states().begin(), filter.states().end());
  if (states.empty()) states = UsualStates(*verb);
  CHECK_FIELD(CheckStates(request.verb(), states, PossibleStates(*verb)));
  filter.clear_states();
  for (const int state : states) filter.add_states(static_cast<v1::TaskState>(state));
  command->row.set_verb(*verb);
  command->row.set_filter(filter.SerializeAsString());
  command->row.set_reason(request.reason());
  command->row.set_dry_run(request.dry_run());
  command->row.set_from_start(request.from_start());
  return {};
}

Error DecodeGetJob(const v1::GetJobRequest& request, engine::ListJobsCommand* command) {
  command->number = request.job_id();
  return CheckJobId(request.job_id());
}

Error DecodeStopJob(const v1::StopJobRequest& request, engine::StopJobCommand* command) {
  command->number = request.job_id();
  return CheckJobId(request.job_id());
}

void EncodeStartJob(const engine::StartJobCommand& command, v1::StartJobResponse* response) {
  EncodeJob(command.job, response->mutable_job());
}

void EncodeGetJob(const engine::ListJobsCommand& command, v1::GetJobResponse* response) {
  EncodeJob(command.jobs.at(0), response->mutable_job());
}

void EncodeListJobs(const engine::ListJobsCommand& command, v1::ListJobsResponse* response) {
  for (const engine::JobView& view : command.jobs) EncodeJob(view, response->add_jobs());
}

void EncodeStopJob(const engine::StopJobCommand& command, v1::StopJobResponse* response) {
  EncodeJob(command.job, response->mutable_job());
}

}  // namespace baton::service
