// Attempts that take too long, and a broker process that stood still.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TimeoutsTest, AttemptThatTakesTooLongFailsAndIsRetried) {  // B50, B76, B118, B124, B261
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = 10 * kSecond, .max_retries = 2}});
  harness.Advance(10 * kSecond - 1);
  EXPECT_EQ(harness.LogOf(id).size(), 0u);
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::TIMED_OUT));
  EXPECT_THAT(harness.LogOf(id)[0].error(), HasSubstr("timed out: attempt 1 took longer than 10s"));
  EXPECT_EQ(worker.AttemptOf(id).attempt, 2u);
  worker.Drop({id, 1});
  harness.Advance(10 * kSecond);
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_EQ(harness.EndOf(id).kind(), Step::TIMED_OUT);
}

TEST(TimeoutsTest, TimeOfAPrefetchedAttemptCountsFromTheStartOfItsHandler) {  // B118
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = 10 * kSecond}});
  worker.Queue(id);
  harness.Advance(30 * kSecond);
  EXPECT_EQ(worker.AttemptOf(id).attempt, 1u);
  worker.Start(id);
  harness.Advance(10 * kSecond - 1);
  EXPECT_THAT(harness.KindsOf(id), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::TIMED_OUT));
}

TEST(TimeoutsTest, HandlersThatIgnoreTheirTimeoutKeepTheirSlots) {  // B112
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 2, .handler_options = {.timeout = kSecond, .max_retries = 1}});
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  harness.Advance(kMinute);  // With many beats that list both.
  EXPECT_THAT(worker.running(), ElementsAre(ids[0], ids[1]));
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::FAILED);
  EXPECT_EQ(harness.StateOf(ids[2]), LiveState::PENDING);
  EXPECT_EQ(harness.Workers().at(0).slots_taken, 2u);
  EXPECT_EQ(harness.Workers().at(0).attempts, 0u);
  // A late outcome is refused, but it frees the slot; a handler that just returns frees it with the next beat.
  EXPECT_THAT(worker.Succeed(ids[0]), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  EXPECT_THAT(worker.running(), ElementsAre(ids[1], ids[2]));
  worker.Drop({ids[1], 1});
  EXPECT_FALSE(worker.Runs(ids[3]));
  worker.Beat();
  EXPECT_TRUE(worker.Runs(ids[3]));
}

TEST(TimeoutsTest, WorkerIsToldThatAnAttemptIsOver) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = kSecond, .max_retries = 1}});
  harness.Advance(kSecond);
  worker.told_over.clear();
  worker.Beat();
  EXPECT_THAT(worker.told_over, ElementsAre(AttemptId{id, 1}));
  EXPECT_THAT(worker.told_cancelled, IsEmpty());
}

TEST(TimeoutsTest, PauseOfTheProcessExtendsTimeoutsLeasesAndGrace) {
  EngineHarness harness;
  TestWorker& timed = harness.Connect({.worker_id = "timed"});
  const TaskId id = harness.Submit({.options = {.timeout = 10 * kSecond}});
  TestWorker& gone = harness.Connect({.worker_id = "gone", .types = {"other"}});
  const TaskId other = harness.Submit({.type = "other"});
  timed.Beat();  // From here on it is known when the handler started.
  gone.CloseStream();
  gone.Freeze();
  harness.Advance(800 * kMillisecond);
  harness.Pause(kHour);
  harness.Settle();
  EXPECT_THAT(harness.KindsOf(id), IsEmpty()) << "an hour in which nobody could answer is not held against them";
  EXPECT_THAT(harness.KindsOf(other), IsEmpty());
  // It would have been woken 500 ms after the last round: only what came later is a pause.
  harness.Advance(200 * kMillisecond - 1);
  EXPECT_THAT(harness.KindsOf(other), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(other), ElementsAre(Step::INTERRUPTED));
  harness.Advance(9 * kSecond);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::TIMED_OUT));
  EXPECT_EQ(timed.AttemptOf(id).attempt, 2u);
}

TEST(TimeoutsTest, SleepingOnPurposeIsNoPause) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = 10 * kSecond, .max_retries = 1}});
  harness.Advance(20 * kSecond);
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_EQ(harness.EndOf(id).time_us(), kStart + 10 * kSecond);
  EXPECT_TRUE(worker.open());
}

TEST(TimeoutsTest, DueTimesAreNotExtendedByAPause) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  harness.Submit();  // Keeps a lease armed.
  const TaskId id = harness.Submit({.delay = kMinute});
  harness.Pause(kMinute);
  harness.Settle();
  EXPECT_TRUE(worker.Runs(id));
}

