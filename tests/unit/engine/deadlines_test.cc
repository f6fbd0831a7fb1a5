// Deadlines of tasks by the wall clock, and of attempts that report nothing.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using records::v1::Mutable;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Suspends the task until a decision, or this.
Error SuspendFor(TestWorker& worker, TaskId id, Micros time, Mutable::Undecided when_undecided,
                 const std::string& decision = "") {
  Outcome outcome = worker.MakeOutcome(id, Outcome::Kind::kSuspended);
  outcome.step = ContextStep("context", "approval") + (decision.empty() ? "" : DecisionStep(decision));
  outcome.has_context = true;
  outcome.decide_within = time;
  outcome.when_undecided = when_undecided;
  return worker.Send(std::move(outcome));
}

TEST(DeadlinesTest, TaskThatNobodyBeginsInTimeFailsForGood) {
  EngineHarness harness;
  const TaskId id = harness.Submit({.start_timeout = kMinute});
  const TaskId other = harness.Submit();
  harness.Advance(kMinute - 1);
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  harness.Advance(1);
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_EQ(harness.EndOf(id).kind(), Step::EXPIRED);
  EXPECT_EQ(harness.EndOf(id).actor(), "broker");
  EXPECT_THAT(harness.EndOf(id).error(), HasSubstr("expired: it had to begin by "));
  EXPECT_EQ(harness.StateOf(other), LiveState::PENDING);
}

TEST(DeadlinesTest, OfVeryManyThatEndAtOnceNoMoreAreFetchedAtATimeThanAFewRoundsTake) {
  EngineSettings settings;
  settings.resident_tasks = 10;
  EngineHarness harness(settings);
  harness.check_every_commit = false;
  constexpr size_t kTasks = 20 * kWorkBounds.round_timers;
  for (size_t i = 0; i < kTasks; i += 512) harness.SubmitMany(512, {.total_timeout = kMinute});
  harness.hold_loads = true;
  harness.clock().AdvanceBoth(kMinute);
  for (int rounds = 0; rounds < 20; ++rounds) harness.Round();
  EXPECT_FALSE(harness.engine().has_more()) << "it waits for those that it has asked for";
  EXPECT_GT(harness.engine().SleepTime(), 0);
  harness.hold_loads = false;
  harness.Settle();
  const std::shared_ptr<const View> view = harness.MakeView();
  for (TaskId id = 1; id <= kTasks; ++id) ASSERT_EQ(*view->StateOf(id), LiveState::FAILED) << "task " << id;
}

TEST(DeadlinesTest, TimeCountsFromTheEarliestStart) {
  EngineHarness harness;
  const TaskId begin = harness.Submit({.delay = kHour, .start_timeout = kMinute});
  const TaskId end = harness.Submit({.delay = kHour, .total_timeout = kMinute});
  EXPECT_EQ(harness.RowOf(begin).start_by_us(), harness.RowOf(begin).due_us() + kMinute);
  EXPECT_EQ(harness.RowOf(end).end_by_us(), harness.RowOf(end).due_us() + kMinute);
  harness.Advance(kHour + kMinute - 1);
  EXPECT_EQ(harness.StateOf(begin), LiveState::PENDING);
  EXPECT_EQ(harness.StateOf(end), LiveState::PENDING);
  harness.Advance(1);
  EXPECT_EQ(harness.StateOf(begin), LiveState::FAILED);
  EXPECT_EQ(harness.StateOf(end), LiveState::FAILED);
}

TEST(DeadlinesTest, TaskThatHasBegunMayTakeItsTimeEvenIfItsWorkerIsLost) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.start_timeout = kSecond});
  EXPECT_EQ(harness.EntryOf(id).alarm, 0);
  harness.Advance(2 * kSecond);
  EXPECT_TRUE(worker.Runs(id));
  worker.Kill();
  harness.Advance(kMinute);
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
}

TEST(DeadlinesTest, TotalTimeEndsARunningAttemptAndItsWorkerIsTold) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.total_timeout = 10 * kSecond});
  harness.Advance(10 * kSecond);
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_EQ(harness.EndOf(id).attempt().number(), 1u);
  ASSERT_EQ(worker.orders.size(), 1u);
  EXPECT_EQ(worker.orders[0].kind, Order::Kind::kCancel);
  EXPECT_THAT(worker.orders[0].text, HasSubstr("it had to end by"));
  EXPECT_THAT(worker.Succeed(id), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
}

