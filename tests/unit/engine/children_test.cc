// Workflows: parents that wait for the children they spawned.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ChildrenTest, ParentWaitsForItsChildrenAndGoesOnAtTheNextStage) {  // B4, B78, B80, B142, B149, B158
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  EXPECT_THAT(parents.Spawn(parent, {kChild, kChild, kChild}, "so far"), NoError());
  EXPECT_EQ(harness.StateOf(parent), LiveState::WAITING);
  EXPECT_EQ(harness.EntryOf(parent).remaining, 3u);
  EXPECT_THAT(parents.running(), IsEmpty());
  const std::vector<TaskId> ids = children.running();
  ASSERT_THAT(ids, ElementsAre(parent + 1, parent + 2, parent + 3));
  const Delivery& child = children.DeliveryOf(ids[0]);
  EXPECT_EQ(child.parent, parent);
  EXPECT_EQ(child.root, parent);

  EXPECT_THAT(children.Succeed(ids[1]), NoError());
  EXPECT_THAT(children.Succeed(ids[0]), NoError());
  EXPECT_EQ(harness.EntryOf(parent).remaining, 1u);
  EXPECT_THAT(children.Succeed(ids[2]), NoError());
  ASSERT_TRUE(parents.Runs(parent));
  const Delivery& next = parents.DeliveryOf(parent);
  EXPECT_EQ(next.stage, 1u);
  EXPECT_EQ(next.attempt.attempt, 2u);
  EXPECT_EQ(next.children, 3u);
  EXPECT_EQ(next.children_failed, 0u);
  EXPECT_EQ(ContextOf(next), "so far");
  EXPECT_EQ(PayloadOf(next), "of all");
  EXPECT_THAT(parents.Succeed(parent), NoError());
  EXPECT_EQ(harness.EndOf(parent).after().children_total(), 3u);
}

TEST(ChildrenTest, SpawnOfNoChildrenGoesOnAtOnce) {  // B145
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  EXPECT_THAT(parents.Spawn(parent, {}, "nobody"), NoError());
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).stage, 1u);
  EXPECT_EQ(parents.DeliveryOf(parent).children, 0u);
  EXPECT_EQ(ContextOf(parents.DeliveryOf(parent)), "nobody");
}

TEST(ChildrenTest, FailedAndCancelledChildrenAreCountedAndDoNotFailTheParent) {  // B150, B151, B167, S78
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild, kChild, kChild});
  children.FailFinally(parent + 1);
  EXPECT_THAT(harness.Cancel(parent + 2), NoError());
  EXPECT_EQ(harness.EntryOf(parent).failed, 2u);
  children.Succeed(parent + 3);
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 2u);
  EXPECT_EQ(parents.DeliveryOf(parent).children, 3u);
}

TEST(ChildrenTest, AllChildrenEndingInOneCallResumeTheParentOnce) {  // B149
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, std::vector<TaskSpec>(100, kChild));
  auto complete = std::make_unique<Tracked<CompleteCommand>>();
  complete->session = children.session();
  for (const TaskId id : children.running()) {
    complete->outcomes.push_back(children.MakeOutcome(id, Outcome::Kind::kSucceeded));
  }
  harness.Call(std::move(complete));
  EXPECT_EQ(parents.AttemptOf(parent).attempt, 2u);
  EXPECT_EQ(parents.DeliveryOf(parent).children, 100u);
}

TEST(ChildrenTest, ChildWithARetryEndsOnlyOnce) {  // B35
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild, kChild});
  children.Fail(parent + 1);
  EXPECT_EQ(harness.EntryOf(parent).remaining, 2u);
  children.Succeed(parent + 1);
  EXPECT_EQ(harness.EntryOf(parent).remaining, 1u);
  EXPECT_EQ(harness.EntryOf(parent).failed, 0u);
}

TEST(ChildrenTest, RetryRepeatsTheCurrentStageWithItsChildrenAndContext) {  // B26, B28, B122, B127, S90, S91
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit({.type = "parent", .options = {.max_retries = 2}});
  EXPECT_THAT(parents.Fail(parent), NoError());
  parents.Spawn(parent, {kChild, kChild}, "stage one");
  children.Succeed(parent + 1);
  children.FailFinally(parent + 2);
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).failures, 0u) << "the budget is fresh at each stage";
  EXPECT_THAT(parents.Fail(parent), NoError());
  for (const bool crash : {false, true}) {
    if (crash) {
      harness.Crash();
      parents.Hello();
    }
    ASSERT_TRUE(parents.Runs(parent));
    const Delivery& again = parents.DeliveryOf(parent);
    EXPECT_EQ(again.stage, 1u);
    EXPECT_EQ(again.failures, 1u);
    EXPECT_EQ(again.children, 2u);
    EXPECT_EQ(again.children_failed, 1u);
    EXPECT_EQ(ContextOf(again), "stage one");
  }
  EXPECT_THAT(parents.Fail(parent), NoError());
  EXPECT_EQ(harness.StateOf(parent), LiveState::FAILED);
}

