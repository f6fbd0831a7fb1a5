// Bulk jobs: what is done to all tasks that match a filter. The filter is read by whoever looks for the tasks; here
// each of them is checked once more, when its turn has come.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/engine/engine.h"

namespace baton::engine {
namespace {

using records::v1::JobRow;

Error UnknownJob(uint64_t number) {
  return NotFound("JOB_NOT_FOUND", absl::StrCat("there is no job ", number, " (any more): see ListJobs"));
}

}  // namespace

void Engine::StartJob(std::unique_ptr<Command> owned) {
  auto& command = static_cast<StartJobCommand&>(*owned);
  const auto bulk = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return IsBulk(job.second); });
  if (static_cast<size_t>(bulk) >= settings_.work.jobs) {
    command.error = ResourceExhausted(
        "TOO_MANY_JOBS", absl::StrCat(bulk, " jobs are under way, which is the limit: stop one, or try again later"),
        kSecond);
    return batch_.Answer(std::move(owned));
  }
  const uint64_t number = next_job_++;
  JobRow& row = jobs_[number].row;
  row = command.row;
  row.set_actor(command.actor);
  row.set_started_us(now_.wall);
  row.set_ids(next_id_ - 1);
  row.mutable_search()->set_first(1);
  row.mutable_search()->set_count(next_id_ - 1);
  if (Marks(row)) row.set_mark(NextStamp());
  command.job = {number, row};
  batch_.Answer(std::move(owned));
}

void Engine::StopJob(std::unique_ptr<Command> owned) {
  auto& command = static_cast<StopJobCommand&>(*owned);
  const auto job = jobs_.find(command.number);
  if (job != jobs_.end() && IsBulk(job->second)) {
    job->second.row.set_stopped(true);
    job->second.dirty = true;
    command.job = {command.number, job->second.row};
  } else if (ended_jobs_.contains(command.number)) {
    command.error = FailedPrecondition("JOB_ENDED", absl::StrCat("job ", command.number, " has ended already"));
  } else {
    command.error = UnknownJob(command.number);
  }
  batch_.Answer(std::move(owned));
}

void Engine::ListJobs(std::unique_ptr<Command> owned) {
  auto& command = static_cast<ListJobsCommand&>(*owned);
  const auto wanted = [&](uint64_t number) { return command.number == 0 || command.number == number; };
  for (const auto& [number, job] : jobs_) {
    if (IsBulk(job) && wanted(number)) command.jobs.push_back({number, job.row});
  }
  for (const auto& [number, row] : ended_jobs_) {
    if (wanted(number)) command.jobs.push_back({number, row});
  }
  std::sort(command.jobs.begin(), command.jobs.end(),
            [](const JobView& a, const JobView& b) { return a.number > b.number; });
  if (command.number != 0 && command.jobs.empty()) command.error = UnknownJob(command.number);
  batch_.Answer(std::move(owned));
}

void Engine::FoundMatches(uint64_t number, Job& job, std::vector<TaskId> ids) {
  job.dirty = true;
  std::erase_if(ids, [&job](TaskId id) { return job.counted.contains(id); });
  if (job.row.dry_run()) return job.row.set_matched(job.row.matched() + ids.size());
  job.applying = ids.size();
  if (job.row.verb() == JobRow::DELETE) return DeleteMatches(number, ids);
  for (const TaskId id : ids) {
    if (job.row.verb() == JobRow::RETRY) {
      BeginRetry({id, job.row.from_start(), job.row.actor(), job.row.reason(), [this, number](const Error& error) {
                    CountMatch(number, error.ok() ? Applied::kChanged : Applied::kRefused);
                  }});
    } else {
      WithTask(id, [this, number](Task* task, const LoadedTask&) { CountMatch(number, ApplyToMatch(number, task)); });
    }
  }
}

// From the newest to the oldest, as they are searched: what is left is then always one range.
void Engine::DeleteMatches(uint64_t number, const std::vector<TaskId>& ids) {
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    WithMembers(*id, [this, number, match = *id](const LoadResult& loaded) {
      const Applied applied = DeleteMatch(number, match, loaded);
      if (applied != Applied::kPostponed) jobs_[number].counted.insert(match);
      CountMatch(number, applied);
    });
  }
}

Applied Engine::ApplyToMatch(uint64_t number, Task* task) {
  if (task == nullptr) return Applied::kRefused;  // It has ended.
  Job& job = jobs_[number];
  const JobRow& row = job.row;
  if (row.verb() == JobRow::CANCEL && PutOff(job, *task)) return Applied::kChanged;  // It will be.
  if (row.verb() != JobRow::CANCEL) return MarkForJob(row, *task) ? Applied::kChanged : Applied::kUnchanged;
  CancelTask(*task, row.actor(), row.reason(), number);
  return Applied::kChanged;
}

// Once the tasks of one lie in too many runs to be put down with those before, it and all that are older are searched
// again when those before are deleted.
Applied Engine::DeleteMatch(uint64_t number, TaskId id, const LoadResult& loaded) {
  Job& job = jobs_[number];
  std::deque<IdRange>& ranges = job.ranges;
  const std::vector<IdRange>& added = loaded.members.ranges;
  if (job.rest.has_value() && id < job.rest->first + job.rest->count) return Applied::kPostponed;
  if (!RefuseDelete(loaded).ok()) return Applied::kRefused;
  if (IsBeingDeleted(loaded.members.root)) return Applied::kUnchanged;
  if (!ranges.empty() && ranges.size() + added.size() > settings_.work.ranges_to_delete) {
    const TaskId first = job.row.search().first();
    job.rest = IdRange{first, id - first + 1};
    return Applied::kPostponed;
  }
  // Tasks without children, as most are, often lie side by side.
  if (added.size() == 1 && !ranges.empty() && added[0].first + added[0].count == ranges.front().first) {
    ranges.front().first = added[0].first;
    ranges.front().count += added[0].count;
  } else {
    ranges.insert(ranges.begin(), added.begin(), added.end());
  }
  return Applied::kChanged;
}

void Engine::CountMatch(uint64_t number, Applied applied) {
  Job& job = jobs_[number];
  --job.applying;
  job.dirty = true;
  if (applied == Applied::kPostponed) return;
  job.row.set_matched(job.row.matched() + 1);
  if (applied == Applied::kChanged) job.row.set_changed(job.row.changed() + 1);
  if (applied == Applied::kRefused) job.row.set_refused(job.row.refused() + 1);
}

}  // namespace baton::engine
