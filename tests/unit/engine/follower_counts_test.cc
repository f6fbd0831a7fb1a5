// Counts of tasks by class: a class that nothing is left of takes no memory, and no place in the checkpoint.
#include <functional>
#include <memory>
#include <string>

#include "broker/engine/batch.h"
#include "broker/engine/live/follower.h"
#include "broker/storage/memory_store.h"
#include "gtest/gtest.h"

namespace baton::engine::testing {
namespace {

class FollowerCountsTest : public ::testing::Test {
 protected:
  FollowerCountsTest() { EXPECT_TRUE(follower_.Restore({}).ok()); }

  // One commit of a journal entry that `write` fills in.
  void Commit(const std::function<void(Batch&)>& write) {
    write(batch_);
    const ClosedBatch closed = batch_.Close(kDay, 1, kNextId, &last_entry_);
    std::string error;
    ASSERT_EQ(store_->Commit(closed.writes, closed.number, &error), storage::CommitResult::kDone) << error;
    const absl::Status folded = follower_.Fold(closed.number, *closed.entry, closed.entry_bytes);
    ASSERT_TRUE(folded.ok()) << folded;
    if (closed.stores_pages) follower_.PagesStored();
  }
  void StorePages() {
    const auto pages = follower_.TakeDuePages(kDay, /*all=*/true);
    ASSERT_TRUE(pages.has_value());
    Commit([&](Batch& batch) { batch.AddPages(*pages); });
  }
  records::v1::CheckpointRow Checkpoint() {
    std::string bytes;
    records::v1::CheckpointRow row;
    EXPECT_TRUE(store_->TakeSnapshot()->Get(storage::Family::kMeta, CheckpointMetaKey(), &bytes).ok());
    EXPECT_TRUE(row.ParseFromString(bytes));
    return row;
  }
  View::Counts Counts() { return follower_.MakeView(store_->TakeSnapshot())->counts(); }
  // What a restart makes of the store.
  View::Counts CountsAfterARestart() {
    Follower restarted(settings_, store_.get(), &catalog_);
    const records::v1::CheckpointRow checkpoint = Checkpoint();
    EXPECT_TRUE(restarted.Restore(checkpoint).ok());
    const auto fold = [&](absl::string_view key, absl::string_view value) {
      records::v1::JournalEntry entry;
      EXPECT_TRUE(entry.ParseFromArray(value.data(), static_cast<int>(value.size())));
      return restarted.Fold(ReadU64(key), entry, value.size()).ok();
    };
    EXPECT_TRUE(
        store_->TakeSnapshot()->Scan(storage::Family::kJournal, JournalKey(checkpoint.number() + 1), "", fold).ok());
    return restarted.MakeView(store_->TakeSnapshot())->counts();
  }

  static constexpr TaskId kNextId = 100;
  EngineSettings settings_;
  Catalog catalog_;
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  Follower follower_{settings_, store_.get(), &catalog_};
  Batch batch_{1};
  uint64_t last_entry_ = 0;
};

TEST_F(FollowerCountsTest, ClassThatNothingIsLeftOfIsForgottenAlsoByTheCheckpoint) {
  constexpr LiveState kEnds[] = {LiveState::COMPLETED, LiveState::FAILED, LiveState::CANCELLED};
  // Tasks 1 to 3 are of classes 1 to 3, and end in different ways; the child of class 4 is dropped; task 5 stays.
  Commit([](Batch& batch) {
    for (TaskId id = 1; id <= 3; ++id) batch.Created({id, static_cast<ClassNumber>(id), 0, 5});
    batch.Created({4, 4, 0, 5, /*staged=*/true});
    batch.Created({5, 5, 0, 5});
  });
  Commit([&](Batch& batch) {
    for (TaskId id = 1; id <= 3; ++id) batch.Ended(id, kEnds[id - 1]);
  });
  StorePages();
  EXPECT_EQ(Checkpoint().counts_size(), 5);
  Commit([&](Batch& batch) {
    batch.Removed({1, 4});
    for (TaskId id = 1; id <= 3; ++id) {
      EndedCounts counts{static_cast<ClassNumber>(id)};
      counts.Of(kEnds[id - 1]) = 1;
      batch.RemovedEnded(0, counts);
    }
  });
  View::Counts of_task_5;
  of_task_5[5][LiveState::PENDING] = 1;
  EXPECT_EQ(Counts(), of_task_5);
  EXPECT_EQ(CountsAfterARestart(), of_task_5) << "from the checkpoint and the journal";
  StorePages();
  ASSERT_EQ(Checkpoint().counts_size(), 1);
  EXPECT_EQ(Checkpoint().counts(0).class_number(), 5u);
  EXPECT_EQ(CountsAfterARestart(), of_task_5) << "from the checkpoint";
}

TEST_F(FollowerCountsTest, ClassIsCountedAgainWhenTasksOfItComeAgain) {
  for (TaskId id = 1; id <= 2; ++id) {
    Commit([&](Batch& batch) { batch.Created({id, 7, 0, 5, /*staged=*/true}); });
    ASSERT_TRUE(Counts().contains(7));
    EXPECT_EQ(Counts().at(7)[LiveState::STAGED], 1u);
    Commit([&](Batch& batch) { batch.Removed({id, 1}); });
    EXPECT_TRUE(Counts().empty());
  }
}

}  // namespace
}  // namespace baton::engine::testing
