#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::TaskParts Everything() {
  v1::TaskParts parts;
  parts.set_payload(true);
  parts.set_result(true);
  parts.set_context(true);
  return parts;
}

TEST(GetTest, ShowsANewTask) {  // B7, B9, B10, B14, B33, S15, S30
  Scene scene;
  const TaskId id = scene.Submit({.type = "render",
                                  .capabilities = {"GPU", "SSD"},
                                  .tag = "night",
                                  .options = {.priority = 4, .max_retries = 2},
                                  .payload = "pixels",
                                  .unique_key = "movie-1",
                                  .trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"});
  const v1::Task task = scene.Get(id);
  EXPECT_EQ(task.id(), id);
  EXPECT_EQ(task.type(), "render");
  EXPECT_EQ(task.state(), v1::TASK_STATE_PENDING);
  EXPECT_EQ(task.tag(), "night");
  EXPECT_EQ(task.parent_id(), 0u);
  EXPECT_EQ(task.root_id(), id);
  EXPECT_EQ(task.priority(), 4);
  EXPECT_THAT(task.required_capabilities(), ElementsAre("GPU", "SSD"));
  EXPECT_EQ(task.created_at_us(), kStart);
  EXPECT_EQ(task.due_at_us(), kStart);
  EXPECT_EQ(task.attempt(), 0);
  EXPECT_EQ(task.unique_key(), "movie-1");
  EXPECT_EQ(task.trace_parent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_FALSE(task.has_payload()) << "it was not asked for";
  EXPECT_NE(task.version(), 0u);
  EXPECT_EQ(scene.Get(id, Everything()).payload().data(), "pixels");
}

TEST(GetTest, OptionsAreWhatIsSetUntilAWorkerClaimsAndSettledAfterwards) {
  Scene scene;
  const TaskId id = scene.Submit({.options = {.max_retries = 2}});
  v1::TaskOptions options = scene.Get(id).options();
  EXPECT_EQ(options.max_retries(), 2);
  EXPECT_FALSE(options.has_timeout_us());
  EXPECT_EQ(options.priority(), 0);

  scene.Claim(id, "w1");
  options = scene.Get(id).options();
  EXPECT_EQ(options.max_retries(), 2) << "the task's own";
  EXPECT_EQ(options.timeout_us(), 7 * kSecond) << "the worker's";
  EXPECT_EQ(options.retry_interval_cap_us(), kHour) << "the broker's default";
  EXPECT_EQ(options.retry_backoff(), v1::RETRY_BACKOFF_FIXED);
}

TEST(GetTest, ARunningTaskNamesItsWorkerAndItsAttempt) {  // B37, S54
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Pass(2 * kSecond);
  scene.Claim(id, "w1");
  const v1::Task task = scene.Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(task.worker_id(), "w1");
  EXPECT_EQ(task.started_at_us(), kStart + 2 * kSecond);
  EXPECT_EQ(task.due_at_us(), kStart);
  EXPECT_EQ(task.attempt(), 1);
  EXPECT_EQ(task.waiting_for(), "");
}

TEST(GetTest, ATaskThatWaitsForARetryShowsTheErrorAndWhenItRunsNext) {  // B17, B28, S56
  Scene scene;
  scene.Connect("render", {}, 4, 0);
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Fail(id, "disk is full", 12'300 * kMillisecond);
  const v1::Task task = scene.Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_PENDING);
  EXPECT_EQ(task.attempt(), 1);
  EXPECT_EQ(task.failed_attempts(), 1);
  EXPECT_EQ(task.last_error(), "disk is full");
  EXPECT_EQ(task.worker_id(), "w1");
  EXPECT_EQ(task.due_at_us(), kStart + 12'300 * kMillisecond);
  EXPECT_EQ(task.waiting_for(), "retries in 12.3 s (at 2023-11-14T22:13:32Z) after 1 failed attempt");
}

TEST(GetTest, AClaimIsInTheLiveTableAlone) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Fail(id, "no luck");
  scene.Claim(id, "w2");
  const v1::Task task = scene.Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_RUNNING);
  EXPECT_EQ(task.attempt(), 2);
  EXPECT_EQ(task.worker_id(), "w2");
  EXPECT_EQ(task.failed_attempts(), 1);
}

TEST(GetTest, ACompletedTaskHasItsResultAndItsLastWorker) {  // B21, B36, S55
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Pass(3 * kSecond);
  scene.Complete(id, R"({"words":7})");
  const v1::Task task = scene.Get(id, Everything());
  EXPECT_EQ(task.state(), v1::TASK_STATE_COMPLETED);
  EXPECT_EQ(task.ended_at_us(), kStart + 3 * kSecond);
  EXPECT_EQ(task.result().json(), R"({"words":7})");
  EXPECT_EQ(task.attempt(), 1);
  EXPECT_EQ(task.worker_id(), "w1");
  EXPECT_EQ(task.options().timeout_us(), 7 * kSecond);
  EXPECT_EQ(task.last_error(), "");
  EXPECT_FALSE(task.runnable());
}

TEST(GetTest, AFailedTaskHasTheErrorOfTheLastAttempt) {  // B22
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Fail(id, "first");
  scene.Claim(id, "w2");
  scene.FailForGood(id, "second");
  const v1::Task task = scene.Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_PERMANENTLY_FAILED);
  EXPECT_EQ(task.last_error(), "second");
  EXPECT_EQ(task.failed_attempts(), 2);
  EXPECT_EQ(task.attempt(), 2);
}

TEST(GetTest, AFailureAtFirstTryCountsAlthoughNoRowSaysSo) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.FailForGood(id, "bad input");
  EXPECT_EQ(scene.Get(id).failed_attempts(), 1);
  EXPECT_EQ(scene.Get(id).attempt(), 1);
}

