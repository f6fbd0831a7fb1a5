// Tasks that had ended and are done again.
#include "broker/engine/retention/plan.h"
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kNotRetried = absl::StatusCode::kFailedPrecondition;

TEST(RetryByHandTest, FailedTaskGoesOnAtItsStageWithAllItsAttempts) {  // B88, S11
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.handler_options = {.max_retries = 2}});
  const TaskId id = harness.Submit({.payload = "order 7"});
  worker.Suspend(id, "approval", "context");
  harness.Resume(id, "yes");
  worker.Fail(id);
  worker.Fail(id, "the mail server is down");
  ASSERT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_THAT(harness.Retry(id, false, "it is back"), NoError());
  ASSERT_TRUE(worker.Runs(id));
  const Delivery& delivery = worker.DeliveryOf(id);
  EXPECT_EQ(delivery.attempt.attempt, 4u);
  EXPECT_EQ(delivery.stage, 1u);
  EXPECT_EQ(delivery.failures, 0u);
  EXPECT_EQ(PayloadOf(delivery), "order 7");
  EXPECT_EQ(ContextOf(delivery), "context");
  EXPECT_EQ(DecisionOf(delivery), "yes");
  EXPECT_THAT(harness.KindsOf(id),
              ElementsAre(Step::SUSPENDED, Step::RESUMED, Step::FAILED, Step::FAILED, Step::RETRIED));
  EXPECT_EQ(harness.LogOf(id)[4].reason(), "it is back");
  EXPECT_EQ(harness.LogOf(id)[4].actor(), "local");
  worker.Fail(id);
  EXPECT_TRUE(worker.Runs(id)) << "the budget is fresh";
  worker.Succeed(id, "sent");
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
  EXPECT_EQ(harness.EndOf(id).result().data(), "sent");
}

TEST(RetryByHandTest, FromTheStartNothingOfLaterStagesIsLeft) {  // B38, B127
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId id = harness.Submit(kParent);
  parents.Spawn(id, {kChild}, "context");
  children.FailFinally(id + 1);
  parents.FailFinally(id);
  EXPECT_THAT(harness.Retry(id, true), NoError());
  ASSERT_TRUE(parents.Runs(id));
  const Delivery& delivery = parents.DeliveryOf(id);
  EXPECT_EQ(delivery.stage, 0u);
  EXPECT_EQ(delivery.children, 0u);
  EXPECT_EQ(ContextOf(delivery), "");
  parents.Spawn(id, {kChild});
  children.Succeed(id + 2);
  EXPECT_EQ(parents.DeliveryOf(id).children, 1u);
  EXPECT_EQ(parents.DeliveryOf(id).children_failed, 0u);
}

TEST(RetryByHandTest, AtItsStageTheChildrenOfTheOneBeforeAreStillItsInput) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId id = harness.Submit(kParent);
  parents.Spawn(id, {kChild, kChild});
  children.Succeed(id + 1);
  children.FailFinally(id + 2);
  parents.FailFinally(id);
  harness.Crash();
  EXPECT_THAT(harness.Retry(id), NoError());
  parents.Hello();
  ASSERT_TRUE(parents.Runs(id));
  EXPECT_EQ(parents.DeliveryOf(id).stage, 1u);
  EXPECT_EQ(parents.DeliveryOf(id).children, 2u);
  EXPECT_EQ(parents.DeliveryOf(id).children_failed, 1u);
}

TEST(RetryByHandTest, CancelledTaskIsDoneAfterAllAndIsNotPaused) {
  EngineHarness harness;
  const TaskId id = harness.Submit();
  harness.PauseTask(id);
  harness.Cancel(id);
  EXPECT_THAT(harness.Retry(id), NoError());
  TestWorker& worker = harness.Connect();
  EXPECT_TRUE(worker.Runs(id));
}

TEST(RetryByHandTest, WhatHasNotFailedIsRefused) {  // B48
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 2});
  const TaskId running = harness.Submit();
  const TaskId completed = harness.Submit();
  worker.Succeed(completed);
  EXPECT_THAT(harness.Retry(running), ErrorIs(kNotRetried, "NOT_ENDED"));
  EXPECT_THAT(harness.Retry(completed), ErrorIs(kNotRetried, "TASK_COMPLETED"));
  EXPECT_THAT(harness.Retry(0), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_THAT(harness.Retry(4711), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_EQ(harness.StateOf(completed), LiveState::COMPLETED);
}

TEST(RetryByHandTest, WhatEndedWhileItWaitedIsRetriedFromTheStartOnly) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Suspend(id, "approval");
  harness.Cancel(id);
  EXPECT_THAT(harness.Retry(id), ErrorIs(kNotRetried, "NO_STAGE_TO_REPEAT"));
  EXPECT_THAT(harness.Retry(id, true), NoError());
  EXPECT_EQ(worker.DeliveryOf(id).stage, 0u);
}

