#include "worker_sdk/test_kit/inline_partition.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/live/recovery.h"

namespace baton::inline sdk {
namespace testing {

absl::StatusOr<std::unique_ptr<InlinePartition>> InlinePartition::Open(engine::PartitionOptions options,
                                                                       storage::Store* store, const Clock* clock) {
  // Not make_unique: the constructor is private.
  std::unique_ptr<InlinePartition> partition(new InlinePartition(std::move(options), store, clock));
  RETURN_IF_ERROR(partition->Recover());
  return partition;
}

InlinePartition::InlinePartition(engine::PartitionOptions options, storage::Store* store, const Clock* clock)
    : options_(std::move(options)),
      store_(store),
      clock_(clock),
      follower_(options_.engine, store, &catalog_),
      lanes_(options_.engine) {}

absl::Status InlinePartition::Recover() {
  const Now now = clock_->Read();
  ASSIGN_OR_RETURN(engine::Recovered recovered,
                   engine::Recover(store_, options_.broker_version, now.wall, options_.random, &catalog_, &follower_));
  follower_.Observe(&activity_, clock_);
  incarnation_ = recovered.incarnation;
  engine_ = std::make_unique<engine::Engine>(options_.engine, &catalog_, &board_, std::move(recovered), now);
  engine_->ClockIsTurned();
  return absl::OkStatus();
}

bool InlinePartition::Step() {
  if (!lanes_.empty() || !loaded_.empty() || engine_->has_more() || clock_->Read().steady >= wake_at_) {
    Round();
    return true;
  }
  if (reads_.empty()) return false;
  const std::shared_ptr<const engine::View> view = MakeView();
  for (const ReadDone& read : std::exchange(reads_, {})) read(view);
  return true;
}

void InlinePartition::Round() {
  const Now now = clock_->Read();
  std::deque<std::unique_ptr<engine::Command>> commands;
  lanes_.Take(&commands);
  engine_->BeginRound(now);
  for (engine::LoadResult& loaded : std::exchange(loaded_, {})) engine_->Apply(std::move(loaded));
  for (std::unique_ptr<engine::Command>& command : commands) engine_->Apply(std::move(command));
  engine_->FinishRound(/*expire=*/lanes_.outcomes_empty());
  wake_at_ = now.steady + engine_->SleepTime();
  if (engine_->has_batch()) Commit(engine_->CloseBatch());
}

void InlinePartition::Commit(engine::ClosedBatch batch) {
  if (batch.number != 0) {
    std::string error;
    if (store_->Commit(batch.writes, batch.number, &error) != storage::CommitResult::kDone) {
      options_.fatal(absl::StrCat("commit ", batch.number, " failed: ", error));
    }
    const absl::Status status = follower_.Fold(batch.number, *batch.entry, batch.entry_bytes, batch.tagged);
    if (!status.ok()) options_.fatal(absl::StrCat("the live table broke: ", status.ToString()));
    watchers_.Notify(*batch.entry);
  }
  options_.release(std::move(batch.outbox));
  Load(std::move(batch.loads));
}

void InlinePartition::Load(std::vector<engine::LoadRequest> requests) {
  if (requests.empty()) return;
  const std::shared_ptr<const engine::View> view = MakeView();
  for (engine::LoadRequest& request : requests) {
    absl::StatusOr<engine::LoadResult> loaded = engine::Load(*view, std::move(request), options_.find_matches);
    if (!loaded.ok()) options_.fatal(absl::StrCat("cannot load what is stored: ", loaded.status().ToString()));
    loaded_.push_back(*std::move(loaded));
  }
}

}  // namespace testing
}  // namespace baton::inline sdk
