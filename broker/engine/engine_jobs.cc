// What is done to many tasks: bit by bit between rounds, from where it was after a crash.
#include <algorithm>
#include <utility>

#include "broker/engine/engine.h"
#include "broker/engine/retention/plan.h"

namespace baton::engine {

using records::v1::JobRow;
using storage::Family;

namespace {

// What one has in the row of a job, at most as a rule.
constexpr size_t kRangeBytes = 16;

// The first ranges of a job that deletes that can go at once.
std::vector<IdRange> NextToDelete(const Job& job) {
  std::vector<IdRange> next;
  const TaskId first = job.ranges.front().first;
  TaskId end = first;
  for (const IdRange& range : job.ranges) {
    if (range.first < end || range.first >= first + kPartIds || PageOf(range.first) != PageOf(first)) break;
    next.push_back(range);
    end = range.first + range.count;
  }
  return next;
}

template <typename Ranges>
void AddRanges(const Ranges& ranges, JobRow* row) {
  for (const IdRange& range : ranges) {
    records::v1::Range* added = row->add_ranges();
    added->set_first(range.first);
    added->set_count(range.count);
  }
}

}  // namespace

void Engine::Descend(const Task& task, uint64_t job, const JobRow& row) {
  if (task.state != LiveState::WAITING) return;
  Job& running = jobs_[job != 0 ? job : next_job_++];
  running.below.insert(running.below.end(), task.children.begin(), task.children.end());
  running.descended = true;
  running.dirty = true;
  batch_.Expect(kRangeBytes * task.children.size());
  if (job != 0) return;
  running.row = row;
  running.row.set_started_us(now_.wall);
  running.row.set_root(task.id);
}

bool Engine::MarkingUnderWay() const {
  return std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return Marks(job.second.row); });
}

void Engine::RunJobs() {
  std::vector<uint64_t> numbers;
  // What was paused first and then let go on must not be paused in the end: such jobs run one after another.
  bool marking = false;
  size_t others = 0;  // Each parent that is cancelled makes one: however many they are, a round looks at so many.
  for (const auto& [number, job] : jobs_) {
    const bool marks = Marks(job.row);
    const bool waits = (marks && marking) || (!IsBulk(job) && others == settings_.work.jobs);
    marking |= marks;
    if (waits) continue;
    if (!IsBulk(job)) ++others;
    numbers.push_back(number);
  }
  // The row of each that gets on is written, with all that it has left to do.
  const size_t most = MostBytes();
  for (const uint64_t number : numbers) {
    if (batch_.bytes() >= most) {
      has_more_ = true;
      return;
    }
    RunJob(number, jobs_[number]);
  }
}

void Engine::RunJob(uint64_t number, Job& job) {
  if (job.asked || job.applying > 0) return;
  batch_.Expect(kRangeBytes * (job.ranges.size() + job.put_off.size() + job.below.size()));
  if (job.rest.has_value()) {
    // Everything found before is done: it need not be searched again.
    if (job.of_search) {
      job.row.mutable_search()->set_count(job.rest->count);
    } else {
      job.ranges.erase(job.ranges.begin(), job.ranges.begin() + static_cast<ptrdiff_t>(job.ranges_begun));
      if (job.rest->count > 0) job.ranges.push_front(*job.rest);
    }
    job.rest.reset();
    job.dirty = true;
  }
  job.ranges.insert(job.ranges.begin(), job.put_off.begin(), job.put_off.end());
  job.ranges.insert(job.ranges.begin(), job.below.begin(), job.below.end());
  job.put_off.clear();
  job.below.clear();
  job.descended = false;
  LoadRequest request;
  request.job = number;
  if (!job.ranges.empty() && job.row.verb() == JobRow::DELETE) {
    request.kind = LoadRequest::Kind::kPart;
    request.ranges = NextToDelete(job);
  } else if (!job.ranges.empty()) {
    request.kind = LoadRequest::Kind::kLiveIds;
    request.most = settings_.work.round_job_steps;
    const size_t ranges = std::min(job.ranges.size(), request.most);
    request.ranges.assign(job.ranges.begin(), job.ranges.begin() + static_cast<ptrdiff_t>(ranges));
  } else if (job.row.search().count() > 0 && !job.row.stopped()) {
    request.kind = LoadRequest::Kind::kMatches;
    request.range = {job.row.search().first(), job.row.search().count()};
    request.filter = job.row.filter();
    request.roots_only = job.row.verb() == JobRow::DELETE;
    job.counted.erase(job.counted.lower_bound(request.range.first + request.range.count), job.counted.end());
  } else {
    return EndJob(number);
  }
  job.asked = true;
  batch_.Load(std::move(request));
}

