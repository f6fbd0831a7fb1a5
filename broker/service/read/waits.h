// Callers that wait for a task to end or to change.
#ifndef BATON_BROKER_SERVICE_READ_WAITS_H_
#define BATON_BROKER_SERVICE_READ_WAITS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "baton/v1/broker.pb.h"
#include "broker/base/clock.h"
#include "broker/base/steady_cond_var.h"
#include "broker/base/error.h"
#include "broker/engine/run/partition.h"

namespace baton::service {

// One thread of its own sets watches, asks for reads and sees to deadlines; looking at tasks is done by the partition's
// readers. All that changed at once is looked at in one read. Thread-safe. `done` is called without any lock held.
class Waits : public std::enable_shared_from_this<Waits> {
 public:
  using Done = std::function<void(Error, v1::WaitResponse)>;
  // Describes one task. Called by readers' threads.
  using LookUp = std::function<Error(const std::shared_ptr<const engine::View>& view, engine::TaskId task,
                                     const v1::TaskParts& parts, v1::Task* result)>;
  struct Limits {
    Micros default_wait;
    Micros max_wait;
    size_t max_waits;
  };

  // `partition` and `clock` must outlive it.
  Waits(engine::Partition* partition, const Clock* clock, Limits limits, LookUp look_up);
  // Stop must have been called if Start was.
  ~Waits();

  // Starts the thread. Once, before the others.
  void Start();
  // Answers all with UNAVAILABLE and ends the thread. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // As ReadService's Wait and CancelWait.
  uint64_t Add(const v1::WaitRequest& request, Done done) ABSL_LOCKS_EXCLUDED(mu_);
  void Cancel(uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);

  // Makes the thread look at the clock.
  void CheckDeadlines() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    v1::WaitRequest request;
    Done done;
    SteadyMicros deadline = 0;
    // Of the partition; 0: none.
    uint64_t watch = 0;
    bool expired = false;
  };

  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  bool SomethingToDo() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ids to look at now: those that are new or changed, and those whose time is over.
  std::vector<uint64_t> AwaitWork() ABSL_LOCKS_EXCLUDED(mu_);
  void TakeExpiredLocked(std::vector<uint64_t>* ids) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Watch(uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);
  void Changed(uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);
  void LookAt(const std::shared_ptr<const engine::View>& view, uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);
  void Finish(uint64_t id, Error error, v1::WaitResponse response) ABSL_LOCKS_EXCLUDED(mu_);

  engine::Partition* const partition_;
  const Clock* const clock_;
  const Limits limits_;
  const LookUp look_up_;
  std::thread thread_;

  mutable absl::Mutex mu_;
  SteadyCondVar work_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  bool look_at_clock_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<uint64_t, Entry> waits_ ABSL_GUARDED_BY(mu_);
  // Those that have not expired.
  std::set<std::pair<SteadyMicros, uint64_t>> deadlines_ ABSL_GUARDED_BY(mu_);
  std::vector<uint64_t> to_look_at_ ABSL_GUARDED_BY(mu_);
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_WAITS_H_
