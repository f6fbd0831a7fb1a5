#ifndef BATON_WORKER_SDK_TEST_KIT_INLINE_PARTITION_H_
#define BATON_WORKER_SDK_TEST_KIT_INLINE_PARTITION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "broker/engine/engine.h"
#include "broker/engine/live/follower.h"
#include "broker/engine/run/lanes.h"
#include "broker/engine/run/partition.h"
#include "broker/engine/run/watchers.h"

namespace baton::inline sdk {
namespace testing {

// A partition without threads: whoever calls Step() is engine, committer, follower and reader. The rules, the rows and
// their order are those of a broker that runs; pages are never stored, and nothing is removed by its age.
//
// Belongs to one thread.
class InlinePartition final : public engine::Partition {
 public:
  // Recovers what the store holds. `store` and `clock` must outlive it. Errors: those of Partition::Start.
  static absl::StatusOr<std::unique_ptr<InlinePartition>> Open(engine::PartitionOptions options, storage::Store* store,
                                                               const Clock* clock);

  // Does what is to be done now; false if there is nothing.
  bool Step();
  // Steady instant at which there is something to do by the clock.
  SteadyMicros next() const { return wake_at_; }

  Error Send(std::unique_ptr<engine::Command>& command) override { return lanes_.Push(command); }
  void Read(ReadDone done) override { reads_.push_back(std::move(done)); }
  std::shared_ptr<const storage::Snapshot> Snapshot() const override { return store_->TakeSnapshot(); }
  uint64_t Watch(engine::TaskId task, std::function<void()> changed) override {
    return watchers_.Add(task, std::move(changed));
  }
  uint64_t WatchAny(std::function<void()> changed) override { return watchers_.AddForAny(std::move(changed)); }
  void Unwatch(uint64_t watch) override { watchers_.Remove(watch); }
  const engine::RoutingBoard& routing() const override { return board_; }
  const engine::ActivityBoard& activity() const override { return activity_; }
  uint64_t incarnation() const override { return incarnation_; }
  void Stop() override {}

 private:
  InlinePartition(engine::PartitionOptions options, storage::Store* store, const Clock* clock);

  absl::Status Recover();
  void Round();
  void Commit(engine::ClosedBatch batch);
  void Load(std::vector<engine::LoadRequest> requests);
  std::shared_ptr<const engine::View> MakeView() { return follower_.MakeView(store_->TakeSnapshot()); }

  const engine::PartitionOptions options_;
  storage::Store* const store_;
  const Clock* const clock_;
  engine::Catalog catalog_;
  engine::RoutingBoard board_;
  engine::ActivityBoard activity_;
  engine::Watchers watchers_;
  engine::Follower follower_;
  std::unique_ptr<engine::Engine> engine_;
  uint64_t incarnation_ = 0;
  engine::Lanes lanes_;
  std::deque<ReadDone> reads_;
  std::vector<engine::LoadResult> loaded_;
  SteadyMicros wake_at_ = 0;
};

}  // namespace testing
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TEST_KIT_INLINE_PARTITION_H_
