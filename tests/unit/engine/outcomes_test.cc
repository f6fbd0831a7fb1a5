// Outcomes that come late, twice, without content, or for the wrong attempt.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OutcomesTest, AttemptIsVoidAfterItsRetryBegan) {  // B194
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = kSecond}});
  const Outcome late = worker.MakeOutcome(id, Outcome::Kind::kSucceeded, ResultStep("late"));
  harness.Advance(kSecond);
  ASSERT_EQ(worker.AttemptOf(id).attempt, 2u);
  EXPECT_THAT(worker.Send(late), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING);
  EXPECT_THAT(worker.Succeed(id, "right"), NoError());
  EXPECT_THAT(worker.Send(late), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  EXPECT_EQ(harness.EndOf(id).result().data(), "right");
}

TEST(OutcomesTest, RepeatOfAnAcceptedOutcomeIsFineAndChangesNothing) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId done = harness.Submit();
  const TaskId failed = harness.Submit({.options = {.retry_interval = kHour}});
  const TaskId suspended = harness.Submit();
  const TaskId released = harness.Submit({.type = "work"});
  const std::vector<Outcome> outcomes = {
      worker.MakeOutcome(done, Outcome::Kind::kSucceeded, ResultStep("done")),
      worker.MakeOutcome(failed, Outcome::Kind::kFailed, ErrorStep("failed")),
      worker.MakeOutcome(suspended, Outcome::Kind::kSuspended, ContextStep("", "wait")),
      worker.MakeOutcome(released, Outcome::Kind::kReleased),
  };
  for (const Outcome& outcome : outcomes) EXPECT_THAT(worker.Send(outcome), NoError());
  const auto kinds = harness.KindsOf(released);
  for (int round = 0; round < 2; ++round) {
    for (const Outcome& outcome : outcomes) {
      EXPECT_THAT(worker.Send(outcome), NoError()) << "task " << outcome.attempt.task;
    }
    harness.Crash();
    EXPECT_THAT(worker.Hello(), NoError());
  }
  EXPECT_EQ(harness.StateOf(done), LiveState::COMPLETED);
  EXPECT_EQ(harness.StateOf(suspended), LiveState::SUSPENDED);
  EXPECT_EQ(harness.KindsOf(released), kinds);
}

TEST(OutcomesTest, RepeatIsFineWhenTheTaskHasGoneOnSince) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  Outcome failed = worker.MakeOutcome(id, Outcome::Kind::kFailed, ErrorStep("failed"));
  failed.retryable = true;
  EXPECT_THAT(worker.Send(failed), NoError());
  EXPECT_THAT(worker.Report(id, "second attempt reports"), NoError());
  EXPECT_THAT(worker.Send(failed), NoError());
  EXPECT_EQ(worker.AttemptOf(id).attempt, 2u);
  worker.Suspend(id, "wait");
  harness.Resume(id, "go");
  worker.Succeed(id);
  EXPECT_THAT(worker.Send(failed), NoError());
  Outcome other = failed;
  other.kind = Outcome::Kind::kSucceeded;
  EXPECT_THAT(worker.Send(other), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"))
      << "another outcome of the same attempt is no repeat";
}

TEST(OutcomesTest, SameOutcomeTwiceInOneCallIsARepeat) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  auto complete = std::make_unique<Tracked<CompleteCommand>>();
  complete->session = worker.session();
  complete->outcomes = {worker.MakeOutcome(id, Outcome::Kind::kSucceeded, ResultStep("a")),
                        worker.MakeOutcome(id, Outcome::Kind::kSucceeded, ResultStep("b"))};
  const auto reply = harness.Call(std::move(complete));
  EXPECT_THAT(reply->results[0], NoError());
  EXPECT_THAT(reply->results[1], NoError());
  EXPECT_EQ(harness.EndOf(id).result().data(), "a");
}

TEST(OutcomesTest, UnknownTaskIsNotFound) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  for (const TaskId id : {TaskId{0}, TaskId{77}}) {
    Outcome outcome;
    outcome.attempt = {id, 1};
    EXPECT_THAT(worker.Send(outcome), ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  }
}