TEST(GetTest, ATimeoutWithoutTextIsExplained) {  // B208
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.End(id, Step::TIMED_OUT, LiveState::FAILED);
  EXPECT_EQ(scene.Get(id).last_error(), "attempt 1 took longer than its timeout");
}

TEST(GetTest, ACancelledTaskSaysByWhomAndWhy) {  // B36, B261
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Fail(id, "first", kHour);
  scene.Cancel(id, "ann", "not needed");
  const v1::Task task = scene.Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_CANCELLED);
  EXPECT_EQ(task.cancel_reason(), "cancelled by ann: not needed");
  EXPECT_EQ(task.last_error(), "first");
  EXPECT_EQ(task.worker_id(), "w1") << "who had it last, although the end row names no attempt";
}

TEST(GetTest, AParentCountsItsChildren) {  // B34, B35, B53
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Spawn(id, 10, "so far");
  const v1::Task task = scene.Get(id, Everything());
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUSPENDED);
  EXPECT_EQ(task.children_remaining(), 10u);
  EXPECT_EQ(task.children_total(), 10u);
  EXPECT_EQ(task.context().data(), "so far");
  EXPECT_EQ(task.stage(), 0);
  EXPECT_EQ(task.waiting_for(), "waits for 10 of 10 children");
}

TEST(GetTest, AfterItsChildrenEndedAParentIsAtTheNextStageWithAFreshBudget) {  // B22
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Fail(id, "first");
  scene.Claim(id, "w1");
  scene.Spawn(id, 2, "so far");
  scene.ChildrenEnded(id);
  v1::Task task = scene.Get(id, Everything());
  EXPECT_EQ(task.state(), v1::TASK_STATE_PENDING);
  EXPECT_EQ(task.stage(), 1);
  EXPECT_EQ(task.failed_attempts(), 0);
  EXPECT_EQ(task.last_error(), "") << "that was a stage ago";
  EXPECT_EQ(task.context().data(), "so far");

  scene.Claim(id, "w2");
  task = scene.Get(id);
  EXPECT_EQ(task.stage(), 1);
  EXPECT_EQ(task.attempt(), 3);

  scene.Fail(id, "second");
  EXPECT_EQ(scene.Get(id).stage(), 1) << "now a row says so, and it must not be counted twice";
  EXPECT_EQ(scene.Get(id).children_total(), 2u);
}

TEST(GetTest, APausedTaskSaysWhatItWaitsForBeneath) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Pause(id);
  EXPECT_EQ(scene.Get(id).state(), v1::TASK_STATE_PAUSED);
  EXPECT_EQ(scene.Get(id).waiting_for(), "is paused by an operator");
  const TaskId suspended = scene.Submit();
  scene.Claim(suspended, "w1");
  scene.Suspend(suspended, "approval");
  scene.Pause(suspended);
  EXPECT_EQ(scene.Get(suspended).state(), v1::TASK_STATE_PAUSED);
  EXPECT_EQ(scene.Get(suspended).waiting_for(), "is paused by an operator; beneath, it waits for a decision: approval");
}

