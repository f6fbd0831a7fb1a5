// From a store to a live table.
#include "broker/engine/live/recovery.h"

#include "absl/strings/escaping.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using storage::Family;
using ::testing::HasSubstr;

class RecoveryTest : public ::testing::Test {
 protected:
  absl::StatusOr<Recovered> Recover(uint64_t random = 42) {
    catalog_ = std::make_unique<Catalog>();
    follower_ = std::make_unique<Follower>(EngineSettings(), store_.get(), catalog_.get());
    return engine::Recover(
        store_.get(), "1.2.3", kStart, [random] { return random; }, catalog_.get(), follower_.get());
  }
  void Put(Family family, absl::string_view key, const std::string& value) {
    storage::WriteBatch batch;
    batch.Put(family, key, value);
    std::string error;
    ASSERT_EQ(store_->Commit(batch, store_->number() + 1, &error), storage::CommitResult::kDone) << error;
  }
  // The entry of the next commit, which creates so many tasks; the number of that commit.
  uint64_t Create(TaskId first, uint32_t count) {
    records::v1::JournalEntry entry;
    if (count > 0) {
      records::v1::JournalEntry::Created* created = entry.add_created();
      created->set_class_number(1);
      created->set_first(first);
      created->set_count(count);
    }
    entry.set_next_id(first + count);
    Put(Family::kJournal, JournalKey(store_->number() + 1), entry.SerializeAsString());
    return store_->number();
  }
  void Reopen() {
    follower_.reset();
    store_.reset();
    store_ = *storage::OpenMemoryStore(disk_);
  }

  std::shared_ptr<storage::MemoryDisk> disk_ = std::make_shared<storage::MemoryDisk>();
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(disk_);
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Follower> follower_;
};

// Found by a fuzzer: the broker ended with an exception, or with a broken invariant.
class RecoveryOfRunningTest : public ::testing::Test {
 protected:
  RecoveryOfRunningTest() {
    TestWorker& worker = harness_.Connect();
    id_ = harness_.Submit();
    EXPECT_TRUE(worker.Runs(id_));
    harness_.Stop();
    harness_.verify = false;
  }

  // Why nothing starts after this.
  std::string RefusalAfter(const storage::WriteBatch& damage) {
    storage::Store& store = harness_.stopped_store();
    std::string error;
    EXPECT_EQ(store.Commit(damage, store.number() + 1, &error), storage::CommitResult::kDone) << error;
    Catalog catalog;
    Follower follower(EngineSettings(), &store, &catalog);
    const auto recovered = engine::Recover(
        &store, "1.2.3", kStart, [] { return uint64_t{42}; }, &catalog, &follower);
    EXPECT_EQ(recovered.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(recovered.status().message()), HasSubstr("batond verify"));
    return std::string(recovered.status().message());
  }

  EngineHarness harness_;
  TaskId id_ = 0;
  storage::WriteBatch damage_;
};

TEST_F(RecoveryOfRunningTest, IsRefusedWhenItsOptionsAreLost) {
  damage_.DeleteRange(Family::kMeta, OptionsMetaKey(0), OptionsMetaKey(UINT32_MAX));
  EXPECT_THAT(RefusalAfter(damage_), HasSubstr(absl::StrCat("task ", id_, " runs with options 1")));
}

TEST_F(RecoveryOfRunningTest, IsRefusedWhenItsSessionIsLost) {
  damage_.DeleteRange(Family::kMeta, SessionMetaKey(0), SessionMetaKey(UINT64_MAX));
  EXPECT_THAT(RefusalAfter(damage_), HasSubstr(absl::StrCat("task ", id_, " runs in session")));
}

TEST_F(RecoveryOfRunningTest, IsRefusedWhenItsClassIsLost) {
  damage_.DeleteRange(Family::kMeta, ClassMetaKey(0), ClassMetaKey(UINT32_MAX));
  EXPECT_THAT(RefusalAfter(damage_), HasSubstr("class 1, which nothing tells"));
}