TEST(ChildrenTest, SecondSpawnReplacesTheInputsAndCountsItsOwnChildren) {  // B38, B152, B153, B155, S85, S86
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild}, "one");
  children.FailFinally(parent + 1);
  parents.Spawn(parent, {kChild, kChild});
  EXPECT_EQ(harness.EntryOf(parent).generation, 2u);
  EXPECT_EQ(harness.EntryOf(parent).failed, 0u);
  EXPECT_EQ(harness.RowOf(parent + 2).generation(), 2u);
  children.Succeed(parent + 2);
  children.Succeed(parent + 3);
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).stage, 2u);
  EXPECT_EQ(parents.DeliveryOf(parent).children, 2u);
  EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 0u);
  EXPECT_EQ(ContextOf(parents.DeliveryOf(parent)), "one") << "a context that is not set stays as it is";
}

TEST(ChildrenTest, StagesOfAllKindsFollowEachOther) {  // B26, B41, B148, B165
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.types = {"parent", "child"}});
  const TaskId parent = harness.Submit(kParent);
  uint32_t stage = 0;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(worker.DeliveryOf(parent).stage, stage++);
    const TaskId child = harness.next_id();
    EXPECT_THAT(worker.Spawn(parent, {kChild}), NoError());
    EXPECT_THAT(worker.Suspend(child, "of a child"), NoError());
    EXPECT_THAT(harness.Resume(child), NoError());
    EXPECT_THAT(worker.Succeed(child), NoError());
    EXPECT_EQ(worker.DeliveryOf(parent).stage, stage++);
    EXPECT_THAT(worker.Suspend(parent, "approval"), NoError());
    EXPECT_THAT(harness.Resume(parent, "yes"), NoError());
    EXPECT_EQ(worker.DeliveryOf(parent).children, 0u) << "those of an earlier stage are gone";
  }
  EXPECT_EQ(worker.DeliveryOf(parent).stage, 6u);
  EXPECT_THAT(worker.Succeed(parent), NoError());
}

TEST(ChildrenTest, ParentGoesOnAheadOfWhatCameLater) {  // B157
  EngineHarness harness;
  TestWorker& parents = harness.Connect({.worker_id = "parents", .slots = 1, .types = {"parent"}});
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild});
  harness.Advance(kSecond);
  const std::vector<TaskId> later = harness.SubmitMany(3, kParent);
  ASSERT_TRUE(parents.Runs(later[0]));
  children.Succeed(parent + 1);
  EXPECT_FALSE(parents.Runs(parent)) << "there is one slot";
  parents.Succeed(later[0]);
  EXPECT_TRUE(parents.Runs(parent));
}

TEST(ChildrenTest, PausedOrDelayedChildKeepsItsParentWaiting) {  // B58, B146, B163
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild, {.type = "child", .delay = kHour}});
  EXPECT_THAT(harness.PauseTask(parent + 1), NoError());
  TestWorker& children = harness.Connect(kChildren);
  EXPECT_THAT(children.running(), IsEmpty());
  harness.Advance(kHour);
  EXPECT_THAT(children.running(), ElementsAre(parent + 2));
  children.Succeed(parent + 2);
  EXPECT_EQ(harness.StateOf(parent), LiveState::WAITING);
  EXPECT_THAT(harness.UnpauseTask(parent + 1), NoError());
  children.Succeed(parent + 1);
  EXPECT_TRUE(parents.Runs(parent));
}

TEST(ChildrenTest, WorkflowsNestAndShareTheirRoot) {  // B7, B32, B33, B156, S79
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kParent});
  const TaskId middle = root + 1;
  parents.Spawn(middle, {kChild});
  const TaskId leaf = root + 2;
  EXPECT_EQ(children.DeliveryOf(leaf).root, root);
  EXPECT_EQ(children.DeliveryOf(leaf).parent, middle);
  EXPECT_EQ(harness.RowOf(leaf).depth(), 2u);
  children.Succeed(leaf);
  EXPECT_THAT(parents.running(), ElementsAre(middle));
  parents.Succeed(middle);
  EXPECT_THAT(parents.running(), ElementsAre(root));
}

