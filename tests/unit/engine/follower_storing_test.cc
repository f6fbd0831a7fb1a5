// The memory of the follower while pages go out all the time: what was stored leaves it, what is out stays.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/engine/batch.h"
#include "broker/engine/live/follower.h"
#include "broker/storage/memory_store.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/checks.h"

namespace baton::engine::testing {
namespace {

class FollowerStoringTest : public ::testing::Test {
 protected:
  FollowerStoringTest() { EXPECT_TRUE(follower_.Restore({}).ok()); }

  // One commit of a journal entry that `write` fills in.
  void Commit(const std::function<void(Batch&)>& write) {
    write(batch_);
    const ClosedBatch closed = batch_.Close(kDay, 1, next_id_, &last_entry_);
    std::string error;
    ASSERT_EQ(store_->Commit(closed.writes, closed.number, &error), storage::CommitResult::kDone) << error;
    const absl::Status folded = follower_.Fold(closed.number, *closed.entry, closed.entry_bytes);
    ASSERT_TRUE(folded.ok()) << folded;
    if (closed.stores_pages) follower_.PagesStored();
  }
  void Create(uint64_t count) {
    const TaskId first = next_id_;
    next_id_ += count;
    Commit([&](Batch& batch) {
      for (TaskId id = first; id < next_id_; ++id) batch.Created({id, 1, 0, 5});
    });
  }
  void End(TaskId id) {
    Commit([&](Batch& batch) { batch.Ended(id, LiveState::COMPLETED); });
  }
  // Takes what is due into out_. No time goes by: unless it is `all`, pages are due only if they take too much memory.
  bool TakePages(bool all) {
    out_ = follower_.TakeDuePages(kDay, all);
    return out_.has_value();
  }
  void StorePages() {
    Commit([&](Batch& batch) { batch.AddPages(*out_); });
  }
  uint64_t PagesInMemory(uint64_t end) {
    const auto view = follower_.MakeView(store_->TakeSnapshot());
    uint64_t count = 0;
    for (uint64_t page = 0; page < end; ++page) count += view->PageInMemory(page) != nullptr ? 1 : 0;
    return count;
  }

  EngineSettings settings_;
  Catalog catalog_;
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  Follower follower_{settings_, store_.get(), &catalog_};
  Batch batch_{1};
  uint64_t last_entry_ = 0;
  TaskId next_id_ = 1;
  std::optional<storage::WriteBatch> out_;
};

TEST_F(FollowerStoringTest, AFloodThatIsOverIsNoticedAlthoughSomethingIsAlwaysOut) {
  for (int i = 0; i < 64; ++i) Create(40'000);  // 60 MiB of pages.
  ASSERT_TRUE(TakePages(/*all=*/false)) << "they take too much memory";
  int commits = 0;
  for (; out_.has_value() && commits < 1000; ++commits) {
    Create(1);
    StorePages();
    TakePages(/*all=*/false);
  }
  EXPECT_LT(commits, 200) << "pages are stored again and again for each task that is new";
}

TEST_F(FollowerStoringTest, WhatIsOutStaysInMemoryAndTheRestLeavesIt) {
  constexpr uint64_t kPages = 9000;  // More than the cache holds.
  for (uint64_t page = 0; page < kPages; page += 100) {
    next_id_ = (page + 100) * kPageIds;
    Commit([&](Batch& batch) {
      for (uint64_t i = page; i < page + 100; ++i) batch.Created({i * kPageIds + 1, 1, 0, 5});
    });
  }
  ASSERT_TRUE(TakePages(/*all=*/true));
  for (uint64_t i = 1; i <= 70; ++i) End((kPages - i) * kPageIds + 1);
  EXPECT_EQ(PagesInMemory(kPages), kPages) << "what is out is not on disk yet, and the rest was not stored";
  for (uint64_t i = 0; i < 70; ++i) {
    End(i * kPageIds + 1);
    StorePages();
    ASSERT_TRUE(TakePages(/*all=*/true));
  }
  EXPECT_LT(PagesInMemory(kPages), kPages / 4 * 3);
  EXPECT_EQ(LiveOf(follower_).size(), kPages - 140);
}

}  // namespace
}  // namespace baton::engine::testing
