// Tasks held back by an operator, in every state.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(PauseTest, PendingTaskIsNotHandedOutUntilItIsLetGoOn) {  // B52, B86, B87, S116
  EngineHarness harness;
  const TaskId id = harness.Submit({.payload = "order 7"});
  EXPECT_THAT(harness.PauseTask(id, false, "the mail server is down"), NoError());
  TestWorker& worker = harness.Connect();
  const TaskId other = harness.Submit();
  EXPECT_THAT(worker.running(), ElementsAre(other));
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  EXPECT_TRUE(harness.EntryOf(id).paused);
  ASSERT_THAT(harness.KindsOf(id), ElementsAre(Step::PAUSED));
  EXPECT_EQ(harness.LogOf(id)[0].reason(), "the mail server is down");
  EXPECT_EQ(harness.LogOf(id)[0].actor(), "local");
  EXPECT_EQ(harness.engine().resident_tasks(), 1u) << "it holds no memory";

  EXPECT_THAT(harness.UnpauseTask(id, false, "it is back"), NoError());
  ASSERT_TRUE(worker.Runs(id));
  EXPECT_EQ(PayloadOf(worker.DeliveryOf(id)), "order 7");
  EXPECT_FALSE(harness.EntryOf(id).paused);
  EXPECT_EQ(harness.LogOf(id)[1].reason(), "it is back");
  EXPECT_THAT(worker.Succeed(id), NoError());
}

TEST(PauseTest, PausedTaskStaysPausedAfterACrash) {
  for (const bool with_pages : {false, true}) {
    EngineHarness harness;
    const TaskId due = harness.Submit(), delayed = harness.Submit({.delay = kMinute});
    for (const TaskId id : {due, delayed}) EXPECT_THAT(harness.PauseTask(id), NoError());
    if (with_pages) harness.StorePages();
    harness.Crash();
    TestWorker& worker = harness.Connect();
    harness.Advance(2 * kMinute);
    EXPECT_THAT(worker.running(), IsEmpty());
    for (const TaskId id : {due, delayed}) EXPECT_THAT(harness.UnpauseTask(id), NoError());
    EXPECT_THAT(worker.running(), ElementsAre(due, delayed));
  }
}

TEST(PauseTest, DelayedTaskThatIsLetGoOnWaitsForItsDueTime) {  // B87
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.delay = kMinute});
  harness.PauseTask(id);
  harness.UnpauseTask(id);
  EXPECT_FALSE(worker.Runs(id));
  harness.Advance(kMinute);
  EXPECT_TRUE(worker.Runs(id));
}

TEST(PauseTest, AttemptThatRunsGoesOnAndWhatFollowsWaits) {  // B86, B169, B170, S8, S11, S102
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  for (const TaskId id : ids) EXPECT_THAT(harness.PauseTask(id), NoError());
  EXPECT_THAT(worker.orders, IsEmpty());
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::RUNNING);
  EXPECT_TRUE(harness.EntryOf(ids[0]).paused);
  EXPECT_THAT(worker.Succeed(ids[0]), NoError()) << "its end stands";
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::COMPLETED);
  EXPECT_THAT(worker.Fail(ids[1]), NoError());
  EXPECT_EQ(harness.StateOf(ids[1]), LiveState::PENDING);
  EXPECT_FALSE(worker.Runs(ids[1])) << "no retry";
  harness.Crash();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_TRUE(harness.EntryOf(ids[2]).paused);
  EXPECT_THAT(worker.Release(ids[2]), NoError());
  EXPECT_FALSE(worker.Runs(ids[2]));
  EXPECT_THAT(harness.UnpauseTask(ids[3]), NoError());
  EXPECT_EQ(worker.AttemptOf(ids[3]).attempt, 1u) << "it runs once, not twice";
  EXPECT_THAT(worker.Fail(ids[3]), NoError());
  EXPECT_TRUE(worker.Runs(ids[3]));
  for (const TaskId id : {ids[1], ids[2]}) EXPECT_THAT(harness.UnpauseTask(id), NoError());
  EXPECT_EQ(worker.DeliveryOf(ids[1]).failures, 1u) << "the retry budget is what it was";
  EXPECT_EQ(worker.DeliveryOf(ids[2]).failures, 0u);
}

TEST(PauseTest, ClaimedAndPausedInOneCommit) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const auto submit = harness.Send(MakeSubmit({{}}, "", harness.store(), harness.now()));
  harness.Round(false);  // Created and claimed, not committed.
  harness.Send(MakePause(1, true, false, "at once"));
  harness.Settle();
  EXPECT_EQ(submit->results[0].id, 1u);
  EXPECT_TRUE(harness.EntryOf(1).paused);
  harness.Crash();
  EXPECT_TRUE(harness.EntryOf(1).paused);
  EXPECT_THAT(worker.Hello(), NoError());
  worker.Fail(1);
  EXPECT_FALSE(worker.Runs(1));
}

