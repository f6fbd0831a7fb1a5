// Bulk jobs: what they do to whom, what they miss, and what they tell of it. Which tasks match is asked of the model at
// each commit; a search may see any of those since the job began.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

using records::v1::JobRow;

Step::Kind StepOfVerb(JobRow::Verb verb) {
  switch (verb) {
    case JobRow::CANCEL:
      return Step::CANCELLED;
    case JobRow::PAUSE:
      return Step::PAUSED;
    case JobRow::UNPAUSE:
      return Step::UNPAUSED;
    case JobRow::RETRY:
      return Step::RETRIED;
    default:
      return Step::KIND_UNSPECIFIED;
  }
}

}  // namespace

bool Auditor::JustifyByJob(const ModelTask& task, const Step& step) {
  const uint64_t number = model_.JobWith(step.reason());
  if (number == 0 || !model_.jobs.at(number)->ever.contains(task.id)) return false;
  ModelJob& job = model_.ChangeJob(number);
  REQUIRE(!job.row.dry_run() && step.kind() == StepOfVerb(job.row.verb()), "job ", number, " of verb ",
          JobRow::Verb_Name(job.row.verb()), " wrote ", step.ShortDebugString());
  const bool marks = step.kind() == Step::PAUSED || step.kind() == Step::UNPAUSED;
  REQUIRE(!marks || step.after().mark() == job.row.mark(), "job ", number, " marks as another one: ", Describe(task));
  if (step.kind() == Step::RETRIED) {
    const std::string refusal = RefusalOfRetry(task, job.row.from_start());
    REQUIRE(refusal.empty(), "retried in spite of ", refusal, ": ", Describe(task));
    from_start_ = job.row.from_start();
  }
  ++job.steps;
  job.always.erase(task.id);  // Within a commit it may match again.
  coverage_->Count(absl::StrCat(Step::Kind_Name(step.kind()), ": by a job"));
  return true;
}

// ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

void Auditor::CheckStartJob(const engine::StartJobCommand& command) {
  const auto under_way =
      std::count_if(model_.jobs.begin(), model_.jobs.end(), [](const auto& job) { return !job.second->is_over(); });
  const bool too_many = static_cast<size_t>(under_way) >= settings_.work.jobs;
  ExpectError("StartJob", command.error, too_many ? "TOO_MANY_JOBS" : "");
  if (too_many) return;
  const auto& [number, row] = command.job;
  REQUIRE(model_.jobs.empty() || number > model_.jobs.rbegin()->first, "job ", number, " was there before");
  REQUIRE(row.ids() == model_.next_id() - 1 && row.search().first() == 1 && row.search().count() == row.ids() &&
              row.actor() == command.actor && row.started_us() == now_.wall && row.matched() == 0,
          "a job begins with ", row.ShortDebugString());
  auto job = std::make_shared<ModelJob>();
  job->row = row;
  REQUIRE(job->filter.ParseFromString(row.filter()), "a job without a filter");
  model_.jobs[number] = job;
}

void Auditor::CheckStopJob(const engine::StopJobCommand& command) {
  const auto job = model_.jobs.find(command.number);
  if (job == model_.jobs.end()) return ExpectError("StopJob", command.error, "JOB_NOT_FOUND");
  ExpectError("StopJob", command.error, job->second->is_over() ? "JOB_ENDED" : "");
  if (command.error.ok()) model_.ChangeJob(command.number).stopped = true;
}

void Auditor::CheckJobs(const engine::ListJobsCommand& command) {
  ExpectError("ListJobs", command.error, "");
  REQUIRE(command.jobs.size() == model_.jobs.size(), command.jobs.size(), " jobs are listed, there are ",
          model_.jobs.size());
  auto listed = command.jobs.begin();
  for (auto job = model_.jobs.rbegin(); job != model_.jobs.rend(); ++job, ++listed) {
    REQUIRE(listed->number == job->first && listed->row.reason() == job->second->row.reason() &&
                listed->row.ended_us() == job->second->row.ended_us(),
            "job ", listed->number, " is listed as ", listed->row.ShortDebugString(), ", job ", job->first, " is ",
            job->second->row.ShortDebugString());
  }
}

// ── What is written ──────────────────────────────────────────────────────────────────────────────────────────────

// What is left to do has room in its row: it goes down into crowds one parent after the other.
void Auditor::CheckRoom(uint64_t number, const JobRow& row) const {
  const engine::WorkBounds& work = settings_.work;
  const size_t most = row.verb() == JobRow::DELETE
                          ? work.ranges_to_delete
                          : work.crowded_ranges + work.round_job_steps + settings_.max_depth * work.child_ranges;
  REQUIRE(static_cast<size_t>(row.ranges_size()) <= most, "job ", number, " is stored with ", row.ranges_size(),
          " ranges, at most ", most, " have room");
}

