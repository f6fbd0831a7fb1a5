// Workflows that an operator has taken out: with everything that is stored of them, all at once or not at all.
#include "tests/unit/engine/chaos.h"
#include "tests/unit/engine/family.h"

namespace baton::engine::testing {
namespace {

using storage::Family;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

class DeleteTest : public ::testing::Test {
 protected:
  DeleteTest() { harness_.verify_every_commit = true; }

  TaskId Completed(const TaskSpec& spec = {}) {
    const TaskId id = harness_.Submit(spec);
    EXPECT_THAT(worker_.Succeed(id, "result"), NoError());
    return id;
  }
  // A parent, two children, and two children of the first of these; all have ended.
  TaskId Family5() {
    const TaskId root = harness_.Submit(kParent);
    worker_.Spawn(root, {kParent, kChild}, "context");
    worker_.Spawn(root + 1, {kChild, kChild});
    worker_.Succeed(root + 3);
    worker_.FailFinally(root + 4);
    worker_.Succeed(root + 1);
    worker_.Succeed(root + 2);
    worker_.Succeed(root);
    EXPECT_EQ(harness_.StateOf(root), LiveState::COMPLETED);
    return root;
  }
  // Rows of the tasks from `first` to `last`.
  size_t RowsOf(TaskId first, TaskId last) {
    size_t rows = 0;
    const auto count = [&](Family family, const Key& from, const Key& to) {
      EXPECT_TRUE(
          harness_.store().Scan(family, from, to, [&](absl::string_view, absl::string_view) { return ++rows; }).ok());
    };
    count(Family::kTask, TaskKey(first), TaskKey(last + 1));
    count(Family::kEnd, EndKey(first), EndKey(last + 1));
    count(Family::kLog, LogKey(first, 0), LogKey(last + 1, 0));
    return rows;
  }
  size_t StoredJobs() {
    size_t rows = 0;
    EXPECT_TRUE(harness_.store()
                    .Scan(Family::kMeta, JobMetaKey(0), JobMetaKey(UINT64_MAX),
                          [&](absl::string_view, absl::string_view) { return ++rows; })
                    .ok());
    return rows;
  }
  void ExpectRemoved(TaskId first, TaskId last) {
    for (TaskId id = first; id <= last; ++id) EXPECT_EQ(harness_.StateOf(id), LiveState::REMOVED) << id;
    EXPECT_EQ(RowsOf(first, last), 0u);
  }

