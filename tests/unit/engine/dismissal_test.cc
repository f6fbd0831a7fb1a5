// Workers that an operator has leave.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DismissalTest, AWorkerIsToldOnceAndGetsNothingNew) {
  EngineHarness harness;
  TestWorker& leaving = harness.Connect({.worker_id = "leaving"});
  const TaskId running = harness.Submit();
  EXPECT_THAT(harness.DrainWorker("leaving"), NoError());
  EXPECT_THAT(harness.DrainWorker("leaving"), NoError()) << "a repeat";
  ASSERT_THAT(leaving.orders, SizeIs(1));
  EXPECT_EQ(leaving.orders[0].kind, Order::Kind::kDismiss);
  EXPECT_EQ(leaving.orders[0].text, "its host is retired");
  EXPECT_TRUE(harness.Workers().at(0).draining);
  const TaskId waiting = harness.Submit();
  EXPECT_EQ(harness.StateOf(waiting), LiveState::PENDING);
  EXPECT_THAT(leaving.Succeed(running), NoError());
  EXPECT_EQ(harness.StateOf(running), LiveState::COMPLETED) << "what it holds it finishes";
  EXPECT_EQ(harness.StateOf(waiting), LiveState::PENDING);
  TestWorker& other = harness.Connect({.worker_id = "other"});
  EXPECT_TRUE(other.Runs(waiting));
}

TEST(DismissalTest, AWorkerThatNobodyKnowsOrThatHasLeftIsNotFound) {
  EngineHarness harness;
  EXPECT_THAT(harness.DrainWorker("nobody"), ErrorIs(absl::StatusCode::kNotFound, "WORKER_NOT_FOUND"));
  TestWorker& worker = harness.Connect();
  EXPECT_THAT(harness.DrainWorker("worker"), NoError());
  worker.CloseStream();
  EXPECT_THAT(harness.DrainWorker("worker"), ErrorIs(absl::StatusCode::kNotFound, "WORKER_NOT_FOUND"));
}

TEST(DismissalTest, AProcessThatComesBackIsToldAgain) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  EXPECT_THAT(harness.DrainWorker("worker"), NoError());
  worker.CloseStream();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.orders, SizeIs(2));
  const TaskId id = harness.Submit();
  EXPECT_FALSE(worker.Runs(id));
}

TEST(DismissalTest, OneWhoseStreamIsClosedIsToldWhenItIsBack) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.CloseStream();
  EXPECT_THAT(harness.DrainWorker("worker"), NoError());
  EXPECT_THAT(worker.orders, IsEmpty());
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.orders, SizeIs(1));
  EXPECT_TRUE(worker.Runs(id));
  EXPECT_THAT(worker.Succeed(id), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
}

TEST(DismissalTest, AnotherProcessOfTheSameNameIsWelcome) {
  EngineHarness harness;
  TestWorker& before = harness.Connect();
  EXPECT_THAT(harness.DrainWorker("worker"), NoError());
  before.Kill();
  TestWorker& after = harness.Connect({.instance_id = "second"});
  EXPECT_THAT(after.orders, IsEmpty());
  const TaskId id = harness.Submit();
  EXPECT_TRUE(after.Runs(id));
}

TEST(DismissalTest, IsForgottenByARestartOfTheBroker) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  EXPECT_THAT(harness.DrainWorker("worker"), NoError());
  harness.Crash();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_TRUE(worker.Runs(id));
  EXPECT_THAT(worker.orders, SizeIs(1));
  EXPECT_TRUE(worker.Runs(harness.Submit()));
}

TEST(DismissalTest, ItsTypesAreNotRunnableAnyMore) {
  EngineHarness harness;
  harness.Connect();
  EXPECT_TRUE(harness.SubmitCall({TaskSpec{}})->results.at(0).runnable);
  EXPECT_THAT(harness.DrainWorker("worker"), NoError());
  EXPECT_FALSE(harness.SubmitCall({TaskSpec{}})->results.at(0).runnable);
}

}  // namespace
}  // namespace baton::engine::testing
