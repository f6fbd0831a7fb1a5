#include "broker/engine/run/watchers.h"

#include <utility>
#include <vector>

namespace baton::engine {
namespace {

using records::v1::JournalEntry;

// Calls visit(id) for every task that the entry mentions.
template <typename Visitor>
void ForEachTask(const JournalEntry& entry, Visitor&& visit) {
  const auto each_delta = [&](const auto& deltas) {
    TaskId id = 0;
    for (const int64_t delta : deltas) visit(id += static_cast<TaskId>(delta));
  };
  for (const auto& group : entry.claimed()) each_delta(group.id_deltas());
  for (const auto& moved : entry.moved()) visit(moved.id());
  each_delta(entry.ended().completed());
  each_delta(entry.ended().failed());
  each_delta(entry.ended().cancelled());
  for (const uint64_t id : entry.reported()) visit(id);
  for (const auto* ranges : {&entry.sealed(), &entry.removed()}) {
    for (const auto& range : *ranges) {
      for (TaskId id = range.first(); id < range.first() + range.count(); ++id) visit(id);
    }
  }
}

}  // namespace

uint64_t Watchers::Add(TaskId task, std::function<void()> changed) {
  absl::MutexLock lock(&mu_);
  by_task_[task][next_] = std::move(changed);
  tasks_[next_] = task;
  return next_++;
}

void Watchers::Remove(uint64_t watch) {
  absl::MutexLock lock(&mu_);
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
    if (by_task_.empty()) return;
    ForEachTask(entry, [&](TaskId id) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      const auto callbacks = by_task_.find(id);
      if (callbacks == by_task_.end()) return;
      for (const auto& [watch, changed] : callbacks->second) tasks_.erase(watch);
      fired.push_back(std::move(callbacks->second));
      by_task_.erase(callbacks);
    });
  }
  for (const Callbacks& callbacks : fired) {
    for (const auto& [watch, changed] : callbacks) changed();
  }
}

}  // namespace baton::engine