TEST(RetryByHandTest, ChildCountsAgainWhileItsParentWaits) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kChild, kChild});
  children.FailFinally(root + 1);
  EXPECT_EQ(harness.EntryOf(root).failed, 1u);
  EXPECT_THAT(harness.Retry(root + 1), NoError());
  EXPECT_EQ(harness.EntryOf(root).failed, 0u);
  EXPECT_EQ(harness.EntryOf(root).remaining, 2u);
  children.Succeed(root + 2);
  EXPECT_FALSE(parents.Runs(root));
  children.Succeed(root + 1);
  ASSERT_TRUE(parents.Runs(root));
  EXPECT_EQ(parents.DeliveryOf(root).children_failed, 0u);
  parents.Succeed(root);
}

TEST(RetryByHandTest, ChildOfAParentThatWentOnIsRefused) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  TestWorker& children = harness.Connect(kChildren);
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {kChild});
  children.FailFinally(root + 1);
  ASSERT_TRUE(parents.Runs(root));
  EXPECT_THAT(harness.Retry(root + 1), ErrorIs(kNotRetried, "PARENT_WENT_ON"));
  parents.Spawn(root, {kChild});
  EXPECT_THAT(harness.Retry(root + 1), ErrorIs(kNotRetried, "PARENT_WENT_ON")) << "it waits for others";
}

TEST(RetryByHandTest, OneThatWouldExpireAtOnceIsRefused) {
  EngineHarness harness;
  const TaskId begin = harness.Submit({.start_timeout = kSecond});
  const TaskId end = harness.Submit({.total_timeout = kSecond});
  harness.Advance(kSecond);
  EXPECT_THAT(harness.Retry(begin), ErrorIs(kNotRetried, "DEADLINE_OVER"));
  EXPECT_THAT(harness.Retry(end), ErrorIs(kNotRetried, "DEADLINE_OVER"));
}

TEST(RetryByHandTest, UniqueKeyIsTakenAgainOrTheRetryRefused) {
  EngineHarness harness;
  const TaskSpec only = {.unique_key = "order 7", .policy = UniquePolicy::kReject};
  const TaskId first = harness.Submit(only);
  harness.Cancel(first);
  const TaskId second = harness.Submit(only);
  EXPECT_THAT(harness.Retry(first), ErrorIs(absl::StatusCode::kAlreadyExists, "UNIQUE_KEY_IN_USE"));
  harness.Cancel(second);
  EXPECT_THAT(harness.Retry(first), NoError());
  EXPECT_THAT(harness.SubmitCall({only})->results[0].error,
              ErrorIs(absl::StatusCode::kAlreadyExists, "UNIQUE_KEY_IN_USE"));
}

TEST(RetryByHandTest, TwoRetriesAtOnceDoItOnce) {
  EngineHarness harness;
  const TaskId id = harness.Submit();
  harness.Cancel(id);
  std::vector<Reply<RetryCommand>> replies;
  for (int i = 0; i < 2; ++i) {
    auto retry = std::make_unique<Tracked<RetryCommand>>();
    retry->task = id;
    replies.push_back(harness.Send(std::move(retry)));
  }
  harness.Settle();
  EXPECT_THAT(replies[0]->error, NoError());
  EXPECT_THAT(replies[1]->error, ErrorIs(kNotRetried, "NOT_ENDED"));
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::CANCELLED, Step::RETRIED));
}

TEST(RetryByHandTest, ItStaysRetriedAfterACrashAndItsLastOutcomeIsStillKnown) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.type = "work"});
  const Outcome failed = worker.MakeOutcome(id, Outcome::Kind::kFailed, ErrorStep("broken"));
  EXPECT_THAT(worker.Send(failed), NoError());
  ASSERT_EQ(harness.StateOf(id), LiveState::FAILED);
  harness.StorePages();
  harness.Retry(id);
  worker.Release(id);
  harness.Crash();
  EXPECT_THAT(worker.Send(failed), NoError()) << "a repeat of what was accepted";
  worker.Hello();
  EXPECT_TRUE(worker.Runs(id));
  harness.StorePages();
  harness.Crash();
  EXPECT_NE(harness.StateOf(id), LiveState::FAILED);
}

TEST(RetryByHandTest, RemovalThatWasPlannedBeforeIsRefused) {
  EngineHarness harness({.retention = kMinute});
  const TaskId id = harness.Submit();
  const TaskId other = harness.Submit();
  harness.Cancel(id);
  harness.Cancel(other);
  harness.Advance(kMinute + kSecond);
  const std::shared_ptr<const View> view = harness.MakeView();
  absl::StatusOr<Plan> plan = PlanRemoval(*view, {.now = harness.now(), .ages = EvenAges(kMinute)});
  ASSERT_TRUE(plan.ok());
  auto remove = std::make_unique<Tracked<RemoveCommand>>();
  remove->removal = std::move(plan->removal);
  remove->removal.as_of = view->number();
  EXPECT_THAT(harness.Retry(id), NoError());
  EXPECT_THAT(harness.Call(std::move(remove)).error(), ErrorIs(kNotRetried, "CHANGED"));
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  EXPECT_EQ(harness.StateOf(other), LiveState::CANCELLED);
  harness.Sweep();
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  EXPECT_EQ(harness.StateOf(other), LiveState::REMOVED);
}

}  // namespace
}  // namespace baton::engine::testing
