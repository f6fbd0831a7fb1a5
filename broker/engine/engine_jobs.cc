// What is done to many tasks: bit by bit between rounds, from where it was after a crash.
#include <algorithm>
#include <utility>

#include "broker/engine/engine.h"

namespace baton::engine {

using records::v1::JobRow;
using storage::Family;

void Engine::Descend(const Task& task, uint64_t job, const JobRow& row) {
  if (task.state != LiveState::WAITING) return;
  Job& running = jobs_[job != 0 ? job : next_job_++];
  running.ranges.insert(running.ranges.end(), task.children.begin(), task.children.end());
  running.dirty = true;
  if (job != 0) return;
  running.row = row;
  running.row.set_started_us(now_.wall);
  running.row.set_root(task.id);
}

bool Engine::MarkingUnderWay() const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [](const auto& job) { return job.second.row.verb() != JobRow::CANCEL; });
}

void Engine::RunJobs() {
  std::vector<uint64_t> numbers;
  // What was paused first and then let go on must not be paused in the end: such jobs run one after another.
  bool marking = false;
  for (const auto& [number, job] : jobs_) {
    const bool marks = job.row.verb() != JobRow::CANCEL;
    if (!marks || !marking) numbers.push_back(number);
    marking |= marks;
  }
  for (const uint64_t number : numbers) RunJob(number, jobs_[number]);
}

void Engine::RunJob(uint64_t number, Job& job) {
  if (job.searching || job.applying > 0) return;
  if (job.rest.has_value()) {
    // Everything found before is done: it need not be searched again.
    job.ranges.pop_front();
    if (job.rest->count > 0) job.ranges.push_front(*job.rest);
    job.rest.reset();
    job.dirty = true;
  }
  if (job.ranges.empty()) {
    batch_.writes().Delete(Family::kMeta, JobMetaKey(number));
    jobs_.erase(number);
    if (!jobs_.empty()) has_more_ = true;  // Another one may have waited for this one's end.
    return;
  }
  job.searching = true;
  LoadRequest request;
  request.kind = LoadRequest::Kind::kLiveIds;
  request.range = job.ranges.front();
  request.job = number;
  batch_.Load(std::move(request));
}

void Engine::Found(const LoadResult& loaded) {
  const uint64_t number = loaded.request.job;
  const auto it = jobs_.find(number);
  if (it == jobs_.end()) return;
  it->second.searching = false;
  it->second.rest = loaded.rest;
  it->second.applying = loaded.live.size();
  for (const TaskId id : loaded.live) {
    WithTask(id, [this, number](Task* task, const LoadedTask&) {
      if (task != nullptr) ApplyJob(number, *task);
      --jobs_[number].applying;
    });
  }
}

void Engine::ApplyJob(uint64_t number, Task& task) {
  const JobRow& row = jobs_[number].row;  // It may have many ranges, and stays until the job has ended.
  if (row.verb() == JobRow::CANCEL) return CancelTask(task, row.actor(), row.reason(), number);
  MarkTask(task, {row.mark(), row.verb() == JobRow::PAUSE, row.actor(), row.reason()}, /*even_if_unchanged=*/false);
  Descend(task, number, row);
  if (task.state != LiveState::PENDING || HasRoomFor(0)) return;
  // However many they are, no more stay in memory than may.
  DropBody(task);
  adopted_.push_back(task.id);
}

void Engine::WriteJobs() {
  for (auto& [number, job] : jobs_) {
    if (!job.dirty) continue;
    job.dirty = false;
    job.row.clear_ranges();
    for (const IdRange& range : job.ranges) {
      records::v1::Range* row = job.row.add_ranges();
      row->set_first(range.first);
      row->set_count(range.count);
    }
    batch_.writes().Put(Family::kMeta, JobMetaKey(number), job.row.SerializeAsString());
  }
}

}  // namespace baton::engine
