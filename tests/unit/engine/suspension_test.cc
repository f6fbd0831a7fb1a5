// Tasks that wait for a decision.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(SuspensionTest, SuspendedTaskWaitsForItsDecisionAndReadsIt) {  // B54, B79, B81, B165, B166, S98, S99
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const TaskId id = harness.Submit({.payload = "order 7"});
  EXPECT_THAT(worker.Suspend(id, "approval", "context"), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::SUSPENDED);
  EXPECT_EQ(harness.LogOf(id)[0].reason(), "approval");
  EXPECT_EQ(harness.engine().resident_tasks(), 0u) << "it holds no memory";
  const TaskId other = harness.Submit();
  EXPECT_TRUE(worker.Runs(other)) << "it holds no slot";
  worker.Succeed(other);
  harness.Advance(kHour);
  EXPECT_EQ(harness.StateOf(id), LiveState::SUSPENDED) << "it has no timeout";
  EXPECT_THAT(harness.Resume(id, "yes"), NoError());
  ASSERT_TRUE(worker.Runs(id));
  const Delivery& delivery = worker.DeliveryOf(id);
  EXPECT_EQ(delivery.stage, 1u);
  EXPECT_EQ(PayloadOf(delivery), "order 7");
  EXPECT_EQ(ContextOf(delivery), "context");
  EXPECT_EQ(DecisionOf(delivery), "yes");
  EXPECT_EQ(harness.LogOf(id)[1].actor(), "local");
}

TEST(SuspensionTest, DecisionAboutAnotherStageIsRefused) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Suspend(id, "approval");
  EXPECT_THAT(harness.Resume(id, "yes", 1), ErrorIs(absl::StatusCode::kFailedPrecondition, "STAGE_OVER"));
  EXPECT_THAT(harness.Resume(id, "yes", 0), NoError());
  worker.Suspend(id, "second approval");
  const Error repeated = harness.Resume(id, "yes", 0);
  EXPECT_THAT(repeated, ErrorIs(absl::StatusCode::kFailedPrecondition, "STAGE_OVER"));
  EXPECT_THAT(repeated.message, HasSubstr("waits at stage 1"));
  EXPECT_EQ(harness.StateOf(id), LiveState::SUSPENDED);
  EXPECT_THAT(harness.Resume(id, "yes", 1), NoError());
}

TEST(SuspensionTest, DecisionStaysForRetriesOfItsStageAndIsGoneAtTheNextOne) {  // B81, B155
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Suspend(id, "approval", "context");
  harness.Resume(id, "yes");
  worker.Fail(id);
  EXPECT_EQ(DecisionOf(worker.DeliveryOf(id)), "yes");
  worker.Suspend(id, "second approval");
  harness.Crash();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(harness.Resume(id), NoError());
  EXPECT_EQ(worker.DeliveryOf(id).stage, 2u);
  EXPECT_EQ(worker.DeliveryOf(id).failures, 0u);
  EXPECT_EQ(DecisionOf(worker.DeliveryOf(id)), "");
  EXPECT_EQ(ContextOf(worker.DeliveryOf(id)), "context") << "a context that is not set stays as it is";
}

TEST(SuspensionTest, SuspendAndResumeCostTwoKeys) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  worker.Succeed(harness.Submit());
  const TaskId id = harness.Submit();
  harness.TakeWrites();
  worker.Suspend(id, "approval", "context");
  harness.Resume(id, "yes");
  worker.Succeed(id);
  auto writes = harness.TakeWrites();
  writes[static_cast<size_t>(storage::Family::kJournal)] = 0;
  EXPECT_THAT(writes, ElementsAre(0, 1, 2, 0, 0, 0, 0, 0));
}

TEST(SuspensionTest, ResumeInAnyOtherStateIsRefusedByName) {  // B89, B160
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.types = {"work", "parent"}});
  const TaskId pending = harness.Submit({.delay = kHour});
  const TaskId running = harness.Submit();
  const TaskId completed = harness.Submit();
  worker.Succeed(completed);
  const TaskId waiting = harness.Submit({.type = "parent"});
  worker.Spawn(waiting, {{.type = "nobody"}, {.type = "nobody"}});
  for (const TaskId id : {pending, running, completed}) {
    EXPECT_THAT(harness.Resume(id), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_SUSPENDED"));
  }
  const Error error = harness.Resume(waiting);
  EXPECT_THAT(error, ErrorIs(absl::StatusCode::kFailedPrecondition, "WAITS_FOR_CHILDREN"));
  EXPECT_THAT(error.message, HasSubstr("2 children"));
  EXPECT_THAT(harness.Resume(4711), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_EQ(harness.StateOf(waiting), LiveState::WAITING);
}

TEST(SuspensionTest, RepeatedResumeIsRefusedAndTheFirstDecisionStays) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Suspend(id, "approval");
  EXPECT_THAT(harness.Resume(id, "yes"), NoError());
  EXPECT_THAT(harness.Resume(id, "no"), ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_SUSPENDED"));
  EXPECT_EQ(DecisionOf(worker.DeliveryOf(id)), "yes");
}

TEST(SuspensionTest, TwoResumesAtOnceDecideOnce) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Suspend(id, "approval");
  std::vector<Reply<ResumeCommand>> replies;
  for (const char* decision : {"yes", "no"}) {
    auto resume = std::make_unique<Tracked<ResumeCommand>>();
    resume->task = id;
    resume->step = DecisionStep(decision);
    resume->has_decision = true;
    replies.push_back(harness.Send(std::move(resume)));
  }
  harness.Settle();
  EXPECT_THAT(replies[0]->error, NoError());
  EXPECT_THAT(replies[1]->error, ErrorIs(absl::StatusCode::kFailedPrecondition, "NOT_SUSPENDED"));
  EXPECT_EQ(DecisionOf(worker.DeliveryOf(id)), "yes");
}

TEST(SuspensionTest, SuspendedChildKeepsItsParentWaiting) {  // B163
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.types = {"work", "parent"}});
  const TaskId parent = harness.Submit({.type = "parent"});
  worker.Spawn(parent, {{}});
  worker.Suspend(parent + 1, "approval");
  EXPECT_THAT(worker.running(), IsEmpty());
  harness.Resume(parent + 1);
  worker.Succeed(parent + 1);
  EXPECT_THAT(worker.running(), ElementsAre(parent));
}

}  // namespace
}  // namespace baton::engine::testing
