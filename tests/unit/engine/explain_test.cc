// What the engine tells of the place of a waiting task, and of who has a running one.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

Reply<ExplainCommand> Explain(EngineHarness& harness, TaskId id) {
  const LiveEntry entry = harness.EntryOf(id);
  auto command = std::make_unique<Tracked<ExplainCommand>>();
  command->attempt = {id, entry.attempt};
  command->task_state = entry.state;
  command->class_number = entry.class_number;
  command->priority = entry.priority;
  command->due = entry.due;
  command->holder = entry.session;
  return harness.Call(std::move(command));
}

TEST(ExplainTest, TasksOfLargerPriorityAndThoseDueEarlierGoFirst) {
  EngineHarness harness;
  harness.Connect({.slots = 1});
  harness.Submit();  // Takes the slot.
  harness.SubmitMany(300);
  const TaskId id = harness.Submit();
  harness.SubmitMany(5);
  EXPECT_EQ(Explain(harness, id)->ahead, 300u);
  harness.SubmitMany(2, {.options = {.priority = 1}});
  harness.SubmitMany(3, {.options = {.priority = -1}});
  const auto explained = Explain(harness, id);
  EXPECT_EQ(explained->ahead, 302u);
  EXPECT_FALSE(explained->more_ahead);
  EXPECT_FALSE(explained->worker.has_value());
}

TEST(ExplainTest, OtherTypesGoFirstOnlyWhereTheyWaitForTheSameWorkers) {
  EngineHarness harness;
  harness.Connect({.worker_id = "both", .slots = 0, .types = {"work", "rival"}, .capabilities = {"GPU"}});
  harness.Connect({.worker_id = "stranger", .slots = 0, .types = {"foreign"}});
  harness.SubmitMany(4, {.type = "rival"});
  harness.SubmitMany(8, {.type = "foreign"});
  harness.SubmitMany(16, {.type = "nobody"});
  harness.SubmitMany(32, {.options = {.required_capabilities = Capabilities{"GPU"}}});
  harness.SubmitMany(64, {.options = {.required_capabilities = Capabilities{"TPU"}}});
  const TaskId id = harness.Submit();
  EXPECT_EQ(Explain(harness, id)->ahead, 36u);
  ASSERT_THAT(harness.PauseType("rival"), NoError());
  EXPECT_EQ(Explain(harness, id)->ahead, 32u) << "a paused type lets others pass";
}

TEST(ExplainTest, PaceIsThatOfAllThatWaitForTheSameWorkers) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1, .types = {"work", "rival"}});
  harness.SubmitMany(50);
  harness.SubmitMany(50, {.type = "rival"});
  const TaskId id = harness.Submit({.options = {.priority = -1}});
  EXPECT_EQ(Explain(harness, id)->ahead, 99u);
  for (int i = 0; i < 40; ++i) {
    harness.Advance(500 * kMillisecond);
    worker.Succeed(worker.running().front());
  }
  const auto explained = Explain(harness, id);
  EXPECT_EQ(explained->ahead, 59u);
  EXPECT_NEAR(explained->claims_per_second, 2.0, 0.2);
}

// One long task of type "hold" and three that wait, beside a stream of short ones on the same worker.
class LimitedTypeTest : public ::testing::Test {
 protected:
  void Fill(const WorkerSpec& spec) {
    worker_ = &harness_.Connect(spec);
    running_ = harness_.Submit({.type = "hold"});
    harness_.SubmitMany(2, {.type = "hold"});
    last_hold_ = harness_.Submit({.type = "hold"});
    harness_.SubmitMany(200, {.type = "echo"});
    last_echo_ = harness_.Submit({.type = "echo"});
  }
  // Ten short ones a second.
  void Work(int seconds) {
    for (int i = 0; i < 10 * seconds; ++i) {
      harness_.Advance(kSecond / 10);
      for (const TaskId id : worker_->running()) {
        if (id == running_) continue;
        worker_->Succeed(id);
        break;
      }
    }
  }
  void ExpectHoldsWaitForHoldsOnly() {
    const auto hold = Explain(harness_, last_hold_);
    EXPECT_EQ(hold->ahead, 2u);
    EXPECT_LT(hold->claims_per_second, 0.2) << "one was handed out ten seconds ago";
    const auto echo = Explain(harness_, last_echo_);
    EXPECT_EQ(echo->ahead, harness_.EntryOf(last_echo_).id - FirstPendingEcho()) << "those of type hold let it pass";
    EXPECT_NEAR(echo->claims_per_second, 10, 1.5);
  }
  TaskId FirstPendingEcho() {
    TaskId id = last_hold_ + 1;
    while (harness_.StateOf(id) != LiveState::PENDING) ++id;
    return id;
  }

  EngineHarness harness_;
  TestWorker* worker_ = nullptr;
  TaskId running_ = 0, last_hold_ = 0, last_echo_ = 0;
};

TEST_F(LimitedTypeTest, WhatTheLimitOfItsTypeHoldsBackWaitsForItsTypeOnly) {
  harness_.LimitType("hold", 1);
  Fill({.slots = 2, .types = {"hold", "echo"}, .handler_options = {.timeout = kHour}});
  Work(10);
  ExpectHoldsWaitForHoldsOnly();
  harness_.LimitType("hold", 0);
  harness_.LimitType("hold", 7);
  EXPECT_GT(Explain(harness_, last_hold_)->claims_per_second, 5) << "any slot will do";
}

TEST_F(LimitedTypeTest, WhatTheLimitOfItsHandlerHoldsBackWaitsForItsTypeOnly) {
  Fill({.slots = 2, .types = {"hold", "echo"}, .handler_options = {.timeout = kHour}, .max_concurrency = 1});
  Work(10);
  ExpectHoldsWaitForHoldsOnly();
}

TEST(ExplainTest, RunningTaskHasAHolderWithItsDeadlines) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect(
      {.worker_id = "w1", .handler_options = {.timeout = 20 * kSecond, .progress_timeout = 5 * kSecond}});
  const TaskId id = harness.Submit();
  worker.Start(id);
  EXPECT_TRUE(worker.Beat());
  harness.Advance(2 * kSecond);
  const auto explained = Explain(harness, id);
  ASSERT_TRUE(explained->worker.has_value());
  EXPECT_EQ(explained->worker->worker_id, "w1");
  EXPECT_TRUE(explained->worker->connected);
  EXPECT_TRUE(explained->started);
  EXPECT_EQ(explained->times_out_in, 18 * kSecond);
  EXPECT_EQ(explained->must_report_in, 3 * kSecond);
  worker.Kill();
  harness.Advance(kSecond);
  EXPECT_FALSE(Explain(harness, id)->worker->connected);
}

TEST(ExplainTest, HolderThatIsGoneIsNotTold) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  auto command = std::make_unique<Tracked<ExplainCommand>>();
  command->attempt = {id, 1};
  command->task_state = LiveState::RUNNING;
  command->holder = worker.session();
  worker.Kill();
  harness.Advance(kMinute);
  const auto explained = harness.Call(std::move(command));
  EXPECT_FALSE(explained->worker.has_value());
  EXPECT_EQ(explained->times_out_in, 0);
}

TEST(ExplainTest, WritesNothing) {
  EngineHarness harness;
  const TaskId id = harness.Submit();
  harness.TakeWrites();
  Explain(harness, id);
  EXPECT_THAT(harness.TakeWrites(), ::testing::Each(0u));
}

}  // namespace
}  // namespace baton::engine::testing