TEST(PauseTest, DecisionIsTakenBeneathThePause) {  // B86, B169
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Suspend(id, "approval");
  EXPECT_THAT(harness.PauseTask(id), NoError());
  EXPECT_THAT(harness.Resume(id, "yes"), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  EXPECT_FALSE(worker.Runs(id));
  const Error refused = harness.Resume(id);
  EXPECT_THAT(refused, ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_SUSPENDED"));
  EXPECT_THAT(refused.message, HasSubstr("UnpauseTask"));
  EXPECT_THAT(harness.UnpauseTask(id), NoError());
  EXPECT_EQ(DecisionOf(worker.DeliveryOf(id)), "yes");
  EXPECT_EQ(worker.DeliveryOf(id).stage, 1u);
}

TEST(PauseTest, ParentIsHeldWhenItsChildrenHaveEnded) {  // B86
  for (const bool crash : {false, true}) {
    EngineHarness harness;
    TestWorker& parents = harness.Connect(kParents);
    TestWorker& children = harness.Connect(kChildren);
    const TaskId parent = harness.Submit(kParent);
    parents.Spawn(parent, {kChild, kChild});
    EXPECT_THAT(harness.PauseTask(parent), NoError());
    EXPECT_EQ(harness.StateOf(parent), LiveState::WAITING);
    EXPECT_THAT(children.running(), ElementsAre(parent + 1, parent + 2)) << "the parent alone is paused";
    children.Succeed(parent + 1);
    if (crash) {
      harness.Crash();
      EXPECT_THAT(children.Hello(), NoError());
      EXPECT_THAT(parents.Hello(), NoError());
    }
    children.FailFinally(parent + 2);
    EXPECT_EQ(harness.StateOf(parent), LiveState::PENDING);
    EXPECT_FALSE(parents.Runs(parent));
    EXPECT_THAT(harness.UnpauseTask(parent), NoError());
    EXPECT_EQ(parents.DeliveryOf(parent).stage, 1u);
    EXPECT_EQ(parents.DeliveryOf(parent).children_failed, 1u);
  }
}

TEST(PauseTest, CascadeReachesAllDescendantsAndLetsThemGoOnAgain) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kParent, kChild, {.type = "child", .delay = kHour}});
  const TaskId middle = root + 1;
  parents.Spawn(middle, {kChild, kChild});
  EXPECT_THAT(harness.PauseTask(root, true, "all of it"), NoError());
  for (TaskId id = root; id < harness.next_id(); ++id) {
    EXPECT_TRUE(harness.EntryOf(id).paused) << "task " << id;
    EXPECT_EQ(harness.LogOf(id).back().reason(), "all of it") << "task " << id;
  }
  TestWorker& children = harness.Connect(kChildren);
  EXPECT_THAT(children.running(), IsEmpty());
  EXPECT_THAT(harness.UnpauseTask(root, true), NoError());
  for (TaskId id = root; id < harness.next_id(); ++id) EXPECT_FALSE(harness.EntryOf(id).paused) << "task " << id;
  EXPECT_THAT(children.running(), ElementsAre(root + 2, middle + 3, middle + 4));
}

TEST(PauseTest, LastCascadeWinsThroughCrashesInTheMiddle) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId root = harness.Submit(kParent);
  for (uint32_t part = 1; part <= 2; ++part) parents.SpawnPart(root, part, std::vector<TaskSpec>(1000, kChild));
  parents.Spawn(root, {}, "", 2);
  for (const bool pause : {true, false, true}) harness.Send(MakePause(root, pause, true, "back and forth"));
  for (int i = 0; i < 20; ++i) {
    harness.Round();
    if (i % 4 == 3) harness.Crash();
  }
  harness.Settle();
  for (TaskId id = root; id < harness.next_id(); ++id) ASSERT_TRUE(harness.EntryOf(id).paused) << "task " << id;
  std::string job;
  EXPECT_TRUE(absl::IsNotFound(harness.store().Get(storage::Family::kMeta, JobMetaKey(3), &job)));
}