TEST(DeadlinesTest, TotalTimeOfARootEndsTheWholeWorkflow) {  // B54
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  harness.Connect(kChildren);
  const TaskId root = harness.Submit({.type = "parent", .total_timeout = 20 * kSecond});
  parents.Spawn(root, {kParent, kChild, {.type = "child", .delay = kHour}});
  parents.Spawn(root + 1, {kChild, {.type = "nobody"}});
  harness.Advance(20 * kSecond);
  EXPECT_EQ(harness.StateOf(root), LiveState::FAILED);
  for (TaskId id = root + 1; id < harness.next_id(); ++id) {
    EXPECT_EQ(harness.StateOf(id), LiveState::CANCELLED) << "task " << id;
  }
}

TEST(DeadlinesTest, TotalTimeOfAChildIsAFailureForItsParent) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId root = harness.Submit(kParent);
  parents.Spawn(root, {{.type = "child", .total_timeout = kSecond}});
  harness.Advance(kSecond);
  ASSERT_TRUE(parents.Runs(root));
  EXPECT_EQ(parents.DeliveryOf(root).children_failed, 1u);
}

TEST(DeadlinesTest, StagedChildHasItsTimeOnlyOnceItIsSealed) {
  EngineHarness harness;
  TestWorker& parents = harness.Connect(kParents);
  const TaskId root = harness.Submit(kParent);
  parents.SpawnPart(root, 1, {{.type = "child", .total_timeout = kSecond}});
  harness.Advance(5 * kSecond);
  EXPECT_EQ(harness.StateOf(root + 1), LiveState::STAGED);
  parents.Spawn(root, {}, "", 1);
  EXPECT_EQ(harness.StateOf(root + 1), LiveState::FAILED);
}

TEST(DeadlinesTest, DeadlinesOutliveACrash) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 2});
  const TaskId running = harness.Submit({.total_timeout = kMinute});
  const TaskId suspended = harness.Submit();
  SuspendFor(worker, suspended, kMinute, Mutable::CANCEL);
  const TaskId pending = harness.Submit({.type = "nobody", .start_timeout = kMinute});
  harness.StorePages();
  harness.Crash();
  harness.Crash();
  EXPECT_EQ(harness.StateOf(pending), LiveState::PENDING);
  harness.Advance(2 * kMinute);
  EXPECT_EQ(harness.StateOf(running), LiveState::FAILED);
  EXPECT_EQ(harness.StateOf(suspended), LiveState::CANCELLED);
  EXPECT_EQ(harness.StateOf(pending), LiveState::FAILED);
}

TEST(DeadlinesTest, ManyExpireAtTheSameInstant) {
  EngineHarness harness({.resident_tasks = 10});
  const std::vector<TaskId> ids = harness.SubmitMany(3 * kWorkBounds.round_timers, {.start_timeout = kMinute});
  harness.Advance(kMinute);
  for (const TaskId id : ids) ASSERT_EQ(harness.StateOf(id), LiveState::FAILED) << "task " << id;
}

TEST(DeadlinesTest, NobodyDecidesAndTheTaskGoesOnWithTheDecisionItLeft) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  EXPECT_THAT(SuspendFor(worker, id, kHour, Mutable::RESUME, "as proposed"), NoError());
  harness.Advance(kHour - 1);
  EXPECT_EQ(harness.StateOf(id), LiveState::SUSPENDED);
  harness.Crash();
  harness.Advance(1);
  worker.Hello();
  ASSERT_TRUE(worker.Runs(id));
  EXPECT_EQ(worker.DeliveryOf(id).stage, 1u);
  EXPECT_EQ(DecisionOf(worker.DeliveryOf(id)), "as proposed");
  EXPECT_EQ(ContextOf(worker.DeliveryOf(id)), "context");
  EXPECT_EQ(harness.LogOf(id)[1].actor(), "broker");
  EXPECT_THAT(harness.LogOf(id)[1].reason(), HasSubstr("no decision came by "));
}

TEST(DeadlinesTest, NobodyDecidesAndTheTaskFailsOrIsCancelled) {  // B54
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId failing = harness.Submit();
  const TaskId cancelled = harness.Submit();
  SuspendFor(worker, failing, kHour, Mutable::FAIL);
  SuspendFor(worker, cancelled, kHour, Mutable::CANCEL);
  harness.Advance(kHour);
  EXPECT_EQ(harness.StateOf(failing), LiveState::FAILED);
  EXPECT_THAT(harness.EndOf(failing).error(), HasSubstr("expired: no decision came by "));
  EXPECT_EQ(harness.StateOf(cancelled), LiveState::CANCELLED);
  EXPECT_THAT(harness.EndOf(cancelled).reason(), HasSubstr("no decision came by "));
}

TEST(DeadlinesTest, DecisionInTimeWinsAndAnotherSuspensionHasItsOwnTime) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  SuspendFor(worker, id, kMinute, Mutable::FAIL, "");
  EXPECT_THAT(harness.Resume(id, "yes"), NoError());
  EXPECT_EQ(DecisionOf(worker.DeliveryOf(id)), "yes");
  worker.Suspend(id, "once more");
  harness.Advance(kDay);
  EXPECT_EQ(harness.StateOf(id), LiveState::SUSPENDED);
}