TEST(OutcomesTest, OneBadOutcomeDoesNotHarmItsNeighbours) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  auto complete = std::make_unique<Tracked<CompleteCommand>>();
  complete->session = worker.session();
  Outcome unknown;
  unknown.attempt = {4711, 1};
  complete->outcomes = {worker.MakeOutcome(ids[0], Outcome::Kind::kSucceeded), unknown,
                        worker.MakeOutcome(ids[1], Outcome::Kind::kSucceeded)};
  const auto reply = harness.Call(std::move(complete));
  EXPECT_THAT(reply->results[0], NoError());
  EXPECT_THAT(reply->results[1], ErrorIs(absl::StatusCode::kNotFound, "TASK_NOT_FOUND"));
  EXPECT_THAT(reply->results[2], NoError());
}

TEST(OutcomesTest, OutcomeRefusedForItsContentLeavesTheAttemptRunning) {  // B74
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const TaskId id = harness.Submit();
  Outcome bad = worker.MakeOutcome(id, Outcome::Kind::kSucceeded);
  bad.error = InvalidArgument("MALFORMED_JSON", "result.json is not JSON");
  EXPECT_THAT(worker.Send(bad), ErrorIs(absl::StatusCode::kInvalidArgument, "MALFORMED_JSON"));
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING);
  Outcome final = bad;
  final.error = {};
  final.kind = Outcome::Kind::kFailed;
  final.step = ErrorStep("its result was refused");
  EXPECT_THAT(worker.Send(final), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
}

TEST(OutcomesTest, AttemptWhoseOutcomeWasRefusedIsTakenBackWhenItsWorkerIsLost) {  // B198
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  Outcome bad = worker.MakeOutcome(id, Outcome::Kind::kSucceeded);
  bad.error = InvalidArgument("MALFORMED_JSON", "result.json is not JSON");
  worker.Send(bad);
  worker.Kill();
  harness.Advance(2 * kSecond);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::INTERRUPTED));
  harness.Crash();
  EXPECT_EQ(harness.StateOf(id), LiveState::PENDING);
}

TEST(OutcomesTest, OutcomeWithoutASessionIsAccepted) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const TaskId id = harness.Submit();
  auto complete = std::make_unique<Tracked<CompleteCommand>>();
  complete->outcomes = {worker.MakeOutcome(id, Outcome::Kind::kSucceeded)};
  EXPECT_THAT(harness.Call(std::move(complete))->results[0], NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
  const TaskId next = harness.Submit();
  EXPECT_FALSE(worker.Runs(next));
  worker.Drop({id, 1});
  worker.Beat();
  EXPECT_TRUE(worker.Runs(next));
}

TEST(OutcomesTest, OutcomeThatWasNotAnsweredBeforeACrashIsSentAgain) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  const auto reply = worker.Post(worker.MakeOutcome(id, Outcome::Kind::kSucceeded, ResultStep("done")));
  harness.Round(/*commit=*/false);
  EXPECT_FALSE(reply.answered());
  harness.Crash();
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING) << "what was not committed did not happen";
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
  EXPECT_EQ(harness.EndOf(id).result().data(), "done");
}

TEST(OutcomesTest, NothingIsAnsweredOrDeliveredBeforeItIsCommitted) {  // B6
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const auto reply = harness.Send(MakeSubmit({{}}, "", harness.store(), harness.now()));
  harness.Round(/*commit=*/false);
  EXPECT_FALSE(reply.answered());
  EXPECT_THAT(worker.running(), IsEmpty());
  harness.Round();
  EXPECT_TRUE(reply.answered());
  EXPECT_TRUE(worker.Runs(reply->results[0].id));
}

// Found by the simulation: the repeat joined a look-up that had been asked for before the attempt ended.
TEST(OutcomesTest, RepeatIsAcceptedThoughSomebodyAskedForTheAttemptBeforeItBegan) {
  EngineHarness harness;
  const TaskId id = harness.Submit();
  harness.hold_loads = true;
  TestWorker& stranger = harness.NewWorker({.worker_id = "stranger", .types = {"other"}});
  stranger.Hello();
  Outcome early;
  early.attempt = {id, 1};
  const auto too_early = stranger.Post(early);
  harness.Round();
  EXPECT_FALSE(too_early.answered());
  TestWorker& worker = harness.Connect();
  ASSERT_TRUE(worker.Runs(id));
  const Outcome outcome = worker.MakeOutcome(id, Outcome::Kind::kSucceeded);
  EXPECT_THAT(worker.Send(outcome), NoError());
  const auto repeat = worker.Post(outcome);
  harness.Round();
  harness.hold_loads = false;
  harness.Settle();
  ASSERT_TRUE(repeat.answered());
  EXPECT_THAT(repeat->results.at(0), NoError());
}

}  // namespace
}  // namespace baton::engine::testing
