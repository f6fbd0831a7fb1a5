#ifndef BATON_BROKER_ENGINE_RUN_WATCHERS_H_
#define BATON_BROKER_ENGINE_RUN_WATCHERS_H_

#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "baton/records/v1/records.pb.h"
#include "broker/engine/format/keys.h"

namespace baton::engine {

// Who wants to know when a task changes, or anything does. Thread-safe.
class Watchers {
 public:
  // Calls `changed` once, from Notify. The number is for Remove.
  uint64_t Add(TaskId task, std::function<void()> changed) ABSL_LOCKS_EXCLUDED(mu_);
  // The same for any change of any task.
  uint64_t AddForAny(std::function<void()> changed) ABSL_LOCKS_EXCLUDED(mu_);
  void Remove(uint64_t watch) ABSL_LOCKS_EXCLUDED(mu_);

  // Nobody waits for one task. Who watches all of them has time.
  bool empty() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return tasks_.empty();
  }

  // Fires for all tasks that a journal entry, which is not empty, mentions.
  void Notify(const records::v1::JournalEntry& entry) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Callbacks = absl::flat_hash_map<uint64_t, std::function<void()>>;

  mutable absl::Mutex mu_;
  uint64_t next_ ABSL_GUARDED_BY(mu_) = 1;
  absl::flat_hash_map<TaskId, Callbacks> by_task_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint64_t, TaskId> tasks_ ABSL_GUARDED_BY(mu_);
  Callbacks of_any_ ABSL_GUARDED_BY(mu_);
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RUN_WATCHERS_H_
