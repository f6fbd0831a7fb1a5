// What has ended long enough ago is removed, and nothing else; whatever happens meanwhile.
#include "tests/unit/engine/chaos.h"
#include "tests/unit/engine/family.h"

namespace baton::engine::testing {
namespace {

using absl::StatusCode;
using storage::Family;
using ::testing::ElementsAre;

EngineSettings KeepForAMinute() {
  EngineSettings settings;
  settings.retention = kMinute;
  return settings;
}

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() { harness_.verify_every_commit = true; }

  TaskId Completed(const TaskSpec& spec = {}) {
    const TaskId id = harness_.Submit(spec);
    EXPECT_THAT(worker_.Succeed(id, "result"), NoError());
    return id;
  }
  void SweepLater() {
    harness_.Pause(2 * kMinute);
    harness_.Sweep();
  }
  size_t Rows(Family family) {
    size_t rows = 0;
    EXPECT_TRUE(
        harness_.store().Scan(family, "", "", [&](absl::string_view, absl::string_view) { return ++rows; }).ok());
    return rows;
  }
  void ExpectNoRows() {
    for (const Family family : {Family::kTask, Family::kEnd, Family::kLog}) EXPECT_EQ(Rows(family), 0u);
  }
  uint64_t Retained() {
    uint64_t sum = 0;
    const auto view = harness_.MakeView();
    for (const auto& [class_number, counts] : view->counts()) {
      for (const uint64_t count : counts) sum += count;
    }
    return sum;
  }

  EngineHarness harness_{KeepForAMinute()};
  TestWorker& worker_ = harness_.Connect({.slots = 200, .types = {"work", "parent", "child"}});
};

TEST_F(RetentionTest, WhatHasEndedGoesWhenItsTimeHasCome) {  // B238, B240, S48, S118
  const TaskId done = Completed();
  const TaskId failed = harness_.Submit();
  worker_.FailFinally(failed);
  const TaskId cancelled = harness_.Submit({.type = "nobody"});
  harness_.Cancel(cancelled);
  harness_.Pause(kMinute);
  harness_.Sweep();
  EXPECT_EQ(harness_.StateOf(done), LiveState::COMPLETED) << "not older than a minute";
  harness_.Pause(1);
  harness_.Sweep();
  for (const TaskId id : {done, failed, cancelled}) EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED);
  ExpectNoRows();
  EXPECT_EQ(Retained(), 0u);
}

TEST_F(RetentionTest, RetentionForEverKeepsEverything) {
  EngineSettings settings;
  settings.retention = 0;
  EngineHarness harness(settings);
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Succeed(id);
  harness.Pause(10'000 * kDay);
  harness.Sweep();
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
}

TEST_F(RetentionTest, JumpOfTheWallClockRemovesNothing) {
  const TaskId id = Completed();
  harness_.clock().AdvanceWall(kDay);
  harness_.Sweep();
  EXPECT_EQ(harness_.StateOf(id), LiveState::COMPLETED);
  SweepLater();
  EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED);
}

TEST_F(RetentionTest, WhatEndedWhileTheClockWasWrongIsNotTakenForOld) {
  harness_.clock().AdvanceWall(-kDay);
  const TaskId id = Completed();
  harness_.clock().AdvanceWall(kDay);
  harness_.Pause(kSecond);
  harness_.Sweep();
  EXPECT_EQ(harness_.StateOf(id), LiveState::COMPLETED);
  SweepLater();
  EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED);
}

TEST_F(RetentionTest, LiveTasksGoOnAmongWhatIsRemoved) {  // S49, S50
  std::vector<TaskId> ids = harness_.SubmitMany(200);
  for (const TaskId id : ids) {
    if (id % 90 != 0) worker_.Post(worker_.MakeOutcome(id, Outcome::Kind::kSucceeded));
  }
  harness_.Settle();
  SweepLater();
  EXPECT_EQ(Retained(), 2u);
  EXPECT_EQ(Rows(Family::kTask), 2u);
  for (const TaskId id : {90u, 180u}) {
    EXPECT_EQ(harness_.StateOf(id), LiveState::RUNNING);
    EXPECT_THAT(worker_.Succeed(id), NoError());
  }
  SweepLater();
  ExpectNoRows();
}