TEST_F(RecoveryOfRunningTest, IsRefusedWhenAClassHasANumberThatNoneHas) {
  for (const ClassNumber number : {ClassNumber{0}, ClassNumber{4'000'000'000}}) {
    damage_.Put(Family::kMeta, ClassMetaKey(number), records::v1::ClassRow().SerializeAsString());
    EXPECT_THAT(RefusalAfter(damage_), HasSubstr(absl::BytesToHexString(ClassMetaKey(number))));
    damage_.Clear();
    damage_.Delete(Family::kMeta, ClassMetaKey(number));
  }
}

TEST_F(RecoveryOfRunningTest, IsRefusedWhenAKeyOfTheJournalIsCutOff) {
  damage_.Put(Family::kJournal, "\x01", records::v1::JournalEntry().SerializeAsString());
  EXPECT_THAT(RefusalAfter(damage_), HasSubstr("journal"));
}

TEST_F(RecoveryOfRunningTest, IsRefusedWhenANumberIsCutOff) {
  damage_.Put(Family::kMeta, "s12", records::v1::SessionRow().SerializeAsString());
  EXPECT_THAT(RefusalAfter(damage_), HasSubstr("key 733132 is none of family meta"));
}

TEST_F(RecoveryTest, FreshStoreGetsAnIncarnationThatStays) {  // B2
  const auto first = Recover(42);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->incarnation, 42u);
  EXPECT_EQ(first->next_id, 1u);
  EXPECT_EQ(first->number, 1u);
  Reopen();
  const auto second = Recover(43);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->incarnation, 42u);
  EXPECT_EQ(second->number, 1u) << "opening an existing store writes nothing";
  EXPECT_GT(second->next_session, first->next_session) << "numbers of sessions are never used twice";
}

TEST_F(RecoveryTest, RestoredBackupGetsANewIncarnationOnce) {
  const auto original = Recover(42);
  ASSERT_TRUE(original.ok()) << original.status();
  ASSERT_TRUE(store_->Backup("backup").ok());
  disk_ = disk_->backup("backup");
  Reopen();
  // As if the process ended before its first commit.
  Reopen();
  const auto restored = Recover(43);
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->incarnation, 43u);
  EXPECT_EQ(restored->number, original->number + 1);
  EXPECT_GT(restored->next_session, original->next_session + (uint64_t{1} << 24)) << "nor do numbers of sessions meet";
  Reopen();
  const auto again = Recover(44);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->incarnation, 43u);
  EXPECT_EQ(again->number, restored->number);
}

// A new session took the number of one that was stored, and its place.
TEST_F(RecoveryTest, NumbersOfSessionsGoOnAboveThoseOfAnEpochThatHadTooMany) {
  ASSERT_TRUE(Recover().ok());
  const SessionNumber stored = ((store_->epoch() + 1) << 24) + 5;
  Put(Family::kMeta, SessionMetaKey(stored), records::v1::SessionRow().SerializeAsString());
  Reopen();
  const auto recovered = Recover();
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->next_session, stored + 1);
}

TEST_F(RecoveryTest, NewerFormatIsRefusedWithBothVersions) {
  ASSERT_TRUE(Recover().ok());
  records::v1::StoreRow row;
  row.set_format_version(kFormatVersion + 1);
  row.set_broker_version("9.9");
  Put(Family::kMeta, StoreMetaKey(), row.SerializeAsString());
  const auto recovered = Recover();
  EXPECT_EQ(recovered.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(recovered.status().message()), HasSubstr("format version 2, written by batond 9.9"));
}

