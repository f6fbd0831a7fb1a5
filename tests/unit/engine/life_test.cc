// The plain life of a task: submitted, handed out, completed; and the order in which tasks are handed out.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

size_t At(const std::array<size_t, storage::kFamilyCount>& writes, storage::Family family) {
  return writes[static_cast<size_t>(family)];
}

TEST(LifeTest, SubmittedTaskIsDeliveredAndCompleted) {  // B47, B71, B72, S33, S35
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.payload = "hello"});
  ASSERT_TRUE(worker.Runs(id));
  const Delivery& delivery = worker.DeliveryOf(id);
  EXPECT_EQ(delivery.attempt.attempt, 1u);
  EXPECT_EQ(delivery.type, "work");
  EXPECT_EQ(PayloadOf(delivery), "hello");
  EXPECT_EQ(delivery.root, id);
  EXPECT_EQ(delivery.parent, 0u);
  EXPECT_EQ(delivery.timeout, harness.settings().defaults.timeout);
  EXPECT_EQ(delivery.max_retries, harness.settings().defaults.max_retries);
  EXPECT_EQ(delivery.handler_version, 1u);
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING);

  EXPECT_THAT(worker.Succeed(id, "world"), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
  const Step end = harness.EndOf(id);
  EXPECT_EQ(end.kind(), Step::SUCCEEDED);
  EXPECT_EQ(end.result().data(), "world");
  EXPECT_EQ(end.attempt().number(), 1u);
  EXPECT_EQ(end.attempt().worker(), "worker");
  EXPECT_EQ(end.attempt().claimed_us(), kStart);
  EXPECT_THAT(harness.LogOf(id), IsEmpty());
}

TEST(LifeTest, LifeThatSucceedsAtFirstTryCostsTwoKeysBesideTheJournal) {  // B71
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 100});
  worker.Succeed(harness.Submit());  // Class, options, session and type are stored once.
  harness.TakeWrites();
  const std::vector<TaskId> ids = harness.SubmitMany(100);
  const auto submitted = harness.TakeWrites();
  EXPECT_EQ(At(submitted, storage::Family::kTask), 100u);
  EXPECT_EQ(At(submitted, storage::Family::kJournal), 1u) << "submit and claim go by the same commit";
  auto complete = std::make_unique<Tracked<CompleteCommand>>();
  complete->session = worker.session();
  for (const TaskId id : ids) {
    complete->outcomes.push_back(worker.MakeOutcome(id, Outcome::Kind::kSucceeded, ResultStep("done")));
  }
  const auto reply = harness.Call(std::move(complete));
  for (const Error& error : reply->results) EXPECT_THAT(error, NoError());
  const auto ended = harness.TakeWrites();
  EXPECT_EQ(At(ended, storage::Family::kEnd), 100u);
  EXPECT_EQ(At(ended, storage::Family::kJournal), 1u);
  for (const storage::Family family : {storage::Family::kLog, storage::Family::kKey, storage::Family::kMeta}) {
    EXPECT_EQ(At(submitted, family) + At(ended, family), 0u) << "family " << static_cast<int>(family);
  }
}

TEST(LifeTest, TaskOfUnknownTypeWaitsUntilAWorkerCanRunIt) {  // B46, B56, B99, B251, S117
  EngineHarness harness;
  const auto reply = harness.SubmitCall({{.type = "new"}});
  const TaskId id = reply->results.at(0).id;
  EXPECT_FALSE(reply->results.at(0).runnable);
  harness.Connect({.worker_id = "other"});
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
  TestWorker& worker = harness.Connect({.types = {"new"}});
  EXPECT_TRUE(worker.Runs(id));
  EXPECT_TRUE(harness.SubmitCall({{.type = "new"}})->results.at(0).runnable);
}

TEST(LifeTest, DelayedTaskIsHandedOutWhenItIsDue) {  // B17
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId delayed = harness.Submit({.delay = 10 * kSecond});
  const TaskId dated = harness.Submit({.due = kStart + 20 * kSecond});
  harness.Advance(10 * kSecond - 1);
  EXPECT_THAT(worker.running(), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(worker.running(), ElementsAre(delayed));
  harness.Advance(10 * kSecond);
  EXPECT_THAT(worker.running(), ElementsAre(delayed, dated));
  worker.Succeed(delayed);
  EXPECT_EQ(harness.EndOf(delayed).attempt().ready_us(), kStart + 10 * kSecond);
}

TEST(LifeTest, DueTimeFollowsTheWallClock) {  // B3
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.delay = kHour});
  harness.clock().AdvanceWall(kHour);
  harness.Settle();
  EXPECT_TRUE(worker.Runs(id));
}

