#include "broker/engine/live/recovery.h"
#include "tests/unit/engine/chaos.h"
#include "tests/unit/verify/scene.h"

namespace baton::engine::testing {
namespace {

using storage::Family;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Lets so many commits through; then the process is gone.
class DyingStore final : public storage::Store {
 public:
  DyingStore(storage::Store* store, int commits) : store_(*store), left_(commits) {}
  uint64_t epoch() const override { return store_.epoch(); }
  bool is_unused_copy() const override { return store_.is_unused_copy(); }
  uint64_t number() const override { return store_.number(); }
  storage::CommitResult Commit(const storage::WriteBatch& batch, uint64_t number, std::string* error) override {
    *error = "gone";
    return left_-- > 0 ? store_.Commit(batch, number, error) : storage::CommitResult::kUnknown;
  }
  std::shared_ptr<const storage::Snapshot> TakeSnapshot() const override { return store_.TakeSnapshot(); }
  absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) override {
    return store_.Reclaim(family, begin, end);
  }
  absl::Status Backup(const std::string& directory) override { return store_.Backup(directory); }
  uint64_t DiskBytes() const override { return store_.DiskBytes(); }
  uint64_t MemoryBytes() const override { return store_.MemoryBytes(); }

 private:
  storage::Store& store_;
  int left_;
};

TEST(RepairTest, RunningTasksAreGivenBackAndTheirHistoryTellsSo) {
  Scene scene;
  scene.Put(Family::kPage, PageKey(0), "\xff");
  scene.ForgetPages();  // The journal still tells who runs.
  scene.Put(Family::kMeta, "x", "");
  ASSERT_TRUE(scene.Repair().ok());
  scene.harness().Start();
  for (const TaskId id : {scene.running, scene.reported, scene.stager}) {
    EXPECT_EQ(scene.harness().StateOf(id), LiveState::PENDING);
    EXPECT_EQ(scene.harness().EntryOf(id).attempt, 1u);
    const Step released = scene.harness().LogOf(id).back();
    EXPECT_EQ(released.kind(), Step::RELEASED);
    EXPECT_EQ(released.attempt().number(), 1u);
    EXPECT_EQ(released.attempt().worker(), "worker");
    EXPECT_EQ(released.reason(), "the store was repaired");
    EXPECT_EQ(released.after().failures(), 0u);
  }
  EXPECT_EQ(scene.harness().StateOf(scene.staged), LiveState::REMOVED);
  EXPECT_EQ(scene.harness().StateOf(scene.staged + 1), LiveState::REMOVED);
}

TEST(RepairTest, StagedChildrenCanBeSentAgainByTheNextAttempt) {
  Scene scene;
  scene.Put(Family::kMeta, "x", "");
  ASSERT_TRUE(scene.Repair().ok());
  scene.harness().Start();
  TestWorker& worker = scene.harness().Connect({.worker_id = "other", .slots = 20});
  ASSERT_TRUE(worker.Runs(scene.stager));
  EXPECT_EQ(worker.SpawnPart(scene.stager, 1, {{}})->staged, 1u);
  EXPECT_THAT(worker.Spawn(scene.stager, {}, "", 1), NoError());
  EXPECT_EQ(scene.harness().EntryOf(scene.stager).remaining, 1u);
}

TEST(RepairTest, HistoriesAndOutcomesAreKept) {
  Scene scene;
  const std::string end = scene.Get(Family::kEnd, EndKey(scene.done));
  const std::string step = scene.Get(Family::kLog, LogKey(scene.retried, 1));
  scene.Put(Family::kPage, PageKey(0), "\xff");
  ASSERT_TRUE(scene.Repair().ok());
  EXPECT_EQ(scene.Get(Family::kEnd, EndKey(scene.done)), end);
  EXPECT_EQ(scene.Get(Family::kLog, LogKey(scene.retried, 1)), step);
}

TEST(RepairTest, DrawsANewIncarnation) {
  Scene scene;
  scene.Put(Family::kMeta, "x", "");
  ASSERT_TRUE(scene.Repair().ok());
  scene.harness().Start();
  EXPECT_EQ(scene.harness().engine().incarnation(), 815u);
}

TEST(RepairTest, ADroppedChildCountsAsFailedAndItsParentGoesOn) {
  Scene scene;
  scene.Delete(Family::kTask, TaskKey(scene.child_waiting));
  EXPECT_THAT(scene.Found(), ElementsAre("missing-task"));
  ASSERT_TRUE(scene.Repair(/*drop_lost=*/true).ok());
  scene.harness().Start();
  EXPECT_EQ(scene.harness().StateOf(scene.child_waiting), LiveState::REMOVED);
  EXPECT_EQ(scene.harness().StateOf(scene.parent), LiveState::PENDING);
  EXPECT_EQ(scene.harness().EntryOf(scene.parent).failed, 2u);
}

TEST(RepairTest, ChildrenOfDroppedParentsAreKeptUnlessTheyWereOnlyStaged) {
  Scene scene;
  scene.Delete(Family::kTask, TaskKey(scene.parent));
  scene.Delete(Family::kTask, TaskKey(scene.stager));
  EXPECT_THAT(scene.Found(), ElementsAre("missing-task"));
  ASSERT_TRUE(scene.Repair(/*drop_lost=*/true).ok());
  EXPECT_EQ(scene.Sentences(), "");
  scene.FinishEverything();
  for (const TaskId id : {scene.parent, scene.stager, scene.staged, scene.staged + 1}) {
    EXPECT_EQ(scene.harness().StateOf(id), LiveState::REMOVED) << "task " << id;
  }
  EXPECT_EQ(scene.harness().StateOf(scene.child_done), LiveState::COMPLETED);
  // As that of any child whose parent has ended.
  EXPECT_EQ(scene.harness().EndOf(scene.child_waiting).kind(), records::v1::Step::CANCELLED);
}

TEST(RepairTest, OneThatDiesAtAnyPointKeepsBrokersOutAndCanBeRepeated) {
  for (int commits = 0; commits < 100; ++commits) {
    Scene scene;
    scene.Delete(Family::kEnd, EndKey(scene.done));
    scene.Delete(Family::kPage, PageKey(0));
    scene.Delete(Family::kTask, TaskKey(scene.pending));
    scene.Delete(Family::kLog, LogKey(scene.suspended, 1));
    DyingStore dying(&scene.store(), commits);
    const absl::Status first = scene.Repair(&dying, /*drop_lost=*/true);
    if (first.ok()) {
      EXPECT_GE(commits, 4);
      return;
    }
    EXPECT_THAT(std::string(first.message()), HasSubstr("gone"));
    if (commits > 0) {
      EXPECT_THAT(scene.Found(), Contains("interrupted-repair"));
      Catalog catalog;
      Follower follower({}, &scene.store(), &catalog);
      const auto recovered = Recover(
          &scene.store(), "test", kStart, [] { return 0; }, &catalog, &follower);
      EXPECT_EQ(recovered.status().code(), absl::StatusCode::kFailedPrecondition);
    }
    ASSERT_TRUE(scene.Repair(/*drop_lost=*/true).ok()) << "died after " << commits << " commits";
    EXPECT_EQ(scene.Sentences(), "") << "died after " << commits << " commits";
    scene.FinishEverything();
  }
  ADD_FAILURE() << "the repair never came to an end";
}

TEST(RepairTest, OfTwoTasksWithOneUniqueKeyTheFirstHoldsIt) {
  Scene scene;
  // As if the key had been lost, and another task had got it.
  const Key key = UniqueKey(UniqueHash("later", "key"));
  const std::string before = scene.Get(Family::kKey, key);
  const TaskId second = scene.reported + 1;
  scene.Put(Family::kTask, TaskKey(second), scene.Get(Family::kTask, TaskKey(scene.keyed)));
  scene.Edit<records::v1::KeyRow>(Family::kKey, key, [&](auto& row) { row.set_task(second); });
  EXPECT_THAT(scene.Sentences(), HasSubstr(absl::StrCat("names task ", second, ", which came later")));
  ASSERT_TRUE(scene.Repair().ok());
  EXPECT_EQ(scene.Sentences(), "");
  EXPECT_EQ(scene.Get(Family::kKey, key), before);
}

TEST(VerifyTest, ANewerFormatIsRefused) {
  Scene scene;
  scene.Edit<records::v1::StoreRow>(Family::kMeta, StoreMetaKey(), [](auto& row) { row.set_format_version(2); });
  EXPECT_EQ(Verify({}, scene.store()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(VerifyTest, AStoreThatDoesNotTellItsFormatIsRefused) {
  Scene scene;
  scene.Put(Family::kMeta, StoreMetaKey(), "\xff");
  EXPECT_EQ(Verify({}, scene.store()).status().code(), absl::StatusCode::kDataLoss);
  scene.Delete(Family::kMeta, StoreMetaKey());
  EXPECT_EQ(Verify({}, scene.store()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(VerifyTest, CountsWhatThereIs) {
  Scene scene;
  const Inventory inventory = Verify({}, scene.store())->inventory;
  EXPECT_EQ(inventory.number, scene.store().number());
  EXPECT_EQ(inventory.tasks[LiveState::COMPLETED], 3u);
  EXPECT_EQ(inventory.tasks[LiveState::FAILED], 1u);
  EXPECT_EQ(inventory.tasks[LiveState::PENDING], 4u);
  EXPECT_EQ(inventory.tasks[LiveState::RUNNING], 3u);
  EXPECT_EQ(inventory.tasks[LiveState::SUSPENDED], 1u);
  EXPECT_EQ(inventory.tasks[LiveState::WAITING], 1u);
  EXPECT_EQ(inventory.tasks[LiveState::STAGED], 2u);
  EXPECT_EQ(inventory.pages, 1u);
  EXPECT_EQ(inventory.unique_keys, 1u);
  EXPECT_EQ(inventory.requests, 1u);
}

TEST(VerifyTest, KeepsAFewOfEachKindAndCountsAll) {
  EngineHarness harness;
  harness.SubmitMany(1000);
  harness.StorePages();
  harness.Stop();
  storage::WriteBatch batch;
  batch.Delete(Family::kPage, PageKey(0));
  std::string error;
  ASSERT_EQ(harness.stopped_store().Commit(batch, harness.stopped_store().number() + 1, &error),
            storage::CommitResult::kDone);
  const auto findings = Verify({}, harness.stopped_store());
  ASSERT_TRUE(findings.ok());
  EXPECT_EQ(findings->count(Check::kState), 1000u);
  EXPECT_EQ(findings->kept().size(), Findings::kKeptOfEach + 1) << "and the page itself";
}

// After any life, and whatever of the live table is left, a repair gives a store on which everything ends.
class RepairChaosTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(RepairChaosTest, AStoreOfAnyLifeIsCleanAndCanBeRebuilt) {
  EngineSettings settings;
  settings.max_interruptions = 1'000'000;
  EngineHarness harness(settings);
  harness.pages_every = 5 + GetParam();
  harness.verify_every_commit = true;
  Chaos chaos(harness, 77 + GetParam());
  for (int life = 0; life < 4 && !::testing::Test::HasFailure(); ++life) {
    for (int step = 0; step < 50; ++step) chaos.Act();
    harness.Stop();
    storage::Store& store = harness.stopped_store();
    ASSERT_EQ(DamageIn(settings, store), "");
    storage::WriteBatch batch;
    if (life % 2 == 1) {
      batch.DeleteRange(Family::kPage, PageKey(0), PageKey(1000));
      batch.DeleteRange(Family::kKey, "u", "v");
    }
    batch.Put(Family::kMeta, life % 2 == 1 ? CheckpointMetaKey().str() : "x", "\xff");
    std::string error;
    ASSERT_EQ(store.Commit(batch, store.number() + 1, &error), storage::CommitResult::kDone);
    ASSERT_THAT(DamageIn(settings, store), Not(""));
    const auto repaired = Repair(settings, &store, {harness.now(), [] { return 815; }, false});
    ASSERT_TRUE(repaired.ok()) << repaired.status();
    ASSERT_EQ(DamageIn(settings, store), "");
    harness.Start();
    chaos.ReplaceWorkers();
  }
  chaos.Finish();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RepairChaosTest, ::testing::Range(1u, 9u));

}  // namespace
}  // namespace baton::engine::testing
