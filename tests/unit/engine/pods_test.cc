// Pods: of two workers with the same pod id the one with the higher generation replaces the other.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

WorkerSpec Pod(const std::string& name, uint64_t generation) {
  return {.worker_id = name, .instance_id = name, .pod_id = "pod", .pod_generation = generation};
}

TEST(PodsTest, NewerGenerationTakesTheAttemptsOfTheOlderOne) {  // B91, B190, B196, S136, S145, S148
  EngineHarness harness;
  TestWorker& old = harness.Connect(Pod("old", 1));
  const TaskId id = harness.Submit();
  TestWorker& young = harness.Connect(Pod("young", 2));
  EXPECT_EQ(young.AttemptOf(id).attempt, 2u);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::INTERRUPTED));
  ASSERT_EQ(old.orders.size(), 1u);
  EXPECT_EQ(old.orders[0].kind, Order::Kind::kSuperseded);
  EXPECT_EQ(old.orders[0].text, "young");
  EXPECT_THAT(old.Succeed(id), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  young.Update([](WorkerSpec& spec) { spec.slots = 0; });
  harness.Submit();
  EXPECT_THAT(old.running(), IsEmpty()) << "a superseded worker gets nothing more";
  old.CloseStream();
  EXPECT_EQ(harness.Workers().size(), 1u);
}

TEST(PodsTest, OlderGenerationIsRefusedWhileANewerOneIsConnected) {  // B190, B195, S140, S150
  EngineHarness harness;
  TestWorker& young = harness.Connect(Pod("young", 2));
  const Error error = harness.NewWorker(Pod("old", 1)).Hello();
  EXPECT_THAT(error, ErrorIs(absl::StatusCode::kFailedPrecondition, "SUPERSEDED"));
  EXPECT_THAT(error.message, HasSubstr("generation 2"));
  young.Kill();
  EXPECT_THAT(harness.NewWorker(Pod("old", 1)).Hello(), NoError());
}

TEST(PodsTest, OlderGenerationInItsGraceIsReplacedAtOnce) {
  EngineHarness harness;
  TestWorker& old = harness.Connect(Pod("old", 1));
  const TaskId id = harness.Submit();
  old.Kill();
  TestWorker& young = harness.Connect(Pod("young", 2));
  EXPECT_EQ(young.AttemptOf(id).attempt, 2u);
  EXPECT_EQ(harness.Workers().size(), 1u);
}

TEST(PodsTest, OlderGenerationFromBeforeACrashIsReplacedAtOnce) {
  EngineHarness harness;
  harness.Connect(Pod("old", 1));
  const TaskId id = harness.Submit();
  harness.Crash();
  EXPECT_EQ(harness.Connect(Pod("young", 2)).AttemptOf(id).attempt, 2u);
}

TEST(PodsTest, OtherPodsAreNotTouched) {  // S136
  EngineHarness harness;
  TestWorker& other = harness.Connect({.worker_id = "other", .instance_id = "other", .pod_id = "another pod"});
  const TaskId id = harness.Submit();
  harness.Connect(Pod("young", 2));
  EXPECT_EQ(other.AttemptOf(id).attempt, 1u);
  EXPECT_THAT(other.orders, IsEmpty());
}

}  // namespace
}  // namespace baton::engine::testing