TEST(LifeTest, LargerPriorityComesFirstThenEarlierDueThenSmallerId) {  // B100, S13, S24
  EngineHarness harness;
  const TaskId plain = harness.Submit();
  const TaskId second = harness.Submit();
  const TaskId low = harness.Submit({.options = {.priority = -20}});
  const TaskId high = harness.Submit({.type = "other", .options = {.priority = 20}});
  harness.clock().AdvanceBoth(kSecond);
  const TaskId later = harness.Submit();
  const TaskId old = harness.Submit({.due = 1});  // The past is now.
  TestWorker& worker = harness.Connect({.types = {"other", "work"}});
  EXPECT_THAT(worker.TakeDelivered(), ElementsAre(high, plain, second, later, old, low));
}

TEST(LifeTest, WorkerGetsNoMoreThanItsSlotsAndTheNextOneWhenOneIsFree) {  // B107, B253
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 2});
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  EXPECT_THAT(worker.running(), ElementsAre(ids[0], ids[1]));
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  EXPECT_THAT(worker.running(), ElementsAre(ids[1], ids[2]));
  worker.Update([](WorkerSpec& spec) { spec.slots = 0; });
  EXPECT_THAT(worker.Succeed(ids[1]), NoError());
  EXPECT_THAT(worker.running(), ElementsAre(ids[2]));
  worker.Update([](WorkerSpec& spec) { spec.slots = 5; });
  EXPECT_THAT(worker.running(), ElementsAre(ids[2], ids[3]));
}

TEST(LifeTest, TypeAddedOnTheOpenStreamIsServedAndARemovedOneIsNot) {  // B105, S43
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId extra = harness.Submit({.type = "extra"});
  worker.Update([](WorkerSpec& spec) { spec.types = {"extra"}; });
  EXPECT_THAT(worker.running(), ElementsAre(extra));
  harness.Submit({.type = "work"});
  EXPECT_THAT(worker.running(), ElementsAre(extra));
}

TEST(LifeTest, ItemRefusedByTheDecoderLeavesItsNeighboursAlone) {
  EngineHarness harness;
  auto submit = MakeSubmit({{}, {}, {}}, "", harness.store(), harness.now());
  submit->tasks[1].error = InvalidArgument("BAD_TYPE", "tasks[1].type is empty");
  const auto reply = harness.Call(std::move(submit));
  EXPECT_THAT(reply->results[0].error, NoError());
  EXPECT_THAT(reply->results[1].error, ErrorIs(absl::StatusCode::kInvalidArgument, "BAD_TYPE"));
  EXPECT_EQ(reply->results[1].id, 0u);
  EXPECT_EQ(reply->results[2].id, reply->results[0].id + 1);
}

TEST(LifeTest, CapableWorkerIsNotFilledWithPlainWork) {  // B249
  EngineHarness harness;
  TestWorker& gpu = harness.Connect({.worker_id = "gpu", .slots = 2, .capabilities = {"GPU"}});
  TestWorker& plain = harness.Connect({.worker_id = "plain", .slots = 2});
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  EXPECT_THAT(plain.running(), ElementsAre(ids[0], ids[1]));
  const TaskId special = harness.Submit({.options = {.required_capabilities = Capabilities{"GPU"}}});
  EXPECT_THAT(gpu.running(), ElementsAre(special));
  const TaskId overflow = harness.Submit();
  EXPECT_TRUE(gpu.Runs(overflow));
}

TEST(LifeTest, DrainTellsWorkersHandsOutNothingAndEndsWithTheLastAttempt) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  auto drain = std::make_unique<Tracked<DrainCommand>>();
  drain->reason = "shutting down";
  const auto reply = harness.Call(std::move(drain));
  EXPECT_FALSE(reply.answered());
  ASSERT_EQ(worker.orders.size(), 1u);
  EXPECT_EQ(worker.orders[0].kind, Order::Kind::kDrain);
  EXPECT_EQ(worker.orders[0].text, "shutting down");
  EXPECT_FALSE(harness.SubmitCall({{}})->results[0].runnable);
  EXPECT_THAT(harness.NewWorker({.worker_id = "late"}).Hello(), ErrorIs(absl::StatusCode::kUnavailable, "DRAINING"));
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  EXPECT_TRUE(reply.answered());
  EXPECT_THAT(worker.running(), IsEmpty());
}

TEST(LifeTest, RepeatedDrainEndsWithTheFirst) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  const auto first = harness.Call(std::make_unique<Tracked<DrainCommand>>());
  const auto again = harness.Call(std::make_unique<Tracked<DrainCommand>>());
  EXPECT_FALSE(first.answered());
  EXPECT_FALSE(again.answered());
  EXPECT_EQ(worker.orders.size(), 1u) << "told once";
  EXPECT_THAT(worker.Succeed(id), NoError());
  EXPECT_TRUE(first.answered());
  EXPECT_TRUE(again.answered());
}

}  // namespace
}  // namespace baton::engine::testing
