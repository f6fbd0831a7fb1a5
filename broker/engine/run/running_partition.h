#ifndef BATON_BROKER_ENGINE_RUN_RUNNING_PARTITION_H_
#define BATON_BROKER_ENGINE_RUN_RUNNING_PARTITION_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/steady_cond_var.h"
#include "broker/engine/engine.h"
#include "broker/engine/live/follower.h"
#include "broker/engine/retention/sweeper.h"
#include "broker/engine/run/lanes.h"
#include "broker/engine/run/partition.h"
#include "broker/engine/run/views.h"
#include "broker/engine/run/watchers.h"

namespace baton::engine {

// The threads of a partition:
//
//   lanes -> engine -> (open batch) -> committer -> release
//                                          \-> follower -> pages (back to the engine), views -> reader, loader
//
// What is no longer retained is found by the follower's thread, looked at by the reader's, and removed by the engine's.
//
// Each owns its part and talks to the next by a queue; the mutex guards the queues, and nothing slow happens under it.
class RunningPartition final : public Partition {
 public:
  RunningPartition(PartitionOptions options, storage::Store* store, const Clock* clock);
  ~RunningPartition() override;

  // Recovers, and starts the threads.
  absl::Status Open();

  Error Send(std::unique_ptr<Command>& command) override ABSL_LOCKS_EXCLUDED(mu_);
  void Read(ReadDone done) override;
  std::shared_ptr<const storage::Snapshot> Snapshot() const override { return store_->TakeSnapshot(); }
  uint64_t Watch(TaskId task, std::function<void()> changed) override;
  uint64_t WatchAny(std::function<void()> changed) override;
  void Unwatch(uint64_t watch) override { watchers_.Remove(watch); }
  const RoutingBoard& routing() const override { return board_; }
  const ActivityBoard& activity() const override { return activity_; }
  uint64_t incarnation() const override { return incarnation_; }
  void Stop() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // What the committer hands to the follower.
  struct Committed {
    uint64_t number = 0;
    std::shared_ptr<const records::v1::JournalEntry> entry;  // Null: only a snapshot, of that commit.
    size_t entry_bytes = 0;
    std::vector<TaggedTask> tagged;
    bool stores_pages = false;
    std::shared_ptr<const storage::Snapshot> snapshot;  // Null: no view is wanted.
  };
  // One round's input.
  struct Input {
    std::optional<storage::WriteBatch> pages;
    bool expire = false;
    bool disk_stalls = false;
  };

  // ── Engine thread ──
  void RunEngine() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for something to do; false when it is time to end.
  bool WaitForInput(Input* input) ABSL_LOCKS_EXCLUDED(mu_);
  bool HasInput() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What was taken in, until the batch has enough; how many.
  size_t ApplyCommands();
  void HandOver() ABSL_LOCKS_EXCLUDED(mu_);
  // Ends the round that began at `began`.
  void MeterRound(SteadyMicros began, size_t commands);
  // In place of the committer, which is idle.
  void CommitAlone(ClosedBatch batch) ABSL_LOCKS_EXCLUDED(mu_);
  // ── Committer thread ──
  void RunCommitter() ABSL_LOCKS_EXCLUDED(mu_);
  void Commit(ClosedBatch batch) ABSL_LOCKS_EXCLUDED(mu_);
  void Write(const ClosedBatch& batch);
  void PassOn(ClosedBatch& batch) ABSL_LOCKS_EXCLUDED(mu_);
  void MakeSnapshot() ABSL_LOCKS_EXCLUDED(mu_);
  // ── Follower thread ──
  void RunFollower() ABSL_LOCKS_EXCLUDED(mu_);
  void Follow(const Committed& committed) ABSL_LOCKS_EXCLUDED(mu_);
  void StorePages() ABSL_LOCKS_EXCLUDED(mu_);
  // ── Follower thread, sweep.cc ──
  void Sweep() ABSL_LOCKS_EXCLUDED(mu_);
  void TakeSightings() ABSL_LOCKS_EXCLUDED(mu_);
  void SendOldRows() ABSL_LOCKS_EXCLUDED(mu_);
  Error SendRemoval(NumberedRemoval removal) ABSL_LOCKS_EXCLUDED(mu_);
  void StartLooking(std::vector<Look> looks) ABSL_LOCKS_EXCLUDED(mu_);
  void StartReclaiming(const IdRange& range) ABSL_LOCKS_EXCLUDED(mu_);

  void RequestLoads(std::vector<LoadRequest> requests) ABSL_LOCKS_EXCLUDED(mu_);
  void WantView() ABSL_LOCKS_EXCLUDED(mu_);

  const PartitionOptions options_;
  storage::Store* const store_;
  const Clock* const clock_;
  Catalog catalog_;
  RoutingBoard board_;
  ActivityBoard activity_;
  uint64_t incarnation_ = 0;
  Watchers watchers_;
  ViewReaders readers_;  // Of callers.
  ViewReaders loaders_;  // Of the engine.

  // Belong to their threads.
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<Sweeper> sweeper_;  // The follower's.

  // Last commit that is on disk.
  std::atomic<uint64_t>& committed_ = meters_.committed;
  // Journal that the follower has not folded yet.
  std::atomic<size_t>& follower_lag_bytes_ = meters_.follower_lag_bytes;

  absl::Mutex mu_;
  SteadyCondVar engine_wake_;
  absl::CondVar committer_wake_;
  SteadyCondVar follower_wake_;
  SteadyCondVar stopped_wake_;
  Lanes lanes_ ABSL_GUARDED_BY(mu_);
  bool urgent_ ABSL_GUARDED_BY(mu_) = false;             // What waits in the lanes is not patient, or not all of it.
  SteadyMicros patient_until_ ABSL_GUARDED_BY(mu_) = 0;  // Else, when it is taken.
  std::vector<LoadResult> loaded_ ABSL_GUARDED_BY(mu_);
  std::optional<storage::WriteBatch> pages_ ABSL_GUARDED_BY(mu_);
  std::optional<ClosedBatch> to_commit_ ABSL_GUARDED_BY(mu_);
  bool committing_ ABSL_GUARDED_BY(mu_) = false;
  bool committer_idle_ ABSL_GUARDED_BY(mu_) = false;
  bool view_wanted_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Committed> to_fold_ ABSL_GUARDED_BY(mu_);
  bool fold_now_ ABSL_GUARDED_BY(mu_) = false;  // Somebody waits for what is in it.
  std::optional<std::vector<Sighting>> sightings_ ABSL_GUARDED_BY(mu_);
  bool reclaimed_ ABSL_GUARDED_BY(mu_) = false;
  bool removal_refused_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;    // Takes no more commands.
  bool flushing_ ABSL_GUARDED_BY(mu_) = false;  // All pages are being stored.
  bool flushed_ ABSL_GUARDED_BY(mu_) = false;
  bool engine_idle_ ABSL_GUARDED_BY(mu_) = false;
  bool own_commit_ ABSL_GUARDED_BY(mu_) = false;  // The engine's thread commits.
  bool ending_ ABSL_GUARDED_BY(mu_) = false;      // Threads end.
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;

  // Of the engine thread: what was taken in and is not applied yet, and what it knows of itself while it waits.
  std::deque<LoadResult> loads_;
  std::deque<std::unique_ptr<Command>> commands_;
  Micros sleep_ = 0;
  bool engine_has_batch_ = false;
  bool engine_is_full_ = false;
  bool engine_has_more_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RUN_RUNNING_PARTITION_H_
