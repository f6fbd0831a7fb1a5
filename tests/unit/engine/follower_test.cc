// The follower: pages from journal entries, views that never change, and what is stored of it.
#include "broker/engine/live/follower.h"

#include "broker/engine/batch.h"
#include "broker/engine/live/index.h"
#include "broker/storage/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/checks.h"

namespace baton::engine::testing {
namespace {

using storage::Family;
using ::testing::ElementsAre;

class FollowerTest : public ::testing::Test {
 protected:
  FollowerTest() {
    settings_.page_interval = kMinute;
    settings_.watch_window = kMinute;
    follower_ = std::make_unique<Follower>(settings_, store_.get(), &catalog_);
    EXPECT_TRUE(follower_->Restore({}).ok());
  }

  // One commit of a journal entry that `write` fills in.
  void Commit(const std::function<void(Batch&)>& write) {
    write(batch_);
    const ClosedBatch closed = batch_.Close(time_, 1, next_id_, &last_entry_);
    std::string error;
    ASSERT_EQ(store_->Commit(closed.writes, closed.number, &error), storage::CommitResult::kDone) << error;
    const absl::Status folded = follower_->Fold(closed.number, *closed.entry, closed.entry_bytes);
    ASSERT_TRUE(folded.ok()) << folded;
    if (closed.stores_pages) follower_->PagesStored();
  }
  void Create(TaskId first, uint64_t count) {
    next_id_ = std::max(next_id_, first + count);
    Commit([&](Batch& batch) {
      for (TaskId id = first; id < first + count; ++id) batch.Created({id, 1, 0, static_cast<WallMicros>(id)});
    });
  }
  // Of some class and with some tag each.
  void CreateDiverse(TaskId first, uint64_t count) {
    next_id_ = std::max(next_id_, first + count);
    Commit([&](Batch& batch) {
      for (TaskId id = first; id < first + count; ++id) {
        batch.Created({id, static_cast<ClassNumber>(1 + id % 3), 0, 5, false, 0, static_cast<uint32_t>(id % 7 * 1000)});
      }
    });
  }
  void End(TaskId id, LiveState state = LiveState::COMPLETED) {
    Commit([&](Batch& batch) { batch.Ended(id, state); });
  }
  bool StoreDuePages(bool all = false) {
    const auto pages = follower_->TakeDuePages(time_, all);
    if (!pages.has_value()) return false;
    Commit([&](Batch& batch) { batch.AddPages(*pages); });
    return true;
  }
  size_t RowsOf(Family family) {
    size_t rows = 0;
    EXPECT_TRUE(store_->TakeSnapshot()
                    ->Scan(family, "", "",
                           [&](absl::string_view, absl::string_view) {
                             ++rows;
                             return true;
                           })
                    .ok());
    return rows;
  }
  // What a restart makes of the store.
  std::unique_ptr<Follower> Rebuild() {
    auto follower = std::make_unique<Follower>(settings_, store_.get(), &catalog_);
    Follower& rebuilt = *follower;
    records::v1::CheckpointRow checkpoint;
    std::string row;
    const absl::Status found = store_->TakeSnapshot()->Get(Family::kMeta, CheckpointMetaKey(), &row);
    EXPECT_TRUE(found.ok() || absl::IsNotFound(found)) << found;
    EXPECT_TRUE(checkpoint.ParseFromString(row));
    EXPECT_TRUE(rebuilt.Restore(checkpoint).ok());
    const auto fold = [&](absl::string_view key, absl::string_view value) {
      records::v1::JournalEntry entry;
      EXPECT_TRUE(entry.ParseFromArray(value.data(), static_cast<int>(value.size())));
      return rebuilt.Fold(ReadU64(key), entry, value.size()).ok();
    };
    EXPECT_TRUE(store_->TakeSnapshot()->Scan(Family::kJournal, JournalKey(checkpoint.number() + 1), "", fold).ok());
    return follower;
  }
  std::vector<LiveEntry> RebuiltLive() { return LiveOf(*Rebuild()); }
  // What the live page and the one that a restart makes say of classes and tags; the test fails if they differ.
  std::vector<AttributeRun> AttributesOf(uint64_t page_number) {
    const auto live = *MakeView()->GetPage(page_number);
    const auto rebuilt = *Rebuild()->MakeView(store_->TakeSnapshot())->GetPage(page_number);
    EXPECT_EQ(live->attributes(), rebuilt->attributes());
    EXPECT_EQ(live->indexed(), rebuilt->indexed());
    return live->attributes();
  }
  bool IsIndexed(uint64_t page_number) { return (*MakeView()->GetPage(page_number))->indexed(); }
  // Tasks of class 2 with the tag 3000 that the view finds in the page.
  static size_t Find(const View& view, uint64_t page_number) {
    SlotSet slots;
    EXPECT_TRUE(IndexReader(view, {{{2}}, 3000}).Find(page_number, &slots).ok());
    size_t count = 0;
    for (auto slot = slots.Highest(kPageIds - 1); slot.has_value(); slot = slots.Below(*slot)) ++count;
    return count;
  }
  std::shared_ptr<const View> MakeView() { return follower_->MakeView(store_->TakeSnapshot()); }
  uint64_t Count(LiveState state) {
    const auto view = MakeView();
    const auto it = view->counts().find(1);
    return it == view->counts().end() ? 0 : it->second[state];
  }