// A parent with 2,000 children, and a cascade over them that has only begun.
class CascadeUnderWay : public ::testing::TestWithParam<bool> {
 protected:
  CascadeUnderWay() {
    TestWorker& parents = harness_.Connect(kParents);
    root_ = harness_.Submit(kParent);
    for (uint32_t part = 1; part <= 2; ++part) {
      parents.SpawnPart(root_, part, std::vector<TaskSpec>(1000, {.type = "child", .delay = kHour}));
    }
    parents.Spawn(root_, {}, "", 2);
  }
  // Sends what `last` marks before the job has come to it, and lets everything end; perhaps with crashes meanwhile.
  void MarkLastDuring(bool cascade_pauses) {
    harness_.Send(MakePause(root_, cascade_pauses, true, "all"));
    harness_.Round();
    const auto reply = harness_.Send(MakePause(last(), !cascade_pauses, true, "but this one"));
    for (int i = 0; i < 30; ++i) {
      harness_.Round();
      if (GetParam() && reply.answered() && i % 3 == 2) harness_.Crash();
    }
    harness_.Settle();
    ASSERT_TRUE(reply.answered());
    EXPECT_THAT(reply.error(), NoError());
  }
  TaskId last() const { return root_ + 2000; }

  EngineHarness harness_;
  TaskId root_ = 0;
};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutCrashes, CascadeUnderWay, ::testing::Bool());

TEST_P(CascadeUnderWay, DoesNotPauseWhatWasLetGoOnLater) {
  MarkLastDuring(/*cascade_pauses=*/true);
  for (TaskId id = root_; id < last(); ++id) ASSERT_TRUE(harness_.EntryOf(id).paused) << "task " << id;
  EXPECT_FALSE(harness_.EntryOf(last()).paused);
}

TEST_P(CascadeUnderWay, DoesNotLetGoOnWhatWasPausedLater) {
  harness_.PauseTask(root_, true);
  MarkLastDuring(/*cascade_pauses=*/false);
  for (TaskId id = root_; id < last(); ++id) ASSERT_FALSE(harness_.EntryOf(id).paused) << "task " << id;
  EXPECT_TRUE(harness_.EntryOf(last()).paused);
}

TEST(PauseTest, CascadeOverMoreThanMayStayInMemoryForgetsNothing) {
  EngineSettings settings;
  settings.resident_tasks = 3;
  EngineHarness harness(settings);
  TestWorker& parents = harness.Connect(kParents);
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kChild, kChild, kChild, kChild, kChild});
  EXPECT_THAT(harness.UnpauseTask(root, true), NoError()) << "nothing is paused, all are looked at";
  EXPECT_LE(harness.engine().resident_tasks(), settings.resident_tasks);
  TestWorker& children = harness.Connect(kChildren);
  EXPECT_THAT(children.running(), ElementsAre(root + 1, root + 2, root + 3, root + 4, root + 5));
}

TEST(PauseTest, OneCascadeFollowsAnotherAtOnce) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kChild});
  for (const bool pause : {true, false}) harness.Send(MakePause(root, pause, true, "on and off"));
  for (int i = 0; i < 100 && (harness.engine().has_more() || i < 10); ++i) harness.Round();
  EXPECT_FALSE(harness.EntryOf(root + 1).paused);
  std::string job;
  EXPECT_TRUE(absl::IsNotFound(harness.store().Get(storage::Family::kMeta, JobMetaKey(2), &job)));
}

TEST(PauseTest, ParentThatIsPausedBetweenTheEndsOfItsChildrenIsResumedAfterACrash) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild, kChild, kChild});
  harness.Send(MakePause(parent, true, false, "loaded"));
  harness.Send(MakePause(parent, false, false, "and kept"));
  children.Post(children.MakeOutcome(parent + 1, Outcome::Kind::kFailed, ErrorStep("broke")));
  harness.Settle();
  children.Succeed(parent + 2);
  harness.PauseTask(parent);
  EXPECT_EQ(harness.EntryOf(parent).remaining, 1u);
  harness.Crash();
  EXPECT_THAT(children.Hello(), NoError());
  children.Succeed(parent + 3);
  EXPECT_EQ(harness.StateOf(parent), LiveState::PENDING);
  EXPECT_EQ(harness.EntryOf(parent).failed, 1u);
}

TEST(PauseTest, PausedTaskIsCancelled) {
  EngineHarness harness;
  const TaskId pending = harness.Submit(), delayed = harness.Submit({.delay = kHour});
  TestWorker& parents = harness.Connect(kParents);
  const TaskId parent = harness.Submit(kParent);
  parents.Spawn(parent, {kChild});
  for (const TaskId id : {pending, delayed, parent}) {
    EXPECT_THAT(harness.PauseTask(id), NoError());
    EXPECT_THAT(harness.Cancel(id), NoError());
    EXPECT_EQ(harness.StateOf(id), LiveState::CANCELLED);
  }
  EXPECT_EQ(harness.StateOf(parent + 1), LiveState::CANCELLED);
}