TEST_F(RetentionTest, CallersAreToldThatItIsNoLongerThere) {
  const TaskId id = Completed();
  SweepLater();
  EXPECT_THAT(harness_.Cancel(id), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
  EXPECT_THAT(harness_.Resume(id), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
  Outcome repeat;
  repeat.attempt = {id, 1};
  EXPECT_THAT(worker_.Send(repeat), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
  harness_.Crash();
  EXPECT_THAT(harness_.Cancel(id), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST_F(RetentionTest, CallThatWaitsWhileItIsRemovedIsToldSo) {
  const TaskId id = Completed();
  harness_.Pause(2 * kMinute);
  harness_.hold_loads = true;
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = id;
  const Reply<CancelCommand> reply = harness_.Send(std::move(cancel));
  harness_.Sweep();
  EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED);
  harness_.hold_loads = false;
  harness_.Settle();
  EXPECT_THAT(reply.error(), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED")) << "what was read before is out of date";
}

TEST_F(RetentionTest, RepeatedRequestIsAnsweredWithTheSameIds) {
  const Reply<SubmitCommand> first = harness_.SubmitCall({{}, {}}, "request");
  for (const SubmitResult& result : first->results) worker_.Succeed(result.id);
  SweepLater();
  ExpectNoRows();
  const Reply<SubmitCommand> again = harness_.SubmitCall({{}, {}}, "request");
  ASSERT_THAT(again.error(), NoError());
  EXPECT_EQ(again->results[0].id, first->results[0].id);
  EXPECT_EQ(again->results[1].id, first->results[1].id);
  EXPECT_EQ(harness_.next_id(), first->results[1].id + 1) << "nothing is created anew";
}

TEST_F(RetentionTest, RequestIdIsForgottenAfterADayAtTheEarliest) {
  const Reply<SubmitCommand> first = harness_.SubmitCall({{}}, "request");
  harness_.Pause(kDay);
  harness_.Sweep();
  EXPECT_EQ(Rows(Family::kKey), 1u);
  EXPECT_EQ(harness_.SubmitCall({{}}, "request")->results[0].id, first->results[0].id);
  harness_.Pause(kDay);
  harness_.Sweep();
  EXPECT_EQ(Rows(Family::kKey), 0u);
}

TEST_F(RetentionTest, UniqueKeyIsFreeAgain) {
  const TaskId id = Completed({.unique_key = "key"});
  SweepLater();
  EXPECT_NE(harness_.Submit({.unique_key = "key"}), id);
}

TEST_F(RetentionTest, SlotOfARemovedTaskIsFreedByItsLateOutcome) {  // B98
  TestWorker& slow = harness_.Connect({.worker_id = "slow", .slots = 1, .types = {"slow"}});
  const TaskId id = harness_.Submit({.type = "slow"});
  harness_.Cancel(id);
  SweepLater();
  EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED);
  const TaskId next = harness_.Submit({.type = "slow"});
  EXPECT_FALSE(slow.Runs(next)) << "its handler still runs";
  EXPECT_THAT(slow.Succeed(id), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
  EXPECT_TRUE(slow.Runs(next));
}

TEST_F(RetentionTest, WorkflowGoesAsAWhole) {  // B243
  const TaskId root = harness_.Submit(kParent);
  worker_.Spawn(root, {kParent, kChild}, "context");
  worker_.Spawn(root + 1, {kChild});
  worker_.Succeed(root + 2);
  SweepLater();
  EXPECT_EQ(harness_.StateOf(root + 2), LiveState::COMPLETED);
  worker_.Succeed(root + 3);
  worker_.Succeed(root + 1);
  SweepLater();
  EXPECT_EQ(harness_.StateOf(root + 3), LiveState::COMPLETED) << "the root still runs";
  worker_.Succeed(root);
  SweepLater();
  for (TaskId id = root; id < root + 4; ++id) EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED);
  ExpectNoRows();
}

TEST_F(RetentionTest, SpaceIsGivenBackOfPagesThatAreWhollyRemoved) {
  EngineHarness harness(KeepForAMinute());
  harness.StartAt(3 * kPageIds - 2);
  harness.Sweep();
  EXPECT_THAT(harness.reclaimed, ElementsAre(IdRange{0, 3 * kPageIds - 2})) << "before the start it may have failed";
  TestWorker& worker = harness.Connect();
  for (const TaskId id : harness.SubmitMany(4)) worker.Succeed(id);
  harness.reclaimed.clear();
  harness.Pause(2 * kMinute);
  harness.Sweep();
  EXPECT_THAT(harness.reclaimed, ElementsAre(IdRange{0, 3 * kPageIds + 2})) << "a file may reach over pages";
  EXPECT_EQ(harness.StateOf(3 * kPageIds + 1), LiveState::REMOVED);
}

TEST_F(RetentionTest, IndexGoesWithTheLastPageOfItsGroup) {
  EngineHarness harness(KeepForAMinute());
  harness.StartAt(kGroupPages * kPageIds - 2);
  TestWorker& worker = harness.Connect();
  const std::vector<TaskId> ids = harness.SubmitMany(4, {.tag = "x"});
  harness.StorePages();
  const auto index_rows = [&harness] {
    size_t rows = 0;
    EXPECT_TRUE(harness.store()
                    .Scan(Family::kIndex, "", "", [&](absl::string_view, absl::string_view) { return ++rows; })
                    .ok());
    return rows;
  };
  EXPECT_EQ(index_rows(), 2u) << "class and tag, of the page that is full";
  for (const TaskId id : {ids[0], ids[2], ids[3]}) worker.Succeed(id);
  harness.Pause(2 * kMinute);
  harness.Sweep();
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::REMOVED);
  EXPECT_EQ(index_rows(), 2u) << "one task lives";
  worker.Succeed(ids[1]);
  harness.Pause(2 * kMinute);
  harness.Sweep();
  EXPECT_EQ(harness.StateOf(ids[1]), LiveState::REMOVED);
  EXPECT_EQ(index_rows(), 0u);
  harness.Crash();
  harness.TakeWrites();
  harness.Sweep();
  EXPECT_EQ(harness.TakeWrites()[static_cast<size_t>(Family::kIndex)], 0u) << "once is enough";
}

// A view holds the live table of its commit; of what was removed since, rows may be gone all the same.
TEST_F(RetentionTest, OlderViewTakesMissingRowsForRemovedTasks) {
  const TaskId done = Completed();
  const TaskId waits = harness_.Submit({.type = "nobody"});
  const auto before = harness_.MakeView();
  const auto empty = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  const auto pages = std::make_shared<View::Pages>();
  (*pages)[0] = *before->GetPage(0);
  const View older(before->number(), before->next_id(), empty->TakeSnapshot(), pages, nullptr, &before->catalog());
  const absl::StatusOr<LoadResult> tasks = Load(older, {.kind = LoadRequest::Kind::kTasks, .ids = {done, waits}});
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  EXPECT_EQ(tasks->tasks[0].state, LiveState::REMOVED);
  EXPECT_EQ(tasks->tasks[1].task, nullptr);
  EXPECT_NE(tasks->tasks[1].damage, "") << "the engine knows whether it has ended meanwhile";
  const absl::StatusOr<LoadResult> attempt =
      Load(older, {.kind = LoadRequest::Kind::kAttempt, .ids = {done}, .attempt = 1});
  ASSERT_TRUE(attempt.ok()) << attempt.status();
  EXPECT_EQ(attempt->state, LiveState::REMOVED);
}

// ── Crashes ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(RetentionCrashTest, CrashAfterEachRoundOfASweep) {
  for (int crash_at = 0; crash_at < 12; ++crash_at) {
    EngineHarness harness(KeepForAMinute());
    harness.StartAt(kPageIds - 70);
    harness.pages_every = crash_at % 3;  // Pages are stored before, in the middle, or not at all.
    TestWorker& worker = harness.Connect({.slots = 200, .types = {"work", "parent", "child"}});
    const TaskId root = harness.Submit(kParent);
    worker.Spawn(root, {kChild, kChild});
    const std::vector<TaskId> ids = harness.SubmitMany(150);
    for (const TaskId id : {root + 1, root + 2, root}) worker.Succeed(id);
    for (const TaskId id : ids) {
      if (id % 50 != 0) worker.Post(worker.MakeOutcome(id, Outcome::Kind::kSucceeded));
    }
    harness.Settle();
    harness.Pause(2 * kMinute);
    harness.sweeping = true;
    for (int round = 0; round < crash_at; ++round) harness.Round();
    harness.Crash();
    harness.Settle();
    harness.Sweep();
    for (TaskId id = root; id < harness.next_id(); ++id) {
      const bool live = id >= ids[0] && id % 50 == 0;
      EXPECT_EQ(IsLive(harness.StateOf(id)), live) << id << ", crash " << crash_at;
      EXPECT_EQ(harness.StateOf(id) == LiveState::REMOVED, !live) << id << ", crash " << crash_at;
    }
  }
}

class RetentionChaosTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(RetentionChaosTest, EverythingIsRemovedInTheEndThoughTheBrokerCrashesAgainAndAgain) {
  EngineSettings settings;
  settings.retention = 500 * kMillisecond;
  settings.resident_tasks = GetParam() % 2 == 0 ? 5 : 65'536;
  settings.max_interruptions = 1'000'000;
  EngineHarness harness(settings);
  harness.StartAt(kPageIds - TaskId{20} * GetParam());
  harness.pages_every = 7 + GetParam();
  harness.sweeping = true;
  Chaos chaos(harness, GetParam());
  for (int step = 0; step < 300 && !::testing::Test::HasFailure(); ++step) {
    chaos.Act();
    if (step % 5 != 0) continue;
    harness.Crash();
    chaos.ReconnectAll();
  }
  chaos.Finish();
  harness.Pause(kMinute);
  harness.Sweep();
  const storage::Snapshot& store = harness.store();
  for (const Family family : {Family::kTask, Family::kEnd, Family::kLog}) {
    EXPECT_TRUE(store
                    .Scan(family, "", "",
                          [&](absl::string_view key, absl::string_view) {
                            ADD_FAILURE() << "a row of task " << ReadU64(key) << " is left";
                            return true;
                          })
                    .ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RetentionChaosTest, ::testing::Range(1u, 13u));

}  // namespace
}  // namespace baton::engine::testing