TEST_F(RecoveryTest, StoreWithoutItsFormatIsDataLoss) {
  Put(Family::kTask, TaskKey(1), "x");
  EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RecoveryTest, DamagedRowsAreDataLoss) {
  ASSERT_TRUE(Recover().ok());
  const std::pair<Family, std::string> keys[] = {
      {Family::kMeta, StoreMetaKey().str()},  {Family::kMeta, CheckpointMetaKey().str()},
      {Family::kMeta, ClassMetaKey(1).str()}, {Family::kMeta, OptionsMetaKey(1).str()},
      {Family::kMeta, TypeMetaKey("t")},      {Family::kMeta, SessionMetaKey(1).str()},
      {Family::kMeta, JobMetaKey(1).str()},   {Family::kJournal, JournalKey(1000).str()},
  };
  for (const auto& [family, key] : keys) {
    std::string before;
    const bool existed = store_->TakeSnapshot()->Get(family, key, &before).ok();
    Put(family, key, "\xff\xff\xff");
    EXPECT_EQ(Recover().status().code(), absl::StatusCode::kDataLoss) << "family " << static_cast<int>(family);
    storage::WriteBatch undo;
    if (existed) {
      undo.Put(family, key, before);
    } else {
      undo.Delete(family, key);
    }
    std::string error;
    ASSERT_EQ(store_->Commit(undo, store_->number() + 1, &error), storage::CommitResult::kDone);
    ASSERT_TRUE(Recover().ok());
  }
}

TEST_F(RecoveryTest, RunningTaskWithoutItsRecordIsSetAside) {
  ASSERT_TRUE(Recover().ok());
  Put(Family::kMeta, ClassMetaKey(1), records::v1::ClassRow().SerializeAsString());
  records::v1::JournalEntry entry;
  auto* created = entry.add_created();
  created->set_class_number(1);
  created->set_first(1);
  created->set_count(5);
  entry.set_next_id(6);
  auto* claimed = entry.add_claimed();
  claimed->set_session(1);
  claimed->add_id_deltas(5);
  Put(Family::kJournal, JournalKey(store_->number() + 1), entry.SerializeAsString());
  const auto recovered = Recover();
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_TRUE(recovered->running.empty());
  ASSERT_EQ(recovered->damaged.size(), 1u);
  EXPECT_EQ(recovered->damaged.front().first.id, 5u);
  EXPECT_THAT(recovered->damaged.front().second, HasSubstr("task 5"));
}

// A log that ends too early, with others after it, leaves a hole: the tasks of its commits were acknowledged.
TEST_F(RecoveryTest, AHoleInTheJournalIsRefused) {
  ASSERT_TRUE(Recover().ok());
  Put(Family::kMeta, ClassMetaKey(1), records::v1::ClassRow().SerializeAsString());
  std::vector<uint64_t> commits = {Create(1, 3), Create(4, 1)};
  Put(Family::kMeta, "e", "");  // A commit without an entry is none.
  commits.push_back(Create(5, 2));
  commits.push_back(Create(7, 0));
  const auto whole = Recover();
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->next_id, 7u);
  for (size_t i = 0; i < 3; ++i) {
    std::string entry, error;
    ASSERT_TRUE(store_->TakeSnapshot()->Get(Family::kJournal, JournalKey(commits[i]), &entry).ok());
    storage::WriteBatch hole;
    hole.Delete(Family::kJournal, JournalKey(commits[i]));
    ASSERT_EQ(store_->Commit(hole, store_->number() + 1, &error), storage::CommitResult::kDone) << error;
    const absl::Status status = Recover().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << "without the entry of commit " << commits[i];
    EXPECT_THAT(std::string(status.message()), HasSubstr("entries before it are missing: batond verify tells"));
    Put(Family::kJournal, JournalKey(commits[i]), entry);
  }
  EXPECT_TRUE(Recover().ok());
}