TEST(TimeoutsTest, NothingExpiresInARoundThatHasNotSeenAllInput) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = kSecond}});
  harness.Advance(kSecond - 1);
  harness.clock().AdvanceBoth(1);
  harness.engine().BeginRound(harness.clock().Read());
  harness.engine().FinishRound(false);
  EXPECT_THAT(worker.Succeed(id), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
}

// A round every half second, as there is while a commit takes long: none of them is late.
TEST(TimeoutsTest, TimeStandsStillWhileTheDiskStalls) {
  EngineSettings settings;
  settings.beat_window = 9 * kSecond;
  EngineHarness harness(settings);
  TestWorker& timed = harness.Connect({.worker_id = "timed"});
  const TaskId id = harness.Submit({.options = {.timeout = 2 * kSecond}});
  timed.Beat();  // From here on it is known when the handler started.
  TestWorker& gone = harness.Connect({.worker_id = "gone", .types = {"other"}});
  const TaskId other = harness.Submit({.type = "other"});
  gone.CloseStream();
  gone.Freeze();
  TestWorker& silent = harness.Connect({.worker_id = "silent", .types = {"third"}});
  const TaskId third = harness.Submit({.type = "third"});
  silent.Freeze();
  harness.Advance(kSecond);
  for (int rounds = 0; rounds < 20; ++rounds) {
    harness.clock().AdvanceBoth(500 * kMillisecond);
    harness.engine().BeginRound(harness.clock().Read(), /*disk_stalls=*/true);
    harness.engine().FinishRound(true);
  }
  harness.Settle();
  for (const TaskId each : {id, other, third}) EXPECT_THAT(harness.KindsOf(each), IsEmpty()) << each;
  // Each has what was left of its time.
  harness.Advance(500 * kMillisecond - 1);
  EXPECT_THAT(harness.KindsOf(other), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(other), ElementsAre(Step::INTERRUPTED));
  harness.Advance(500 * kMillisecond - 1);
  EXPECT_THAT(harness.KindsOf(id), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::TIMED_OUT));
  harness.Advance(7 * kSecond - 1);
  EXPECT_THAT(harness.KindsOf(third), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(third), ElementsAre(Step::INTERRUPTED));
}

// Nothing times out before its worker can have come back and told how long its handlers have run.
TEST(TimeoutsTest, RemainingTimeoutSurvivesARestart) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId done = harness.Submit({.options = {.timeout = 5 * kSecond}});
  const TaskId over = harness.Submit({.options = {.timeout = 6 * kSecond}});
  const TaskId runs = harness.Submit({.options = {.timeout = 12 * kSecond}});
  harness.Advance(4 * kSecond);
  worker.Freeze();
  harness.Crash();
  harness.Advance(5 * kSecond);
  for (const TaskId id : {done, over, runs}) EXPECT_THAT(harness.KindsOf(id), IsEmpty()) << id;
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.Succeed(done), NoError()) << "it may have been done in time";
  EXPECT_TRUE(worker.Beat());
  EXPECT_THAT(harness.KindsOf(over), ElementsAre(Step::TIMED_OUT));
  harness.Advance(3 * kSecond - 1);
  EXPECT_THAT(harness.KindsOf(runs), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(runs), ElementsAre(Step::TIMED_OUT));
}

TEST(TimeoutsTest, WorkerThatDoesNotComeBackAfterARestartCostsItsTaskNoAttempt) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = 10 * kSecond, .max_retries = 1}});
  harness.Advance(6 * kSecond);
  worker.Freeze();
  harness.Crash();
  harness.Advance(harness.settings().beat_window - 1);
  EXPECT_THAT(harness.KindsOf(id), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::INTERRUPTED));
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
}

TEST(TimeoutsTest, WallClockThatJumpedWhileTheBrokerWasDownNeverLengthensATimeout) {  // B3, B120
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId brief = harness.Submit({.options = {.timeout = 10 * kSecond}});
  const TaskId lengthy = harness.Submit({.options = {.timeout = 18 * kSecond}});
  worker.Freeze();
  harness.clock().AdvanceWall(-kDay);
  harness.Crash();
  EXPECT_EQ(harness.Workers().size(), 1u);
  harness.Advance(5 * kSecond);
  EXPECT_THAT(worker.Hello(), NoError());
  worker.Freeze();  // It does not tell for how long its handlers have run.
  harness.Advance(10 * kSecond - 1);
  EXPECT_THAT(harness.KindsOf(brief), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(brief), ElementsAre(Step::TIMED_OUT)) << "the beat window is over";
  harness.Advance(3 * kSecond - 1);
  EXPECT_THAT(harness.KindsOf(lengthy), IsEmpty());
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(lengthy), ElementsAre(Step::TIMED_OUT));
}

}  // namespace
}  // namespace baton::engine::testing
