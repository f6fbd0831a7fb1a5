// Retention, as a running partition goes about it: what takes time is done by the reader's thread, as any read is.
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/engine/retention/removal.h"
#include "broker/engine/run/running_partition.h"

namespace baton::engine {
namespace {

// That it was done the follower sees in the journal.
class SweepCommand final : public RemoveCommand {
 public:
  explicit SweepCommand(std::function<void()> refused) : refused_(std::move(refused)) {}
  void Answer() override {
    if (!error.ok()) refused_();
  }

 private:
  const std::function<void()> refused_;
};

}  // namespace

void RunningPartition::Sweep() {
  TakeSightings();
  SendOldRows();
  std::vector<Look> looks = sweeper_->TakeLooks(clock_->Read());
  if (!looks.empty()) return StartLooking(std::move(looks));
  const std::optional<IdRange> range = sweeper_->TakeReclaim();
  if (range.has_value()) StartReclaiming(*range);
}

void RunningPartition::TakeSightings() {
  std::optional<std::vector<Sighting>> sightings;
  bool reclaimed, refused;
  {
    absl::MutexLock lock(&mu_);
    sightings.swap(sightings_);
    reclaimed = std::exchange(reclaimed_, false);
    refused = std::exchange(removal_refused_, false);
  }
  if (refused) sweeper_->NotSent(clock_->Read());
  if (reclaimed) sweeper_->Reclaimed();
  if (!sightings.has_value()) return;
  std::optional<NumberedRemoval> removal = sweeper_->Take(*std::move(sightings));
  if (!removal.has_value()) return;
  if (!SendRemoval(*std::move(removal)).ok()) sweeper_->NotSent(clock_->Read());
}

void RunningPartition::SendOldRows() {
  std::optional<storage::WriteBatch> deletes = sweeper_->TakeOldRows(clock_->Read());
  if (!deletes.has_value()) return;
  NumberedRemoval rows;
  rows.removal.deletes = *std::move(deletes);
  if (!SendRemoval(std::move(rows)).ok()) sweeper_->OldRowsNotSent();
}

Error RunningPartition::SendRemoval(NumberedRemoval removal) {
  auto command = std::make_unique<SweepCommand>([this] {
    absl::MutexLock lock(&mu_);
    removal_refused_ = true;
    follower_wake_.Signal();
  });
  command->actor = "broker";
  command->page_number = removal.page_number;
  command->number = removal.number;
  command->bytes = removal.removal.deletes.bytes();
  command->removal = std::move(removal.removal);
  std::unique_ptr<Command> sent = std::move(command);
  return Send(sent);
}

void RunningPartition::StartLooking(std::vector<Look> looks) {
  Read([this, looks = std::move(looks)](const std::shared_ptr<const View>& view) {
    std::vector<Sighting> sightings = LookAt(*view, looks);
    absl::MutexLock lock(&mu_);
    sightings_ = std::move(sightings);
    follower_wake_.Signal();
  });
}

void RunningPartition::StartReclaiming(const IdRange& range) {
  Read([this, range](std::shared_ptr<const View> view) {
    view.reset();  // It would keep alive what is to be given back.
    const TaskId end = range.first + range.count;
    absl::Status status = store_->Reclaim(storage::Family::kTask, TaskKey(range.first), TaskKey(end));
    if (status.ok()) status = store_->Reclaim(storage::Family::kEnd, EndKey(range.first), EndKey(end));
    if (status.ok()) status = store_->Reclaim(storage::Family::kLog, LogKey(range.first, 0), LogKey(end, 0));
    if (!status.ok()) options_.fatal(absl::StrCat("cannot give disk space back: ", status.ToString()));
    absl::MutexLock lock(&mu_);
    reclaimed_ = true;
    follower_wake_.Signal();
  });
}

}  // namespace baton::engine
