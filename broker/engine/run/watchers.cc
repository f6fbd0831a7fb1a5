#include "broker/engine/run/watchers.h"

#include <utility>
#include <vector>

#include "broker/engine/live/changed_tasks.h"

namespace baton::engine {
namespace {

using records::v1::JournalEntry;

// Calls visit(id) for every task that the entry mentions.
template <typename Visitor>
void ForEachTask(const JournalEntry& entry, Visitor&& visit) {
  const auto visit_run = [&](TaskId first, uint64_t count) {
    for (TaskId id = first; id < first + count; ++id) visit(id);
    return true;
  };
  ForEachChangedRun(entry, visit_run);
  for (const records::v1::Range& range : entry.removed()) visit_run(range.first(), range.count());
}

}  // namespace

uint64_t Watchers::Add(TaskId task, std::function<void()> changed) {
  absl::MutexLock lock(&mu_);
  by_task_[task][next_] = std::move(changed);
  tasks_[next_] = task;
  return next_++;
}

uint64_t Watchers::AddForAny(std::function<void()> changed) {
  absl::MutexLock lock(&mu_);
  of_any_[next_] = std::move(changed);
  return next_++;
}

void Watchers::Remove(uint64_t watch) {
  absl::MutexLock lock(&mu_);
  if (of_any_.erase(watch) > 0) return;
  const auto task = tasks_.find(watch);
  if (task == tasks_.end()) return;
  const auto callbacks = by_task_.find(task->second);
  callbacks->second.erase(watch);
  if (callbacks->second.empty()) by_task_.erase(callbacks);
  tasks_.erase(task);
}

void Watchers::Notify(const JournalEntry& entry) {
  std::vector<Callbacks> fired;
  {
    absl::MutexLock lock(&mu_);
    if (!of_any_.empty()) fired.push_back(std::exchange(of_any_, {}));
    const auto visit = [&](TaskId id) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const auto callbacks = by_task_.find(id);
      if (callbacks == by_task_.end()) return;
      for (const auto& [watch, changed] : callbacks->second) tasks_.erase(watch);
      fired.push_back(std::move(callbacks->second));
      by_task_.erase(callbacks);
    };
    if (!by_task_.empty()) ForEachTask(entry, visit);
  }
  for (const Callbacks& callbacks : fired) {
    for (const auto& [watch, changed] : callbacks) changed();
  }
}

}  // namespace baton::engine
