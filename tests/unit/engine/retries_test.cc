// Failures, retries, budgets, releases.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;

TEST(RetriesTest, FailedTaskIsRetriedAtOnceByDefaultUntilItsAttemptsAreUsedUp) {  // B29, B49, B83, B121, B125, S40
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  EXPECT_THAT(worker.Fail(id, "first"), NoError());
  EXPECT_EQ(worker.AttemptOf(id).attempt, 2u);
  EXPECT_EQ(worker.DeliveryOf(id).failures, 1u);
  EXPECT_THAT(worker.Fail(id, "second"), NoError());
  EXPECT_THAT(worker.Fail(id, "third"), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::FAILED, Step::FAILED, Step::FAILED));
  EXPECT_EQ(harness.LogOf(id)[0].error(), "first");
  EXPECT_EQ(harness.EndOf(id).error(), "third");
  EXPECT_EQ(harness.EndOf(id).attempt().number(), 3u);
}

TEST(RetriesTest, EachFailedAttemptCostsOneKey) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  worker.Succeed(harness.Submit());
  const TaskId id = harness.Submit();
  harness.TakeWrites();
  worker.Fail(id);
  worker.Fail(id);
  worker.Succeed(id);
  const auto writes = harness.TakeWrites();
  EXPECT_EQ(writes[static_cast<size_t>(storage::Family::kLog)], 2u);
  EXPECT_EQ(writes[static_cast<size_t>(storage::Family::kEnd)], 1u);
  EXPECT_EQ(writes[static_cast<size_t>(storage::Family::kMeta)], 0u);
}

TEST(RetriesTest, FinalFailureIsNotRetried) {  // B51, B255
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  EXPECT_THAT(worker.FailFinally(id, "bad payload"), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_EQ(harness.EndOf(id).error(), "bad payload");
}

TEST(RetriesTest, FixedDelayIsKeptBeforeEachRetry) {  // B30, B123
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.retry_interval = 7 * kSecond}});
  for (int retry = 1; retry <= 2; ++retry) {
    EXPECT_THAT(worker.Fail(id), NoError());
    EXPECT_EQ(harness.EntryOf(id).due, harness.now() + 7 * kSecond);
    harness.Advance(7 * kSecond - 1);
    EXPECT_FALSE(worker.Runs(id));
    harness.Advance(1);
    EXPECT_TRUE(worker.Runs(id));
  }
  EXPECT_EQ(harness.LogOf(id)[1].due_us(), harness.now());
}

TEST(RetriesTest, ExponentialDelayDoublesUpToItsCapWithinTheJitter) {  // B254
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.max_retries = 10,
                                                .retry_interval = kSecond,
                                                .retry_backoff = Backoff::kExponential,
                                                .retry_interval_cap = 5 * kSecond,
                                                .retry_jitter = 0.5}});
  for (const Micros expected : {kSecond, 2 * kSecond, 4 * kSecond, 5 * kSecond, 5 * kSecond}) {
    EXPECT_THAT(worker.Fail(id), NoError());
    EXPECT_THAT(harness.EntryOf(id).due - harness.now(), AllOf(Gt(expected / 2), Le(expected)));
    harness.Advance(expected);
    ASSERT_TRUE(worker.Runs(id));
  }
}

TEST(RetriesTest, RetryDelaySurvivesACrash) {  // B123
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.retry_interval = kMinute}});
  worker.Fail(id);
  const WallMicros due = harness.EntryOf(id).due;
  harness.Crash();
  EXPECT_EQ(harness.EntryOf(id).due, due);
  EXPECT_THAT(worker.Hello(), NoError());
  harness.Advance(kMinute - 1);
  EXPECT_FALSE(worker.Runs(id));
  harness.Advance(1);
  EXPECT_EQ(worker.AttemptOf(id).attempt, 2u);
}

TEST(RetriesTest, RetryMeetsAnyWorkerAndKeepsPayloadAndBudget) {
  EngineHarness harness;
  TestWorker& first = harness.Connect({.worker_id = "first"});
  const TaskId id = harness.Submit({.payload = "data", .options = {.retry_interval = kSecond}});
  first.Fail(id);
  first.Kill();
  TestWorker& second = harness.Connect({.worker_id = "second", .handler_options = {.max_retries = 50}});
  harness.Advance(kSecond);
  ASSERT_TRUE(second.Runs(id));
  EXPECT_EQ(PayloadOf(second.DeliveryOf(id)), "data");
  EXPECT_EQ(second.DeliveryOf(id).max_retries, 3);
}

TEST(RetriesTest, ReleaseCostsNothingAndIsHandedOutAgainAtOnce) {  // B209
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.max_retries = 1}});
  for (int i = 0; i < 20; ++i) EXPECT_THAT(worker.Release(id), NoError());
  ASSERT_TRUE(worker.Runs(id));
  EXPECT_EQ(worker.AttemptOf(id).attempt, 21u);
  EXPECT_EQ(worker.DeliveryOf(id).failures, 0u);
  EXPECT_EQ(harness.LogOf(id).back().after().interruptions(), 0u);
  EXPECT_THAT(worker.Succeed(id), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
}

TEST(RetriesTest, CancelledOutcomeOfATaskThatWasNotCancelledIsARelease) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  EXPECT_THAT(worker.Send(worker.MakeOutcome(id, Outcome::Kind::kCancelled)), NoError());
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::RELEASED));
  EXPECT_THAT(worker.AttemptOf(id).attempt, 2u);
}

TEST(RetriesTest, CheckpointsAreKeptInOrderAndCostNoAttempt) {  // B212, S5
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  EXPECT_THAT(worker.Report(id, "read"), NoError());
  EXPECT_THAT(worker.Report(id, "written"), NoError());
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::REPORTED, Step::REPORTED));
  EXPECT_EQ(harness.LogOf(id)[1].checkpoints(0).code(), "written");
  EXPECT_EQ(harness.LogOf(id)[1].attempt().number(), 1u);
  worker.Fail(id);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::REPORTED, Step::REPORTED, Step::FAILED));
}

TEST(RetriesTest, ReportOfAnAttemptThatIsOverIsRefused) {  // B216
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  ASSERT_THAT(harness.Cancel(id), NoError());
  EXPECT_THAT(worker.Report(id, "read"), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  EXPECT_THAT(worker.Report(99, "read"), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::CANCELLED));
}

}  // namespace
}  // namespace baton::engine::testing