// Pages that were changed since are stored later, but the checkpoint counts ids at once.
TEST_F(RecoveryTest, ACheckpointMayBeAheadOfTheJournal) {
  ASSERT_TRUE(Recover().ok());
  Put(Family::kMeta, ClassMetaKey(1), records::v1::ClassRow().SerializeAsString());
  records::v1::CheckpointRow checkpoint;
  checkpoint.set_number(store_->number());
  checkpoint.set_next_id(6);
  Create(1, 3);
  Create(4, 2);
  Put(Family::kMeta, CheckpointMetaKey(), checkpoint.SerializeAsString());
  Create(6, 1);
  const auto recovered = Recover();
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->next_id, 7u);
}

// The rest with an engine: each time the live table is compared after every commit.
TEST(RecoveryWithEngineTest, CheckpointInTheMiddleLeavesOnlyTheRestToReplay) {
  EngineHarness harness;
  harness.pages_every = 0;
  TestWorker& worker = harness.Connect();
  const std::vector<TaskId> ids = harness.SubmitMany(10);
  for (size_t i = 0; i < 5; ++i) worker.Succeed(ids[i]);
  harness.StorePages();
  worker.Fail(ids[5]);
  worker.Suspend(ids[6], "approval");
  const TaskId later = harness.Submit({.delay = kHour});
  const uint64_t number = harness.store().number();
  records::v1::CheckpointRow checkpoint;
  std::string row;
  ASSERT_TRUE(harness.store().Get(Family::kMeta, CheckpointMetaKey(), &row).ok());
  ASSERT_TRUE(checkpoint.ParseFromString(row));
  EXPECT_LT(checkpoint.number(), number);
  EXPECT_GT(checkpoint.number(), 5u);
  harness.Crash();
  EXPECT_EQ(harness.StateOf(ids[4]), LiveState::COMPLETED);
  EXPECT_EQ(harness.StateOf(ids[5]), LiveState::RUNNING);
  EXPECT_EQ(harness.EntryOf(ids[5]).attempt, 2u);
  EXPECT_EQ(harness.StateOf(ids[6]), LiveState::SUSPENDED);
  EXPECT_EQ(harness.StateOf(later), LiveState::PENDING);
  EXPECT_EQ(harness.next_id(), later + 1);
  EXPECT_EQ(MiscountIn(*harness.MakeView()), "");
}

TEST(RecoveryWithEngineTest, CrashBetweenTakingPagesAndStoringThemHarmsNothing) {
  EngineHarness harness;
  harness.pages_every = 3;  // Taken by many rounds, of which some are lost.
  TestWorker& worker = harness.Connect();
  for (int i = 0; i < 30; ++i) {
    const TaskId id = harness.Submit();
    worker.Post(worker.MakeOutcome(id, Outcome::Kind::kSucceeded));
    harness.Round(/*commit=*/i % 2 == 0);
    if (i % 5 != 4) continue;
    harness.Crash();
    EXPECT_THAT(worker.Hello(), NoError());
  }
  harness.Settle();
  for (TaskId id = 1; id < harness.next_id(); ++id) EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED) << id;
}

TEST(RecoveryWithEngineTest, TasksOverSeveralPagesAreRebuilt) {
  EngineHarness harness;
  harness.pages_every = 4;
  TestWorker& worker = harness.Connect({.slots = 10});
  for (int i = 0; i < 40; ++i) harness.SubmitMany(1000, {.delay = i % 2 == 0 ? 0 : kHour});
  for (int i = 0; i < 30; ++i) worker.Succeed(worker.running().front());
  harness.Crash();
  EXPECT_EQ(harness.engine().LiveForTest().size(), 40'000u - 30u);
  EXPECT_EQ(harness.next_id(), 40'001u);
}

TEST(RecoveryWithEngineTest, SessionsThatHeldNothingAreForgotten) {  // B199
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  worker.Succeed(harness.Submit());
  harness.Crash();
  EXPECT_TRUE(harness.Workers().empty());
  std::string row;
  EXPECT_TRUE(absl::IsNotFound(harness.store().Get(Family::kMeta, SessionMetaKey(worker.session()), &row)));
}

}  // namespace
}  // namespace baton::engine::testing