void Auditor::ReadJob(uint64_t number, const JobRow& row) {
  CheckRoom(number, row);
  if (!row.has_filter()) return;
  REQUIRE(model_.jobs.contains(number), "job ", number, " was started by nobody");
  ModelJob& job = model_.ChangeJob(number);
  REQUIRE(!job.is_over(), "job ", number, " goes on after its end");
  REQUIRE(row.search().count() <= job.row.search().count(), "job ", number, " looks for less and then for more");
  job.row = row;
  if (row.verb() == JobRow::DELETE) ReadWorkflowsOf(number, row);
  const std::string told = absl::StrCat("job ", number, " tells ", row.ShortDebugString(), ": ");
  REQUIRE(row.matched() >= row.changed() + row.refused(), told, "it counts wrong");
  REQUIRE(job.restarted || row.matched() <= job.ever.size(), told, "only ", job.ever.size(), " ever matched");
  REQUIRE(!row.dry_run() || row.changed() + row.refused() == 0, told, "nothing should be done");
  const uint64_t changed = row.verb() == JobRow::DELETE ? job.roots.size() : job.steps;
  // Those below a task that it cancels are cancelled too, whether they match or not; and of a crowd of parents some are
  // counted and put off.
  const bool crowds = settings_.work.crowded_ranges < engine::kWorkBounds.crowded_ranges;
  REQUIRE(row.verb() == JobRow::CANCEL ? crowds || row.changed() <= changed : row.changed() == changed, told,
          "it was done ", changed, " times");
  if (job.is_over()) CheckJobEnd(number, job);
}

void Auditor::ReadWorkflowsOf(uint64_t number, const JobRow& row) {
  ModelJob& job = model_.ChangeJob(number);
  for (const records::v1::Range& range : row.ranges()) {
    for (TaskId id = range.first(); id < range.first() + range.count(); ++id) {
      if (model_.At(id).parent != 0) continue;
      REQUIRE(job.ever.contains(id), "job ", number, " deletes what never matched: ", Describe(model_.At(id)));
      REQUIRE(!model_.LivesBelow(id), "deleted by job ", number, ", but something lives of ", Describe(model_.At(id)));
      if (job.roots.insert(id).second) coverage_->Count("job: deletes a workflow");
      model_.deleting.insert(id);
    }
  }
}

void Auditor::CheckJobEnd(uint64_t number, const ModelJob& job) const {
  const JobRow& row = job.row;
  Tell("job ", number, " has ended: ", row.ShortDebugString());
  coverage_->Count(absl::StrCat("job: ", row.dry_run() ? "counted" : row.stopped() ? "stopped" : "done"));
  if (row.refused() > 0) coverage_->Count("job: could not do it to some");
  REQUIRE(row.ranges().empty(), "job ", number, " has ended and has more to do");
  REQUIRE(row.stopped() == (row.search().count() > 0) && (!row.stopped() || job.stopped), "job ", number,
          " gave up looking: ", row.ShortDebugString());
  if (row.stopped()) return;
  uint64_t missed = 0;
  for (const TaskId id : job.always) {
    const ModelTask& task = model_.At(id);
    // What a later one has said of it stands; and it is deleted once.
    if (!job.Matches(task) || (row.mark() != 0 && task.mark > row.mark())) continue;
    if (row.verb() == JobRow::DELETE && (model_.deleting.contains(id) || MayBeDeletedByJob(id))) continue;
    ++missed;
    REQUIRE(row.dry_run() || missed <= row.refused(), "job ", number, " did nothing to ", Describe(task));
  }
  REQUIRE(!row.dry_run() || missed <= row.matched(), "job ", number, " found ", row.matched(), ", there are ", missed);
}

void Auditor::LookForJobs() {
  for (const auto& [number, known] : model_.jobs) {
    if (known->is_over()) continue;
    ModelJob& job = model_.ChangeJob(number);
    std::set<TaskId> matching;
    for (const auto& task : model_.tasks()) {
      if (job.Matches(*task)) matching.insert(task->id);
    }
    job.ever.insert(matching.begin(), matching.end());
    if (!std::exchange(job.committed, true)) job.always = std::move(matching);
    std::erase_if(job.always, [&](TaskId id) { return !job.Matches(model_.At(id)); });
  }
}

// It may have been found, and not be written yet that it goes.
bool Auditor::MayBeDeletedByJob(TaskId id) const {
  const TaskId root = model_.RootOf(id);
  return std::any_of(model_.jobs.begin(), model_.jobs.end(), [root](const auto& job) {
    return job.second->row.verb() == JobRow::DELETE && !job.second->is_over() && job.second->ever.contains(root);
  });
}

}  // namespace baton::simulation