  EngineHarness harness_;
  TestWorker& worker_ = harness_.Connect({.slots = 5000, .types = {"work", "parent", "child"}});
};

TEST_F(DeleteTest, TaskThatHasEndedGoesWithItsHistory) {  // S64
  const TaskId other = Completed();
  const TaskId id = harness_.Submit();
  worker_.Fail(id);
  worker_.Report(id, "half way");
  worker_.Succeed(id, "result");
  ASSERT_EQ(harness_.LogOf(id).size(), 2u);
  const Reply<DeleteCommand> reply = harness_.Delete(id);
  EXPECT_THAT(reply.error(), NoError());
  EXPECT_EQ(reply->root, id);
  EXPECT_EQ(reply->tasks, 1u);
  ExpectRemoved(id, id);
  EXPECT_EQ(harness_.StateOf(other), LiveState::COMPLETED);
  EXPECT_EQ(StoredJobs(), 0u);
  EXPECT_THAT(harness_.Delete(id).error(), ErrorIs(absl::StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST_F(DeleteTest, AnyMemberStandsForTheWholeWorkflow) {  // B162
  for (const TaskId member : {0u, 1u, 2u, 4u}) {
    const TaskId root = Family5();
    const Reply<DeleteCommand> reply = harness_.Delete(root + member);
    ASSERT_THAT(reply.error(), NoError());
    EXPECT_EQ(reply->root, root);
    EXPECT_EQ(reply->tasks, 5u);
    ExpectRemoved(root, root + 4);
  }
  EXPECT_EQ(StoredJobs(), 0u);
}

TEST_F(DeleteTest, ChildrenOfAllStagesGo) {
  const TaskId root = harness_.Submit(kParent);
  worker_.Spawn(root, {kChild});
  const TaskId between = harness_.Submit();
  worker_.Succeed(root + 1);
  worker_.Spawn(root, {kChild});
  worker_.Succeed(root + 3);
  worker_.Succeed(root);
  EXPECT_EQ(harness_.Delete(root)->tasks, 3u);
  ExpectRemoved(root, root + 1);
  ExpectRemoved(root + 3, root + 3);
  EXPECT_EQ(harness_.StateOf(between), LiveState::RUNNING);
  EXPECT_THAT(worker_.Succeed(between), NoError());
}

TEST_F(DeleteTest, NothingGoesWhileAnyOfItLives) {  // B162, B244
  const TaskId root = harness_.Submit(kParent);
  worker_.Spawn(root, {kChild, kChild});
  worker_.Succeed(root + 2);
  EXPECT_THAT(harness_.Delete(root).error(), ErrorIs(kRefused, "WORKFLOW_LIVE"));
  const Error error = harness_.Delete(root + 2).error();
  EXPECT_THAT(error, ErrorIs(kRefused, "WORKFLOW_LIVE"));
  EXPECT_THAT(error.message, AllOf(HasSubstr(absl::StrCat("task ", root)), HasSubstr("cancel")));
  harness_.Cancel(root);
  EXPECT_THAT(harness_.Delete(root).error(), NoError());
  ExpectRemoved(root, root + 2);
}

TEST_F(DeleteTest, LiveTaskIsNamedWithItsState) {
  const TaskId id = harness_.Submit();
  EXPECT_THAT(harness_.Delete(id).error().message, HasSubstr(absl::StrCat("task ", id, " is RUNNING")));
  worker_.Suspend(id, "approval");
  EXPECT_THAT(harness_.Delete(id).error().message, HasSubstr("SUSPENDED"));
}

TEST_F(DeleteTest, WhatNeverWasIsNotFound) {
  EXPECT_THAT(harness_.Delete(0).error(), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_THAT(harness_.Delete(4711).error(), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  const TaskId root = harness_.Submit(kParent);
  worker_.SpawnPart(root, 1, {kChild});
  harness_.Settle();
  EXPECT_THAT(harness_.Delete(root + 1).error(), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

TEST_F(DeleteTest, UniqueKeyCanBeUsedAgain) {
  const TaskId id = Completed({.unique_key = "order 7"});
  harness_.Delete(id);
  const TaskId again = harness_.Submit({.unique_key = "order 7"});
  EXPECT_NE(again, id);
  EXPECT_THAT(worker_.Succeed(again), NoError());
}

TEST_F(DeleteTest, CallersAreToldThatItIsGone) {
  const TaskId id = harness_.Submit();
  worker_.FailFinally(id);
  harness_.Delete(id);
  EXPECT_THAT(harness_.Cancel(id), ErrorIs(absl::StatusCode::kNotFound, "TASK_EXPIRED"));
  EXPECT_THAT(harness_.Retry(id), ErrorIs(absl::StatusCode::kNotFound, "TASK_EXPIRED"));
  harness_.Crash();
  EXPECT_THAT(harness_.Retry(id), ErrorIs(absl::StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST_F(DeleteTest, MemberIsNotRetriedOnceItIsDecided) {
  for (const bool crash : {false, true}) {
    const TaskId root = Family5();
    auto command = std::make_unique<Tracked<DeleteCommand>>();
    command->task = root;
    const Reply<DeleteCommand> reply = harness_.Send(std::move(command));
    while (!reply.answered()) harness_.Round();
    ASSERT_THAT(reply.error(), NoError());
    harness_.hold_loads = true;
    if (crash) harness_.Crash();
    ASSERT_EQ(harness_.StateOf(root + 4), LiveState::FAILED) << "decided, but not done";
    auto retry = std::make_unique<Tracked<RetryCommand>>();
    retry->task = root + 4;
    const Reply<RetryCommand> retried = harness_.Send(std::move(retry));
    harness_.Round();
    harness_.hold_loads = false;
    harness_.newest_loads_first = true;
    harness_.Settle();
    EXPECT_THAT(retried.error(), ErrorIs(kRefused, "BEING_DELETED"));
    ExpectRemoved(root, root + 4);
    if (crash) return;
    harness_.newest_loads_first = false;
  }
}

TEST_F(DeleteTest, RetryThatIsFasterWins) {
  const TaskId root = Family5();
  const TaskId alone = harness_.Submit();
  worker_.FailFinally(alone);
  harness_.hold_loads = true;
  auto command = std::make_unique<Tracked<DeleteCommand>>();
  command->task = alone;
  auto retry = std::make_unique<Tracked<RetryCommand>>();
  retry->task = alone;
  const Reply<RetryCommand> retried = harness_.Send(std::move(retry));
  const Reply<DeleteCommand> deleted = harness_.Send(std::move(command));
  harness_.Round();
  harness_.hold_loads = false;
  harness_.Settle();
  EXPECT_THAT(retried.error(), NoError());
  EXPECT_THAT(deleted.error(), ErrorIs(kRefused, "WORKFLOW_LIVE")) << "what was seen before the retry is out of date";
  EXPECT_THAT(worker_.Succeed(alone), NoError());
  EXPECT_EQ(harness_.StateOf(root), LiveState::COMPLETED);
}

TEST_F(DeleteTest, RepeatIsAnsweredWhileItIsUnderWay) {
  const TaskId root = Family5();
  for (int i = 0; i < 2; ++i) {
    auto command = std::make_unique<Tracked<DeleteCommand>>();
    command->task = root;
    const Reply<DeleteCommand> reply = harness_.Send(std::move(command));
    while (!reply.answered()) harness_.Round();
    EXPECT_THAT(reply.error(), NoError());
    EXPECT_LE(StoredJobs(), 1u);
  }
  harness_.Settle();
  ExpectRemoved(root, root + 4);
}

TEST_F(DeleteTest, CrashInTheMiddleLeavesNothingBehind) {
  harness_.verify_every_commit = false;
  const TaskId root = harness_.Submit(kParent);
  worker_.Spawn(root, std::vector<TaskSpec>(4500, kChild));
  for (const TaskId id : worker_.running()) worker_.Post(worker_.MakeOutcome(id, Outcome::Kind::kSucceeded));
  harness_.Settle();
  worker_.Succeed(root);
  ASSERT_EQ(harness_.StateOf(root), LiveState::COMPLETED);
  auto command = std::make_unique<Tracked<DeleteCommand>>();
  command->task = root;
  const Reply<DeleteCommand> reply = harness_.Send(std::move(command));
  int crashes = 0;
  for (int rounds = 0; harness_.StateOf(root) != LiveState::REMOVED; ++rounds) {
    ASSERT_LT(rounds, 100);
    harness_.Round();
    EXPECT_TRUE(harness_.StateOf(root + 4500) == LiveState::REMOVED || harness_.StateOf(root) == LiveState::COMPLETED)
        << "the root goes last";
    if (reply.answered() && rounds % 2 == 1) {
      harness_.Crash();
      ++crashes;
    }
  }
  EXPECT_GE(crashes, 2);
  harness_.Settle();
  EXPECT_EQ(RowsOf(root, root + 4500), 0u);
  EXPECT_EQ(StoredJobs(), 0u);
}

TEST_F(DeleteTest, WorkflowOverSeveralPages) {
  harness_.verify_every_commit = false;
  harness_.StartAt(kPageIds - 3);
  worker_.Hello();
  const TaskId root = harness_.Submit(kParent);
  ASSERT_EQ(PageOf(root), 0u);
  worker_.Spawn(root, std::vector<TaskSpec>(5, kChild));
  for (const TaskId id : worker_.running()) worker_.Succeed(id);
  worker_.Succeed(root);
  EXPECT_EQ(harness_.Delete(root)->tasks, 6u);
  ExpectRemoved(root, root + 5);
}

// What a job has to remember stays bounded.
TEST_F(DeleteTest, WorkflowInTooManyPlacesIsLeftToRetention) {
  harness_.check_every_commit = false;
  constexpr size_t kParents = 4096, kParts = 4;
  static_assert(kParents * kParts >= kWorkBounds.ranges_to_delete);
  const TaskId root = harness_.Submit(kParent);
  worker_.Spawn(root, std::vector<TaskSpec>(kParents, kParent));
  const std::vector<TaskId> parents = worker_.running();
  ASSERT_EQ(parents.size(), kParents);
  for (uint32_t part = 1; part <= kParts; ++part) {
    for (const TaskId parent : parents) {
      auto spawn = std::make_unique<Tracked<SpawnChildrenCommand>>();
      spawn->attempt = worker_.AttemptOf(parent);
      spawn->part = part;
      spawn->children.push_back(MakeTask(kChild, harness_.store()));
      harness_.Send(std::move(spawn));
      harness_.Send(MakeSubmit({{.type = "other"}}, "", harness_.store(), harness_.now()));
    }
  }
  for (const TaskId parent : parents) {
    Outcome spawned = worker_.MakeOutcome(parent, Outcome::Kind::kSpawned);
    spawned.parts = kParts;
    worker_.Post(spawned);
  }
  harness_.Settle();
  while (worker_.handlers() > 0) {
    for (const TaskId id : worker_.running()) worker_.Post(worker_.MakeOutcome(id, Outcome::Kind::kSucceeded));
    harness_.Settle();
  }
  ASSERT_EQ(harness_.StateOf(root), LiveState::COMPLETED);
  const Error error = harness_.Delete(root).error();
  EXPECT_THAT(error, ErrorIs(kRefused, "WORKFLOW_SCATTERED"));
  EXPECT_THAT(error.message, AllOf(HasSubstr("20481 tasks"), HasSubstr("at most 16384"), HasSubstr("retention")));
  EXPECT_EQ(harness_.StateOf(root), LiveState::COMPLETED);
  EXPECT_EQ(StoredJobs(), 0u);
}

TEST(DeleteWithRetentionTest, BothRemoveWhatIsTheirsAndSpaceIsGivenBack) {
  EngineSettings settings;
  settings.retention = kMinute;
  EngineHarness harness(settings);
  harness.verify_every_commit = true;
  harness.StartAt(kPageIds);
  TestWorker& worker = harness.Connect({.slots = 300});
  const std::vector<TaskId> ids = harness.SubmitMany(200);
  for (const TaskId id : ids) worker.Post(worker.MakeOutcome(id, Outcome::Kind::kSucceeded));
  harness.Settle();
  harness.Sweep();
  harness.reclaimed.clear();
  // Retention has planned a removal as of now, and is told that it is out of date.
  harness.Pause(2 * kMinute);
  harness.sweeping = true;
  for (const TaskId id : ids) {
    auto command = std::make_unique<Tracked<DeleteCommand>>();
    command->task = id;
    harness.Send(std::move(command));
  }
  harness.Settle();
  harness.sweeping = false;
  harness.Pause(2 * kMinute);
  harness.Sweep();
  for (const TaskId id : ids) EXPECT_EQ(harness.StateOf(id), LiveState::REMOVED);
  EXPECT_THAT(harness.reclaimed, ::testing::Not(IsEmpty()));
}

TEST(DeleteWithRetentionTest, SpaceOfWhatWasDeletedYoungIsGivenBack) {
  EngineSettings settings;
  settings.retention = kDay;
  EngineHarness harness(settings);
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Succeed(id);
  harness.Sweep();
  EXPECT_THAT(harness.reclaimed, IsEmpty());
  harness.Delete(id);
  harness.Sweep();
  EXPECT_THAT(harness.reclaimed, ::testing::Not(IsEmpty()));
}

TEST(DeleteWithRetentionTest, SpaceIsGivenBackWhereNothingGoesByAge) {
  EngineSettings settings;
  settings.retention = 0;
  EngineHarness harness(settings);
  TestWorker& worker = harness.Connect();
  const TaskId first = harness.Submit(), second = harness.Submit();
  for (const TaskId id : {first, second}) worker.Succeed(id);
  harness.Delete(first);
  harness.Sweep();
  EXPECT_THAT(harness.reclaimed, IsEmpty()) << "the other one is kept";
  harness.Delete(second);
  harness.Sweep();
  EXPECT_THAT(harness.reclaimed, ::testing::ElementsAre(IdRange{0, second + 1}));
  harness.reclaimed.clear();
  harness.Crash();
  harness.Sweep();
  EXPECT_THAT(harness.reclaimed, ::testing::ElementsAre(IdRange{0, second + 1})) << "it may have crashed before that";
}

}  // namespace
}  // namespace baton::engine::testing
