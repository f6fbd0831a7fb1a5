// How a simulated broker goes about retention: as run/sweep.cc does.
#include <utility>

#include "tests/simulation/broker.h"
#include "tests/simulation/sent.h"
#include "tests/simulation/violation.h"
#include "tests/unit/engine/first_id.h"

namespace baton::simulation {

void SimulatedBroker::BeginWith(TaskId first_id) {
  const std::unique_ptr<storage::Store> store = *storage::OpenMemoryStore(disk_);
  records::v1::StoreRow row;
  row.set_format_version(engine::kFormatVersion);
  row.set_incarnation(random_->Next() | 1);
  storage::WriteBatch batch;
  batch.Put(storage::Family::kMeta, engine::StoreMetaKey(), row.SerializeAsString());
  engine::testing::AddRemovedBefore(first_id, 1, &batch);
  std::string error;
  REQUIRE(store->Commit(batch, 1, &error) == storage::CommitResult::kDone, error);
}

void SimulatedBroker::PlanSweep() {
  Later(random_->Between(kMillisecond, kSecond), [this] {
    Sweep();
    PlanSweep();
  });
}

void SimulatedBroker::Sweep() {
  if (auto deletes = sweeper_->TakeOldRows(timeline_->Read()); deletes.has_value()) {
    engine::Removal removal;
    removal.deletes = *std::move(deletes);
    if (!SendRemoval({0, 0, std::move(removal)}).ok()) sweeper_->OldRowsNotSent();
  }
  std::vector<engine::Look> looks = sweeper_->TakeLooks(timeline_->Read());
  if (!looks.empty()) {
    return AddRead([this, looks = std::move(looks)](const std::shared_ptr<const engine::View>& view) {
      std::vector<engine::Sighting> sightings = engine::LookAt(*view, looks);
      auto removal = sweeper_->Take(std::move(sightings));
      if (!removal.has_value()) return;
      if (!SendRemoval(*std::move(removal)).ok()) sweeper_->NotSent(timeline_->Read());
    });
  }
  const std::optional<engine::IdRange> range = sweeper_->TakeReclaim();
  if (range.has_value()) Later(random_->Time(100, kSecond), [this, range] { Reclaim(*range); });
}

Error SimulatedBroker::SendRemoval(engine::NumberedRemoval removal) {
  auto command = std::make_unique<Sent<engine::RemoveCommand>>();
  command->actor = "broker";
  command->page_number = removal.page_number;
  command->number = removal.number;
  command->removal = std::move(removal.removal);
  command->on_answer = [this](const std::shared_ptr<engine::RemoveCommand>& answered) {
    if (answered != nullptr && !answered->error.ok()) sweeper_->NotSent(timeline_->Read());
  };
  std::unique_ptr<engine::Command> sent = std::move(command);
  return Send(sent);
}

void SimulatedBroker::Reclaim(const engine::IdRange& range) {
  const TaskId end = range.first + range.count;
  // A real store takes what is there, too.
  const std::shared_ptr<const storage::Snapshot> snapshot = store_->TakeSnapshot();
  const auto reclaim = [&](storage::Family family, const engine::Key& first, const engine::Key& last) {
    const absl::Status empty = snapshot->Scan(family, first, last, [&](absl::string_view key, absl::string_view) {
      throw Violation(absl::StrCat("space is given back that task ", engine::ReadU64(key), " uses"));
      return false;
    });
    REQUIRE(empty.ok(), empty.ToString());
    REQUIRE(store_->Reclaim(family, first, last).ok(), "space cannot be given back");
  };
  reclaim(storage::Family::kTask, engine::TaskKey(range.first), engine::TaskKey(end));
  reclaim(storage::Family::kEnd, engine::EndKey(range.first), engine::EndKey(end));
  reclaim(storage::Family::kLog, engine::LogKey(range.first, 0), engine::LogKey(end, 0));
  coverage_->Count("space given back");
  sweeper_->Reclaimed();
}

}  // namespace baton::simulation