TEST(ChildrenTest, TooDeepAndTooManyAreRefusedAndTheAttemptGoesOn) {  // B156
  EngineSettings settings;
  settings.max_depth = 1;
  settings.max_children = 3;
  EngineHarness harness(settings);
  TestWorker& parents = harness.Connect(kParents);
  const TaskId root = harness.Submit(kParent);
  Outcome many = parents.MakeOutcome(root, Outcome::Kind::kSpawned);
  for (int i = 0; i < 4; ++i) many.children.push_back(MakeTask(kParent, harness.store()));
  Error error = parents.Send(many);
  EXPECT_THAT(error, ErrorIs(absl::StatusCode::kInvalidArgument, "TOO_MANY_CHILDREN"));
  EXPECT_THAT(error.message, HasSubstr("at most 3 children, not 4"));
  EXPECT_EQ(harness.StateOf(root), LiveState::RUNNING);
  many.children.resize(1);
  EXPECT_THAT(parents.Send(many), NoError());
  error = parents.Spawn(root + 1, {kChild});
  EXPECT_THAT(error, ErrorIs(absl::StatusCode::kInvalidArgument, "TOO_DEEP"));
  EXPECT_EQ(harness.StateOf(root + 1), LiveState::RUNNING);
}

TEST(ChildrenTest, WaitingParentAndItsChildrenSurviveACrash) {  // B152, S47
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild, kChild, kChild}, "context");
  children.FailFinally(parent + 1);
  harness.Crash();
  EXPECT_EQ(harness.EntryOf(parent).remaining, 2u);
  EXPECT_EQ(harness.EntryOf(parent).failed, 1u);
  EXPECT_THAT(children.Hello(), NoError());
  children.Succeed(parent + 2);
  harness.Crash();
  EXPECT_THAT(children.Hello(), NoError());
  children.Succeed(parent + 3);
  EXPECT_EQ(harness.StateOf(parent), LiveState::PENDING);
  harness.Crash();
  EXPECT_THAT(parents.Hello(), NoError());
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).stage, 1u);
  EXPECT_EQ(parents.DeliveryOf(parent).children, 3u);
  EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 1u);
  EXPECT_EQ(ContextOf(parents.DeliveryOf(parent)), "context");
}

TEST(ChildrenTest, ResumedParentThatIsReleasedOrInterruptedKeepsItsStage) {  // B192
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild}, "context");
  children.FailFinally(parent + 1);
  EXPECT_THAT(parents.Release(parent), NoError());
  EXPECT_EQ(parents.DeliveryOf(parent).stage, 1u);
  EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 1u);
  parents.Kill();
  EXPECT_THAT(parents.Hello(), NoError());
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).stage, 1u);
  EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 1u);
}

TEST(ChildrenTest, ParentInMemoryWhileItsLastChildFailsRemembersThatAfterACrash) {  // S47
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild});
  // A command brings the parent into memory, payload and all, in the round in which its child fails. Claimed at once,
  // the journal would tell of the claim only, and a restart count no failed child.
  auto resume = std::make_unique<Tracked<ResumeCommand>>();
  resume->task = parent;
  const auto refused = harness.Send(std::move(resume));
  harness.Round();
  children.Post(children.MakeOutcome(parent + 1, Outcome::Kind::kFailed, ErrorStep("it cannot work")));
  harness.Settle();
  EXPECT_THAT(refused.error(), ErrorIs(absl::StatusCode::kFailedPrecondition, "WAITS_FOR_CHILDREN"));
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 1u);
  EXPECT_EQ(harness.EntryOf(parent).failed, 1u);
  harness.Crash();
  EXPECT_THAT(parents.Hello(), NoError());
  EXPECT_THAT(parents.Release(parent), NoError());
  ASSERT_TRUE(parents.Runs(parent));
  EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 1u);
}

TEST(ChildrenTest, KeysOfAWorkflowAreTwoForEachTaskAndOneMoreForEachSpawn) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId first = harness.Submit(kParent);
  parents.Spawn(first, {kChild});
  children.Succeed(first + 1);
  parents.Succeed(first);
  harness.TakeWrites();
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild, kChild});
  children.Succeed(parent + 1);
  children.Succeed(parent + 2);
  parents.Succeed(parent);
  auto writes = harness.TakeWrites();
  writes[static_cast<size_t>(storage::Family::kJournal)] = 0;
  EXPECT_THAT(writes, ElementsAre(3, 3, 1, 0, 0, 0, 0, 0));
}

}  // namespace
}  // namespace baton::engine::testing