TEST(GetTest, ASuspendedTaskSaysWhatItWaitsForAndResumingRaisesTheStage) {  // B53, S94
  Scene scene;
  scene.Connect("render", {}, 4, 4);
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Suspend(id, "approval");
  v1::Task task = scene.Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_SUSPENDED);
  EXPECT_EQ(task.suspend_reason(), "approval");
  EXPECT_EQ(task.suspended_at_us(), scene.now());
  EXPECT_EQ(task.waiting_for(), "waits for a decision: approval");
  EXPECT_EQ(task.worker_id(), "w1");

  scene.Resume(id, "ann", "looks good");
  task = scene.Get(id);
  EXPECT_EQ(task.state(), v1::TASK_STATE_PENDING);
  EXPECT_EQ(task.stage(), 1);
  EXPECT_EQ(task.suspend_reason(), "");
  EXPECT_EQ(task.worker_id(), "w1");
}

TEST(GetTest, ProgressComesFromTheNewestReportOrFromTheOutcome) {  // B25, B215, S6
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  const uint64_t before = scene.Get(id).version();
  scene.Log(id, Step::REPORTED, LiveState::RUNNING, [](Step& step) { step.mutable_progress()->set_percent(40); });
  EXPECT_EQ(scene.Get(id).progress().percent(), 40);
  EXPECT_NE(scene.Get(id).version(), before);
  scene.End(id, Step::SUCCEEDED, LiveState::COMPLETED, [](Step& step) { step.mutable_progress()->set_percent(100); });
  EXPECT_EQ(scene.Get(id).progress().percent(), 100);
}

TEST(GetTest, APausedTaskShowsThatOverItsState) {  // B52
  Scene scene;
  const TaskId id = scene.Submit();
  const uint64_t before = scene.Get(id).version();
  scene.Pause(id);
  EXPECT_EQ(scene.Get(id).state(), v1::TASK_STATE_PAUSED);
  EXPECT_EQ(scene.Get(id).waiting_for(), "is paused by an operator");
  EXPECT_NE(scene.Get(id).version(), before);
}

TEST(GetTest, SaysWhyAPendingTaskDoesNotRun) {  // B99
  Scene scene;
  const TaskId plain = scene.Submit();
  const TaskId gpu = scene.Submit({.capabilities = {"GPU"}});
  const TaskId later = scene.Submit({.capabilities = {"GPU"}, .delay = 90 * kSecond});
  EXPECT_EQ(scene.Get(plain).waiting_for(), "no live worker can run it: no worker is connected");
  EXPECT_FALSE(scene.Get(plain).runnable());

  scene.Connect("render", {}, 2, 1);
  EXPECT_EQ(scene.Get(plain).waiting_for(), "is about to be handed out: 1 worker can run it");
  EXPECT_TRUE(scene.Get(plain).runnable());
  EXPECT_THAT(scene.Get(gpu).waiting_for(), HasSubstr("declares the capability GPU"));
  EXPECT_FALSE(scene.Get(gpu).runnable());
  EXPECT_THAT(scene.Get(later).waiting_for(), HasSubstr("due in 1 min 30 s (at 2023-11-14T22:14:50Z); no live worker"));

  scene.Connect("render", {"GPU"}, 3, 3);
  EXPECT_EQ(scene.Get(gpu).waiting_for(), "waits for a free slot of 1 worker");
  EXPECT_TRUE(scene.Get(gpu).runnable());
}

TEST(GetTest, SaysThatAPendingTaskWaitsForALimit) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Connect("render", {}, 4, 2, 1);
  EXPECT_EQ(scene.Get(id).waiting_for(),
            "waits for a free slot of 1 worker; 1 has one, but holds as many of type 'render' as its handler takes");
  scene.Connect("render", {}, 4, 2);
  EXPECT_EQ(scene.Get(id).waiting_for(), "is about to be handed out: 2 workers can run it");
  scene.Limit("render", 3, 2);
  EXPECT_EQ(scene.Get(id).waiting_for(), "is about to be handed out: 2 workers can run it");
  scene.Limit("render", 3, 3);
  EXPECT_EQ(scene.Get(id).waiting_for(), "waits for the limit of type 'render': 3 of 3 are running");
  const TaskId later = scene.Submit({.delay = 90 * kSecond});
  EXPECT_THAT(scene.Get(later).waiting_for(), HasSubstr("due in 1 min 30 s"));
}