TEST(DeadlinesTest, PausedTaskExpiresToo) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  SuspendFor(worker, id, kMinute, Mutable::RESUME);
  harness.PauseTask(id);
  const TaskId late = harness.Submit({.type = "nobody", .total_timeout = kMinute});
  harness.PauseTask(late);
  harness.Advance(kMinute);
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING) << "beneath the pause it goes on";
  EXPECT_FALSE(worker.Runs(id));
  EXPECT_EQ(harness.StateOf(late), LiveState::FAILED);
}

TEST(DeadlinesTest, WallClockThatIsSetBackDelaysAndSetForwardHurries) {  // B3
  EngineHarness harness;
  const TaskId first = harness.Submit({.total_timeout = kHour});
  harness.clock().AdvanceWall(-kHour);
  harness.Advance(kHour);
  EXPECT_EQ(harness.StateOf(first), LiveState::PENDING);
  harness.clock().AdvanceWall(2 * kHour);
  harness.Settle();
  EXPECT_EQ(harness.StateOf(first), LiveState::FAILED);
}

TEST(DeadlinesTest, CancelThatComesWithTheExpiryLearnsHowItEnded) {
  EngineHarness harness;
  const TaskId id = harness.Submit({.delay = kHour, .total_timeout = kSecond});
  harness.hold_loads = true;
  harness.Advance(kHour + kSecond);
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = id;
  const Reply<CancelCommand> reply = harness.Send(std::move(cancel));
  harness.Round();
  harness.hold_loads = false;
  harness.Settle();
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_THAT(reply.error(), ErrorIs(absl::StatusCode::kFailedPrecondition, "TASK_TERMINAL"));
}

TEST(DeadlinesTest, AttemptThatReportsNothingTimesOutAndIsRetried) {  // B115, B215
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.handler_options = {.timeout = kHour, .progress_timeout = 10 * kSecond}});
  const TaskId id = harness.Submit();
  harness.Advance(9 * kSecond);
  EXPECT_THAT(worker.Report(id, "half"), NoError());
  harness.Advance(9 * kSecond);
  EXPECT_EQ(worker.AttemptOf(id).attempt, 1u);
  harness.Advance(2 * kSecond);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::REPORTED, Step::TIMED_OUT));
  EXPECT_EQ(harness.LogOf(id)[1].error(), "timed out: attempt 1 reported no progress for 10s");
  EXPECT_EQ(worker.AttemptOf(id).attempt, 2u);
}

TEST(DeadlinesTest, TaskItselfMayAskForProgressOrForNone) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.handler_options = {.timeout = kHour, .progress_timeout = 10 * kSecond}});
  const TaskId strict = harness.Submit({.options = {.progress_timeout = kSecond}});
  const TaskId free = harness.Submit({.options = {.progress_timeout = 0}});
  harness.Advance(kMinute);
  EXPECT_GT(worker.AttemptOf(strict).attempt == 0 ? 3u : worker.AttemptOf(strict).attempt, 1u);
  EXPECT_EQ(worker.AttemptOf(free).attempt, 1u);
}

TEST(DeadlinesTest, AttemptThatHasNotStartedHasNothingToReport) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.handler_options = {.timeout = kHour, .progress_timeout = 10 * kSecond}});
  const TaskId id = harness.Submit();
  worker.Queue(id);
  harness.Advance(kMinute);
  EXPECT_EQ(worker.AttemptOf(id).attempt, 1u);
  worker.Start(id);
  harness.Advance(12 * kSecond);
  EXPECT_EQ(worker.AttemptOf(id).attempt, 2u);
}

TEST(DeadlinesTest, ProgressIsAwaitedAfterARestartForAsLongAsTheWorkerMayTakeToComeBack) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.handler_options = {.timeout = kHour, .progress_timeout = 2 * kSecond}});
  const TaskId talks = harness.Submit();
  const TaskId silent = harness.Submit();
  harness.Advance(kSecond);
  worker.Freeze();
  harness.Crash();
  harness.Advance(10 * kSecond);
  EXPECT_THAT(harness.KindsOf(talks), IsEmpty());
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.Report(talks, "half"), NoError());
  harness.Advance(2 * kSecond - 1);
  EXPECT_THAT(harness.KindsOf(talks), ElementsAre(Step::REPORTED));
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(talks), ElementsAre(Step::REPORTED, Step::TIMED_OUT));
  harness.Advance(3 * kSecond - 1);
  EXPECT_THAT(harness.KindsOf(silent), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(silent), ElementsAre(Step::TIMED_OUT));
}

}  // namespace
}  // namespace baton::engine::testing
