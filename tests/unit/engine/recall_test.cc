// What waits inside a worker for a free thread, and is called back.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// What the orders since the last call tell the worker to give back.
std::vector<TaskId> TakeRecalled(TestWorker& worker) {
  std::vector<TaskId> recalled;
  for (const Order& order : std::exchange(worker.orders, {})) {
    if (order.kind != Order::Kind::kRecall) continue;
    for (const AttemptId& attempt : order.attempts) recalled.push_back(attempt.task);
  }
  return recalled;
}

// Holds the tasks; all but the first one wait for its thread.
TestWorker& Holder(EngineHarness& harness, const std::vector<TaskId>& ids, WorkerSpec spec = {}) {
  spec.worker_id = "holder";
  TestWorker& holder = harness.Connect(spec);
  EXPECT_EQ(holder.running(), ids);
  for (size_t i = 1; i < ids.size(); ++i) holder.Queue(ids[i]);
  return holder;
}

TEST(RecallTest, WhatHasNotBegunGoesToAWorkerThatCameLater) {  // B249
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(6);
  TestWorker& holder = Holder(harness, ids);
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), IsEmpty()) << "there is nobody else";
  TestWorker& other = harness.Connect({.worker_id = "other"});
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), ElementsAre(ids[5], ids[4], ids[3])) << "half of them, from the end";
  for (const TaskId id : {ids[5], ids[4], ids[3]}) EXPECT_TRUE(holder.Release(id).ok());
  EXPECT_THAT(other.running(), ElementsAre(ids[3], ids[4], ids[5]));
  EXPECT_THAT(harness.KindsOf(ids[5]), ElementsAre(Step::RELEASED));
  for (TestWorker* worker : {&holder, &other}) {
    worker->Beat();
    EXPECT_THAT(TakeRecalled(*worker), IsEmpty()) << "both hold as much";
  }
}

TEST(RecallTest, AnAttemptThatRunsStays) {
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  TestWorker& holder = Holder(harness, ids);
  for (size_t i = 1; i < ids.size(); ++i) holder.Start(ids[i]);
  harness.Connect({.worker_id = "other"});
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), IsEmpty());
}

TEST(RecallTest, WhatOthersCannotRunStays) {  // B252
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(4, {.options = {.required_capabilities = Capabilities{"GPU"}}});
  TestWorker& holder = Holder(harness, ids, {.capabilities = {"GPU"}});
  harness.Connect({.worker_id = "plain"});
  harness.Connect({.worker_id = "other type", .types = {"other"}, .capabilities = {"GPU"}});
  harness.Connect({.worker_id = "no slots", .slots = 0, .capabilities = {"GPU"}});
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), IsEmpty());
}

// It would be the holder's turn again, and so for ever.
TEST(RecallTest, PlainWorkIsNotCalledBackForAHostWithMoreCapabilities) {
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  TestWorker& holder = Holder(harness, ids);
  TestWorker& special = harness.Connect({.worker_id = "special", .capabilities = {"GPU"}});
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), IsEmpty());
  // The other way round it leaves the special host.
  special.CloseStream();
  harness.Connect({.worker_id = "third", .capabilities = {}});
  holder.Update([](WorkerSpec& spec) { spec.capabilities = {"GPU"}; });
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), ElementsAre(ids[3], ids[2]));
}

TEST(RecallTest, NoMoreThanAHandlerOfTheOtherTakes) {
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(8);
  TestWorker& holder = Holder(harness, ids);
  harness.Connect({.worker_id = "other", .types = {"work", "else"}, .max_concurrency = 1});
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), ElementsAre(ids[7]));
}

TEST(RecallTest, NoMoreThanTheOtherHasSlots) {
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(10);
  TestWorker& holder = Holder(harness, ids);
  holder.Update([](WorkerSpec& spec) { spec.slots = 1; });
  harness.Connect({.worker_id = "other", .slots = 3});
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), ElementsAre(ids[9], ids[8], ids[7]));
}

TEST(RecallTest, WhatHasBegunHasBegunThoughALaterBeatForgetsIt) {
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  TestWorker& holder = Holder(harness, ids);
  for (size_t i = 1; i < ids.size(); ++i) holder.Start(ids[i]);
  holder.Beat();
  for (const TaskId id : ids) holder.Queue(id);
  harness.Connect({.worker_id = "other"});
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), IsEmpty());
}

TEST(RecallTest, NothingIsCalledBackForOneThatIsAsFull) {
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(10);
  TestWorker& holder = Holder(harness, ids);
  const std::vector<TaskId> rest = harness.SubmitMany(20);
  TestWorker& other = harness.Connect({.worker_id = "other"});
  EXPECT_EQ(other.running().size(), 10u);
  other.Succeed(rest[0]);  // It has the next one at once.
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), IsEmpty());
}

TEST(RecallTest, WhatIsPausedBeforeItBeginsGoesBackAndWaits) {  // B57
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  TestWorker& holder = Holder(harness, ids);
  ASSERT_TRUE(harness.PauseTask(ids[2]).ok());
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), ElementsAre(ids[2]));
  ASSERT_TRUE(harness.PauseType("work").ok());
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), ElementsAre(ids[3], ids[2], ids[1])) << "but not the one that runs";
  EXPECT_TRUE(holder.Release(ids[1]).ok());
  EXPECT_EQ(harness.StateOf(ids[1]), LiveState::PENDING);
  EXPECT_THAT(holder.running(), UnorderedElementsAre(ids[0], ids[2], ids[3]));
  ASSERT_TRUE(harness.PauseType("work", false).ok());
  EXPECT_TRUE(holder.Runs(ids[1]));
}

TEST(RecallTest, AWorkerThatDrainsGivesBackByItself) {
  EngineHarness harness;
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  TestWorker& holder = Holder(harness, ids);
  harness.Connect({.worker_id = "other"});
  ASSERT_TRUE(harness.DrainWorker("holder").ok());
  holder.Beat();
  EXPECT_THAT(TakeRecalled(holder), IsEmpty());
}

}  // namespace
}  // namespace baton::engine::testing