TEST(GetTest, TheVersionStaysWhileNothingChanges) {  // B19
  Scene scene;
  const TaskId id = scene.Submit();
  const uint64_t before = scene.Get(id).version();
  scene.Submit();
  scene.Pass(kHour);
  EXPECT_EQ(scene.Get(id).version(), before);
  scene.Claim(id, "w1");
  EXPECT_NE(scene.Get(id).version(), before);
}

TEST(GetTest, IdsThatNeverWereAreNotFound) {  // B94, B223
  Scene scene;
  EXPECT_THAT(scene.GetError(1), ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
  const TaskId id = scene.Submit();
  EXPECT_THAT(scene.GetError(0), ErrorIs(StatusCode::kInvalidArgument, "FIELD_REQUIRED"));
  const Error error = scene.GetError(id + 1);
  EXPECT_THAT(error, ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_EQ(error.message, "there is no task 2: ids run from 1 to 1 so far; check the id");
}

TEST(GetTest, AStagedChildDoesNotExistYet) {
  Scene scene;
  const TaskId parent = scene.Submit();
  const TaskId child = scene.Submit({.parent = parent, .root = parent, .staged = true});
  EXPECT_THAT(scene.GetError(child), ErrorIs(StatusCode::kNotFound, "TASK_NOT_FOUND"));
}

TEST(GetTest, TasksWhoseRetentionIsOverAreExpired) {  // B228
  Scene scene;
  const TaskId removed = scene.Submit();
  scene.Claim(removed, "w1");
  scene.Complete(removed);
  scene.Remove(removed);
  EXPECT_THAT(scene.GetError(removed), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
  // The page itself is gone.
  scene.SkipTo(engine::kPageIds * 3);
  EXPECT_THAT(scene.GetError(engine::kPageIds * 2), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
}

// Files of removed tasks are dropped whoever still holds a view from before.
TEST(GetTest, EndedTaskWithMissingRowsWasRemovedSinceTheView) {
  Scene scene;
  const TaskId id = scene.Submit();
  scene.Claim(id, "w1");
  scene.Log(id, Step::FAILED, LiveState::PENDING, [](Step& step) { step.mutable_after()->set_error_row(7); });
  scene.Cancel(id, "ann", "");
  EXPECT_THAT(scene.GetError(id), ErrorIs(StatusCode::kNotFound, "TASK_EXPIRED"));
}

TEST(GetTest, DamagedRecordsAreToldAsSuch) {  // S70
  Scene scene;
  const TaskId unreadable = scene.Submit();
  scene.PutRow(storage::Family::kTask, engine::TaskKey(unreadable), "\xff\xff\xff");
  EXPECT_THAT(scene.GetError(unreadable), ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));

  const TaskId classless = scene.Submit();
  records::v1::TaskRow row;
  row.set_class_number(99);
  scene.PutRow(storage::Family::kTask, engine::TaskKey(classless), row.SerializeAsString());
  EXPECT_THAT(scene.GetError(classless), ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));

  const TaskId gap = scene.Submit();
  scene.Claim(gap, "w1");
  scene.Log(gap, Step::FAILED, LiveState::PENDING, [](Step& step) { step.mutable_after()->set_error_row(7); });
  EXPECT_THAT(scene.GetError(gap), ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));

  const TaskId optionless = scene.Submit();
  scene.Claim(optionless, "w1");
  scene.Log(optionless, Step::FAILED, LiveState::PENDING,
            [](Step& step) { step.mutable_after()->set_options_number(99); });
  const Error error = scene.GetError(optionless);
  EXPECT_THAT(error, ErrorIs(StatusCode::kDataLoss, "STORE_DAMAGED"));
  EXPECT_THAT(error.message, HasSubstr("the options 99 of an attempt of task 4 are missing"));
}

}  // namespace
}  // namespace baton::service::testing