TEST(PauseTest, RepeatIsHarmlessAndWhatCannotBeIsRefused) {  // B97
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const TaskId running = harness.Submit(), pending = harness.Submit();
  EXPECT_THAT(harness.UnpauseTask(pending), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_PAUSED"));
  EXPECT_THAT(harness.UnpauseTask(pending).message, HasSubstr("PENDING"));
  EXPECT_THAT(harness.UnpauseTask(pending, true), NoError()) << "its descendants may be";
  EXPECT_THAT(harness.PauseTask(pending), NoError());
  EXPECT_THAT(harness.PauseTask(pending), NoError());
  EXPECT_THAT(harness.KindsOf(pending), ElementsAre(Step::PAUSED)) << "nothing changed, nothing is told";
  worker.Succeed(running);
  EXPECT_THAT(harness.PauseTask(running), ErrorIs(absl::StatusCode::kFailedPrecondition, "TASK_TERMINAL"));
  EXPECT_THAT(harness.UnpauseTask(running), ErrorIs(absl::StatusCode::kFailedPrecondition, "TASK_TERMINAL"));
  EXPECT_THAT(harness.PauseTask(4711), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

TEST(PauseTest, OutcomeOfAnAttemptThatWasPausedMeanwhileMayBeRepeated) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  Outcome failed = worker.MakeOutcome(id, Outcome::Kind::kFailed, ErrorStep("broke"));
  failed.retryable = true;
  EXPECT_THAT(harness.PauseTask(id), NoError());
  EXPECT_THAT(worker.Send(failed), NoError());
  EXPECT_THAT(harness.UnpauseTask(id), NoError());
  EXPECT_THAT(harness.PauseTask(id), NoError());
  EXPECT_THAT(worker.Send(failed), NoError()) << "it was accepted before";
}

TEST(PauseTypeTest, NothingOfThePausedTypeIsHandedOut) {  // B57, B173, S117
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1, .types = {"mail", "work"}, .capabilities = {"GPU"}});
  const TaskId running = harness.Submit({.type = "mail"});
  const TaskId waiting = harness.Submit({.type = "mail"});
  EXPECT_THAT(harness.PauseType("mail"), NoError());
  EXPECT_THAT(harness.PauseType("mail"), NoError());
  EXPECT_THAT(worker.Succeed(running), NoError()) << "what runs goes on";
  EXPECT_FALSE(worker.Runs(waiting));
  const TaskId later = harness.Submit({.type = "mail", .options = {.required_capabilities = Capabilities{"GPU"}}});
  EXPECT_FALSE(worker.Runs(later)) << "a class that came later";
  const TaskId other = harness.Submit();
  EXPECT_TRUE(worker.Runs(other)) << "other types pass it by";
  worker.Succeed(other);
  EXPECT_THAT(harness.PauseType("mail", false), NoError());
  EXPECT_TRUE(worker.Runs(waiting));
  worker.Succeed(waiting);
  EXPECT_TRUE(worker.Runs(later));
}

TEST(PauseTypeTest, OutlivesCrashesAndRegistrations) {  // B173
  EngineHarness harness;
  EXPECT_THAT(harness.PauseType("work"), NoError()) << "before anybody knows it";
  const TaskId id = harness.Submit();
  for (const bool with_pages : {false, true}) {
    if (with_pages) harness.StorePages();
    harness.Crash();
    const std::string name = with_pages ? "b" : "a";
    TestWorker& worker = harness.Connect({.worker_id = name, .handler_options = {.timeout = kMinute}});
    harness.Advance(kMinute);
    EXPECT_FALSE(worker.Runs(id));
  }
  EXPECT_THAT(harness.PauseType("work", false), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING);
  EXPECT_THAT(harness.PauseType("work", false), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_PAUSED"));
  harness.Crash();
  EXPECT_THAT(harness.PauseType("work", false), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_PAUSED"));
}

TEST(PauseTypeTest, TypeThatNobodyEverKnewLeavesNothingBehind) {
  EngineHarness harness;
  std::string row;
  EXPECT_THAT(harness.PauseType("nobody"), NoError());
  EXPECT_TRUE(harness.store().Get(storage::Family::kMeta, TypeMetaKey("nobody"), &row).ok());
  EXPECT_THAT(harness.PauseType("nobody", false), NoError());
  EXPECT_TRUE(absl::IsNotFound(harness.store().Get(storage::Family::kMeta, TypeMetaKey("nobody"), &row)));
}

TEST(PauseTypeTest, TaskThatIsPausedItselfStaysPaused) {  // B174
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  EXPECT_THAT(harness.PauseType("work"), NoError());
  const TaskId id = harness.Submit();
  EXPECT_THAT(harness.PauseTask(id), NoError());
  EXPECT_THAT(harness.PauseType("work", false), NoError());
  EXPECT_FALSE(worker.Runs(id));
  EXPECT_THAT(harness.UnpauseTask(id), NoError());
  EXPECT_TRUE(worker.Runs(id));
}

}  // namespace
}  // namespace baton::engine::testing