  EngineSettings settings_;
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  Catalog catalog_;
  std::unique_ptr<Follower> follower_;
  Batch batch_{1};
  uint64_t last_entry_ = 0;
  TaskId next_id_ = 1;
  WallMicros time_ = kDay;
};

TEST_F(FollowerTest, ViewIsNotChangedByLaterCommits) {
  Create(1, 10);
  const auto before = MakeView();
  End(3);
  Create(11, 5);
  const auto between = MakeView();
  End(4, LiveState::FAILED);
  const auto after = MakeView();
  EXPECT_EQ(*before->StateOf(3), LiveState::PENDING);
  EXPECT_EQ(*before->StateOf(11), LiveState::NONE);
  EXPECT_EQ(before->next_id(), 11u);
  EXPECT_EQ(before->counts().at(1)[LiveState::PENDING], 10u);
  EXPECT_EQ(*between->StateOf(3), LiveState::COMPLETED);
  EXPECT_EQ(*between->StateOf(4), LiveState::PENDING);
  EXPECT_EQ(between->counts().at(1)[LiveState::PENDING], 14u);
  EXPECT_EQ(*after->StateOf(4), LiveState::FAILED);
  EXPECT_EQ(after->counts().at(1)[LiveState::FAILED], 1u);
  for (const auto& view : {before, between, after}) EXPECT_EQ(MiscountIn(*view), "");
}

TEST_F(FollowerTest, PageIsNotCopiedWhenNobodyHoldsAView) {
  Create(1, 10);
  const Page* page = MakeView()->GetPage(0)->get();
  End(1);
  EXPECT_EQ(MakeView()->GetPage(0)->get(), page);
  const auto held = MakeView();
  End(2);
  EXPECT_NE(MakeView()->GetPage(0)->get(), page);
  EXPECT_EQ(*held->StateOf(2), LiveState::PENDING);
}

TEST_F(FollowerTest, RunsOfIdsSpanPages) {
  Create(kPageIds - 3, 6);
  EXPECT_EQ(*MakeView()->StateOf(kPageIds - 3), LiveState::PENDING);
  EXPECT_EQ(*MakeView()->StateOf(kPageIds + 2), LiveState::PENDING);
  EXPECT_EQ(*MakeView()->StateOf(kPageIds + 3), LiveState::NONE);
  Commit([&](Batch& batch) { batch.Removed({kPageIds - 1, 2}); });
  EXPECT_EQ(*MakeView()->StateOf(kPageIds - 1), LiveState::REMOVED);
  EXPECT_EQ(*MakeView()->StateOf(kPageIds), LiveState::REMOVED);
  EXPECT_EQ(Count(LiveState::PENDING), 4u);
  EXPECT_EQ(LiveOf(*follower_).size(), 4u);
}

TEST_F(FollowerTest, LastStateOfACommitWins) {
  LiveEntry running;
  running.id = 1;
  running.state = LiveState::RUNNING;
  running.attempt = 3;
  running.session = 8;
  running.claimed = 70;
  running.ready = 60;
  Create(1, 3);
  Commit([&](Batch& batch) {
    batch.Claimed(running);
    running.id = 2;
    batch.Claimed(running);
    LiveEntry pending;
    pending.id = 1;
    pending.state = LiveState::PENDING;
    pending.attempt = 3;
    pending.due = 500;
    batch.Moved(pending);
    batch.Ended(3, LiveState::CANCELLED);
  });
  const std::vector<LiveEntry> live = LiveOf(*follower_);
  ASSERT_EQ(live.size(), 2u);
  EXPECT_EQ(live[0].state, LiveState::PENDING);
  EXPECT_EQ(live[0].due, 500);
  EXPECT_EQ(live[0].session, 0u);
  EXPECT_EQ(live[1].state, LiveState::RUNNING);
  EXPECT_EQ(live[1].attempt, 3u);
  EXPECT_EQ(live[1].session, 8u);
  EXPECT_EQ(live[1].ready, 60);
}

TEST_F(FollowerTest, AttemptsOfAClaimAreKeptWhenOnlySomeAreRepeated) {
  Create(1, 4);
  Commit([&](Batch& batch) {
    for (TaskId id = 1; id <= 4; ++id) {
      LiveEntry entry;
      entry.id = id;
      entry.attempt = id == 3 ? 5 : 1;
      entry.session = id == 4 ? 2 : 1;
      entry.claimed = 100;
      entry.ready = static_cast<WallMicros>(100 - id);
      batch.Claimed(entry);
    }
  });
  for (const LiveEntry& entry : LiveOf(*follower_)) {
    EXPECT_EQ(entry.attempt, entry.id == 3 ? 5u : 1u);
    EXPECT_EQ(entry.session, entry.id == 4 ? 2u : 1u);
    EXPECT_EQ(entry.ready, static_cast<WallMicros>(100 - entry.id));
  }
}

TEST_F(FollowerTest, EntryThatContradictsThePageIsDataLoss) {
  Create(1, 1);
  End(1);
  records::v1::JournalEntry entry;
  entry.mutable_ended()->add_completed(1);
  EXPECT_EQ(follower_->Fold(9, entry, 1).code(), absl::StatusCode::kDataLoss);
  entry.Clear();
  entry.add_moved()->set_id(77);
  EXPECT_EQ(follower_->Fold(9, entry, 1).code(), absl::StatusCode::kDataLoss);
  entry.Clear();
  entry.add_created()->set_count(4'000'000'000);  // More than any commit does.
  EXPECT_EQ(follower_->Fold(9, entry, 1).code(), absl::StatusCode::kDataLoss);
}

TEST_F(FollowerTest, PagesAreStoredWhenTheyAreOldEnough) {
  Create(1, 10);
  EXPECT_TRUE(follower_->dirty());
  EXPECT_FALSE(StoreDuePages());
  time_ += kMinute;
  EXPECT_TRUE(StoreDuePages());
  EXPECT_FALSE(follower_->dirty());
  EXPECT_FALSE(StoreDuePages(/*all=*/true)) << "nothing has changed since";
  EXPECT_EQ(RowsOf(Family::kPage), 1u);
  EXPECT_EQ(follower_->unstored_journal_bytes(), 0u);
}

TEST_F(FollowerTest, PagesOfAFloodAreStoredBeforeTheyFillTheMemory) {
  constexpr uint64_t kTasks = 40'000;
  for (int i = 0; i < 64; ++i) Create(next_id_, kTasks);  // 60 MiB of pages.
  EXPECT_TRUE(StoreDuePages()) << "none is old";
  while (StoreDuePages()) {
  }
  EXPECT_GT(RowsOf(Family::kPage), 70u) << "half of them, at least";
  for (int i = 0; i < 64; ++i) Create(next_id_, 1);
  EXPECT_FALSE(StoreDuePages()) << "there is room again";
  EXPECT_EQ(RebuiltLive(), LiveOf(*follower_));
}

TEST_F(FollowerTest, CheckpointStaysBehindPagesThatAreNotStoredYet) {
  Create(1, 3);
  time_ += kMinute / 2;
  Create(kPageIds + 1, 3);
  End(2);
  time_ += kMinute / 2;
  ASSERT_TRUE(StoreDuePages());
  EXPECT_TRUE(follower_->dirty());
  EXPECT_EQ(RowsOf(Family::kPage), 1u);
  EXPECT_EQ(RebuiltLive(), LiveOf(*follower_));
  EXPECT_EQ(RebuiltLive().size(), 5u);
  End(kPageIds + 2);
  time_ += kMinute;
  ASSERT_TRUE(StoreDuePages());
  EXPECT_EQ(RebuiltLive(), LiveOf(*follower_));
}

TEST_F(FollowerTest, OneSetOfPagesIsOutAtATime) {
  Create(1, 1);
  const auto first = follower_->TakeDuePages(time_, true);
  ASSERT_TRUE(first.has_value());
  Create(2, 1);
  EXPECT_TRUE(follower_->pages_out());
  EXPECT_FALSE(follower_->TakeDuePages(time_, true).has_value());
  Commit([&](Batch& batch) { batch.AddPages(*first); });
  EXPECT_FALSE(follower_->pages_out());
  EXPECT_TRUE(follower_->TakeDuePages(time_, true).has_value());
}

TEST_F(FollowerTest, JournalIsTrimmedBehindTheCheckpointAndTheWatchWindow) {
  const size_t many = 60'000;  // About 1 MiB of journal for each: alternating due times leave no runs.
  for (int i = 0; i < 6; ++i) {
    const TaskId first = next_id_;
    next_id_ += many;
    Commit([&](Batch& batch) {
      for (TaskId id = first; id < next_id_; ++id) batch.Created({id, 1, 0, id % 2 == 0 ? 0 : kDay});
    });
    time_ += kMinute;
  }
  while (StoreDuePages(/*all=*/true)) {
  }
  const size_t before = RowsOf(Family::kJournal);
  EXPECT_GE(before, 1u);
  time_ += kHour;
  for (int i = 0; i < 8; ++i) {
    End(static_cast<TaskId>(i) + 1);
    ASSERT_TRUE(StoreDuePages(/*all=*/true));
  }
  EXPECT_LT(RowsOf(Family::kJournal), before + 8);
  std::string row;
  records::v1::CheckpointRow checkpoint;
  ASSERT_TRUE(store_->TakeSnapshot()->Get(Family::kMeta, CheckpointMetaKey(), &row).ok());
  ASSERT_TRUE(checkpoint.ParseFromString(row));
  EXPECT_GT(checkpoint.trimmed(), 0u);
  for (uint64_t number = 1; number <= 6; ++number) {
    const bool is_kept = store_->TakeSnapshot()->Get(Family::kJournal, JournalKey(number), &row).ok();
    EXPECT_EQ(is_kept, number > checkpoint.trimmed()) << "commit " << number;
  }
  EXPECT_EQ(RebuiltLive(), LiveOf(*follower_)) << "what is left is enough";
}

TEST_F(FollowerTest, PageIsIndexedByTheCommitThatStoresItFull) {
  CreateDiverse(1, 100);
  EXPECT_EQ(AttributesOf(0).size(), 100u);
  EXPECT_TRUE(StoreDuePages(/*all=*/true));
  EXPECT_EQ(RowsOf(Family::kIndex), 0u);
  EXPECT_EQ(AttributesOf(0).size(), 100u) << "it is not full";
  CreateDiverse(101, kPageIds);
  const size_t found = Find(*MakeView(), 0);
  EXPECT_GT(found, 700u);
  EXPECT_TRUE(StoreDuePages(/*all=*/true));
  EXPECT_GT(RowsOf(Family::kIndex), 0u);
  EXPECT_TRUE(IsIndexed(0));
  EXPECT_TRUE(AttributesOf(0).empty());
  EXPECT_FALSE(IsIndexed(1));
  EXPECT_EQ(AttributesOf(1).size(), 101u);
  EXPECT_EQ(Find(*MakeView(), 0), found);
  const size_t rows = RowsOf(Family::kIndex);
  End(77);
  EXPECT_TRUE(StoreDuePages(/*all=*/true));
  EXPECT_EQ(RowsOf(Family::kIndex), rows) << "they never change";
  EXPECT_TRUE(IsIndexed(0));
}

TEST_F(FollowerTest, ViewsFromBeforeAPageWasIndexedFindTheSame) {
  CreateDiverse(1, kPageIds);
  const auto before = MakeView();
  const size_t found = Find(*before, 0);
  const auto pages = follower_->TakeDuePages(time_, true);
  ASSERT_TRUE(pages.has_value());
  End(1);
  const auto between = MakeView();
  EXPECT_FALSE((*between->GetPage(0))->indexed()) << "its rows are not on disk";
  EXPECT_FALSE(AttributesOf(0).empty()) << "nor after a crash";
  Commit([&](Batch& batch) { batch.AddPages(*pages); });
  const auto after = MakeView();
  EXPECT_TRUE((*after->GetPage(0))->indexed());
  EXPECT_TRUE(AttributesOf(0).empty());
  for (const auto& view : {before, between, after}) EXPECT_EQ(Find(*view, 0), found);
}

TEST_F(FollowerTest, PageWithoutTasksIsIndexedWithoutRows) {
  CreateDiverse(1, kPageIds);
  Commit([](Batch& batch) { batch.Removed({1, kPageIds - 1}); });
  EXPECT_TRUE(StoreDuePages(/*all=*/true));
  EXPECT_TRUE(IsIndexed(0));
  EXPECT_EQ(RowsOf(Family::kIndex), 0u);
}

TEST_F(FollowerTest, CommitsWithRowsOfTheIndexStaySmall) {
  for (int i = 0; i < 10; ++i) CreateDiverse(next_id_, kPageIds);
  size_t largest = 0;
  while (const auto pages = follower_->TakeDuePages(time_, true)) {
    largest = std::max(largest, pages->bytes());
    Commit([&](Batch& batch) { batch.AddPages(*pages); });
  }
  EXPECT_LT(largest, 512u << 10);
  EXPECT_TRUE(IsIndexed(0));
  EXPECT_TRUE(IsIndexed(9));
  EXPECT_FALSE(IsIndexed(10));
}

TEST_F(FollowerTest, PagesThatNobodyTouchesLeaveMemoryAndAreReadAgain) {
  const uint64_t pages = 7000;  // More than the cache holds.
  for (uint64_t page = 0; page < pages; page += 100) {
    next_id_ = (page + 100) * kPageIds;
    Commit([&](Batch& batch) {
      for (uint64_t i = page; i < page + 100; ++i) batch.Created({i * kPageIds + 1, 1, 0, 5});
    });
  }
  while (StoreDuePages(/*all=*/true)) {
  }
  for (int i = 0; i < 70; ++i) End(1 + static_cast<TaskId>(i) * kPageIds);
  EXPECT_EQ(*MakeView()->StateOf(1), LiveState::COMPLETED);
  EXPECT_EQ(*MakeView()->StateOf(6999 * kPageIds + 1), LiveState::PENDING);
  EXPECT_EQ(*MakeView()->StateOf(100 * kPageIds + 1), LiveState::PENDING);
  EXPECT_EQ(LiveOf(*follower_).size(), pages - 70);
  End(6999 * kPageIds + 1);
  EXPECT_EQ(*MakeView()->StateOf(6999 * kPageIds + 1), LiveState::COMPLETED);
}

}  // namespace
}  // namespace baton::engine::testing