void Engine::EndJob(uint64_t number) {
  JobRow row = std::move(jobs_.extract(number).mapped().row);
  if (!jobs_.empty()) has_more_ = true;  // Another one may have waited for this one's end.
  if (!row.has_filter()) return batch_.writes().Delete(Family::kMeta, JobMetaKey(number));
  row.set_ended_us(now_.wall);
  row.set_stopped(row.search().count() > 0);
  batch_.writes().Put(Family::kMeta, JobMetaKey(number), row.SerializeAsString());
  ended_jobs_[number] = std::move(row);
  if (ended_jobs_.size() <= kEndedJobs) return;
  const auto oldest = std::min_element(ended_jobs_.begin(), ended_jobs_.end(), [](const auto& a, const auto& b) {
    return a.second.ended_us() < b.second.ended_us();
  });
  batch_.writes().Delete(Family::kMeta, JobMetaKey(oldest->first));
  ended_jobs_.erase(oldest);
}

void Engine::Found(const LoadResult& loaded) {
  const uint64_t number = loaded.request.job;
  const auto it = jobs_.find(number);
  if (it == jobs_.end()) return;
  Job& job = it->second;
  job.asked = false;
  if (loaded.request.kind == LoadRequest::Kind::kPart) return DeletePart(job, loaded);
  job.of_search = loaded.request.kind == LoadRequest::Kind::kMatches;
  if (job.of_search && job.row.stopped()) return;
  job.ranges_begun = loaded.ranges_begun;
  job.rest = loaded.rest;
  if (job.of_search) return FoundMatches(number, job, loaded.found);
  job.applying = loaded.found.size();
  for (const TaskId id : loaded.found) {
    WithTask(id, [this, number](Task* task, const LoadedTask&) {
      if (task != nullptr) ApplyJob(number, *task);
      --jobs_[number].applying;
    });
  }
}

void Engine::ApplyJob(uint64_t number, Task& task) {
  Job& job = jobs_[number];
  if (PutOff(job, task)) return;
  const JobRow& row = job.row;  // It may have many ranges, and stays until the job has ended.
  if (row.verb() == JobRow::CANCEL) return CancelTask(task, row.actor(), row.reason(), number);
  MarkForJob(row, task);
  Descend(task, number, row);
}

bool Engine::PutOff(Job& job, Task& task) {
  const bool crowded = job.ranges.size() + job.below.size() >= settings_.work.crowded_ranges;
  if (!crowded || !job.descended || task.state != LiveState::WAITING) return false;
  job.put_off.push_back({task.id, 1});
  DropBeyondRoom(task);
  return true;
}

bool Engine::MarkForJob(const JobRow& row, Task& task) {
  const bool marked = MarkTask(task, {row.mark(), row.verb() == JobRow::PAUSE, row.actor(), row.reason()},
                               /*even_if_unchanged=*/false);
  DropBeyondRoom(task);
  return marked;
}

void Engine::WriteJobs() {
  for (auto& [number, job] : jobs_) {
    if (!job.dirty) continue;
    job.dirty = false;
    AddRanges(job.below, &job.row);
    AddRanges(job.ranges, &job.row);
    batch_.writes().Put(Family::kMeta, JobMetaKey(number), job.row.SerializeAsString());
    job.row.clear_ranges();
  }
}

}  // namespace baton::engine
