// Workers that are lost, come back, or are replaced.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(WorkersTest, AttemptsOfAClosedStreamGoToOthersAfterTheGrace) {  // B91, B187, B191, B192, B261, S137
  EngineHarness harness;
  TestWorker& lost = harness.Connect({.worker_id = "lost"});
  const TaskId id = harness.Submit({.options = {.max_retries = 1}});
  TestWorker& other = harness.Connect({.worker_id = "other"});
  lost.Kill();
  harness.Advance(1500 * kMillisecond - 1);
  EXPECT_FALSE(other.Runs(id));
  harness.Advance(1);
  ASSERT_TRUE(other.Runs(id));
  EXPECT_EQ(other.AttemptOf(id).attempt, 2u);
  EXPECT_EQ(other.DeliveryOf(id).failures, 0u) << "a lost worker costs no retry";
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::INTERRUPTED));
  EXPECT_THAT(harness.LogOf(id)[0].error(), HasSubstr("'lost' closed its stream"));
  EXPECT_EQ(harness.LogOf(id)[0].attempt().worker(), "lost");
  EXPECT_EQ(harness.Workers().size(), 1u);
}

TEST(WorkersTest, SameInstanceBackInTimeKeepsItsAttempts) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.CloseStream();
  harness.Advance(kSecond);
  const SessionNumber before = worker.session();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_NE(worker.session(), before);
  EXPECT_THAT(worker.verdicts, ElementsAre(Pair(AttemptId{id, 1}, Verdict::kValid)));
  harness.Advance(10 * kSecond);
  EXPECT_THAT(worker.Succeed(id), NoError());
  EXPECT_EQ(harness.StateOf(id), LiveState::COMPLETED);
}

TEST(WorkersTest, BeatThatSaysTheStreamIsClosedDisarmsTheGrace) {  // B188, S144
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.CloseStream();
  EXPECT_TRUE(worker.Beat());
  worker.Freeze();
  harness.Advance(15 * kSecond - 1);
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING);
  harness.Advance(1);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::INTERRUPTED));
  EXPECT_FALSE(worker.Beat()) << "its session is gone: it has to say hello again";
}

TEST(WorkersTest, BeatThatStillBelievesInTheStreamDoesNotDisarmTheGrace) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  auto closed = std::make_unique<Tracked<StreamClosedCommand>>();
  closed->session = worker.session();
  harness.Call(std::move(closed));
  EXPECT_TRUE(worker.Beat());
  harness.Advance(1500 * kMillisecond);
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::INTERRUPTED));
}

TEST(WorkersTest, SilentWorkerLosesItsAttemptsAfterTheBeatWindow) {  // B77, B119, B191, B250, S45, S136, S139, S146
  EngineHarness harness;
  TestWorker& frozen = harness.Connect({.worker_id = "frozen", .slots = 1});
  const TaskId id = harness.Submit();
  TestWorker& other = harness.Connect({.worker_id = "other"});
  frozen.Freeze();
  harness.Advance(15 * kSecond - 1);
  EXPECT_FALSE(other.Runs(id));
  harness.Advance(1);
  EXPECT_TRUE(other.Runs(id));
  // Its stream is still open: it gets nothing until it beats, and its late outcome is refused.
  other.Update([](WorkerSpec& spec) { spec.slots = 1; });
  const TaskId next = harness.Submit();
  EXPECT_EQ(harness.StateOf(next), LiveState::PENDING);
  frozen.Thaw();
  EXPECT_THAT(frozen.Succeed(id), ErrorIs(absl::StatusCode::kAborted, "ATTEMPT_OVER"));
  EXPECT_FALSE(frozen.Runs(next));
  EXPECT_TRUE(frozen.Beat());
  EXPECT_TRUE(frozen.Runs(next));
}

TEST(WorkersTest, WorkerThatBeatsKeepsALongAttempt) {  // B115
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit({.options = {.timeout = kHour}});
  harness.Advance(10 * kMinute);
  EXPECT_EQ(worker.AttemptOf(id).attempt, 1u);
  EXPECT_THAT(worker.Succeed(id), NoError());
}

TEST(WorkersTest, WorkerWhoseConnectionIsBehindGetsNothingUntilItHasCaughtUp) {
  EngineHarness harness;
  TestWorker& slow = harness.Connect({.worker_id = "slow"});
  const TaskId before = harness.Submit();
  const auto tell = [&](bool behind) {
    auto pace = std::make_unique<Tracked<PaceCommand>>();
    pace->session = slow.session();
    pace->behind = behind;
    harness.Call(std::move(pace));
  };
  tell(true);
  const TaskId waiting = harness.Submit();
  EXPECT_EQ(harness.StateOf(waiting), LiveState::PENDING);
  // What it has is its own, and others get what it does not.
  EXPECT_THAT(slow.Succeed(before), NoError());
  EXPECT_EQ(harness.StateOf(waiting), LiveState::PENDING);
  TestWorker& other = harness.Connect({.worker_id = "other", .slots = 1});
  EXPECT_TRUE(other.Runs(waiting));
  const TaskId next = harness.Submit();
  EXPECT_EQ(harness.StateOf(next), LiveState::PENDING);
  tell(false);
  EXPECT_TRUE(slow.Runs(next));
}

TEST(WorkersTest, AttemptThatABeatDoesNotListIsTakenBackAtOnce) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Drop({id, 1});
  worker.Beat();
  EXPECT_THAT(harness.KindsOf(id), ElementsAre(Step::INTERRUPTED));
  EXPECT_EQ(worker.AttemptOf(id).attempt, 2u);
}

TEST(WorkersTest, BeatJudgesOnlyDeliveriesThatHadArrived) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  auto beat = std::make_unique<Tracked<HeartbeatCommand>>();
  beat->session = worker.session();
  beat->instance_id = "instance";
  beat->number = 1;
  beat->stream_open = true;
  beat->last_delivery = 0;  // Captured before the delivery came.
  const TaskId id = harness.Submit();
  harness.Call(std::move(beat));
  EXPECT_THAT(harness.KindsOf(id), IsEmpty());
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING);
}

TEST(WorkersTest, OlderBeatIsIgnoredAndAForeignOneIsSentToReconnect) {  // S140
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  worker.Beat();
  worker.Beat();
  for (const bool foreign : {false, true}) {
    auto beat = std::make_unique<Tracked<HeartbeatCommand>>();
    beat->session = worker.session();
    beat->instance_id = foreign ? "somebody" : "instance";
    beat->number = foreign ? 9 : 1;
    beat->last_delivery = 1;
    EXPECT_EQ(harness.Call(std::move(beat))->reconnect, foreign);
  }
  EXPECT_EQ(harness.StateOf(id), LiveState::RUNNING);
  EXPECT_THAT(harness.KindsOf(id), IsEmpty());
}

TEST(WorkersTest, HelloWithoutAnAttemptInterruptsWhatHadArrivedAndReleasesWhatHadNot) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId arrived = harness.Submit();
  const TaskId lost = harness.Submit();
  worker.CloseStream();
  auto hello = std::make_unique<Tracked<HelloCommand>>();
  hello->worker_id = "worker";
  hello->instance_id = "instance";
  hello->last_delivery = 1;
  EXPECT_THAT(harness.Call(std::move(hello))->error, NoError());
  EXPECT_THAT(harness.KindsOf(arrived), ElementsAre(Step::INTERRUPTED));
  EXPECT_THAT(harness.KindsOf(lost), ElementsAre(Step::RELEASED));
}

TEST(WorkersTest, AnotherInstanceWithTheIdOfAConnectedWorkerIsRefused) {  // B187
  EngineHarness harness;
  TestWorker& first = harness.Connect();
  const TaskId id = harness.Submit();
  TestWorker& second = harness.NewWorker({.instance_id = "second"});
  const Error error = second.Hello();
  EXPECT_THAT(error, ErrorIs(absl::StatusCode::kAlreadyExists, "WORKER_ID_IN_USE"));
  EXPECT_THAT(error.message, HasSubstr("'worker'"));
  EXPECT_TRUE(first.Runs(id));
  EXPECT_THAT(harness.KindsOf(id), IsEmpty());
}

TEST(WorkersTest, AnotherInstanceTakesOverAtOnceWhenTheStreamIsClosed) {  // B189
  EngineHarness harness;
  TestWorker& first = harness.Connect();
  const TaskId id = harness.Submit();
  first.Kill();
  TestWorker& second = harness.Connect({.instance_id = "second"});
  EXPECT_EQ(second.AttemptOf(id).attempt, 2u);
  EXPECT_THAT(harness.LogOf(id)[0].error(), HasSubstr("restarted"));
  EXPECT_EQ(harness.Workers().size(), 1u);
}

TEST(WorkersTest, ReconnectOfTheSameInstanceBeforeTheOldStreamBrokeKeepsItsAttempts) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId id = harness.Submit();
  const SessionNumber old = worker.session();
  EXPECT_THAT(worker.Hello(), NoError());
  auto closed = std::make_unique<Tracked<StreamClosedCommand>>();
  closed->session = old;
  harness.Call(std::move(closed));
  harness.Advance(kMinute / 2);
  EXPECT_EQ(worker.AttemptOf(id).attempt, 1u);
  EXPECT_THAT(worker.Succeed(id), NoError());
}

TEST(WorkersTest, HandlersListedByAHelloTakeSlotsWhateverTheVerdict) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 2, .handler_options = {.timeout = kSecond, .max_retries = 1}});
  const TaskId over = harness.Submit();
  harness.Advance(kSecond);
  const TaskId cancelled = harness.Submit();
  harness.Cancel(cancelled);
  worker.CloseStream();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.verdicts,
              ElementsAre(Pair(AttemptId{over, 1}, Verdict::kOver), Pair(AttemptId{cancelled, 1}, Verdict::kOver)))
      << "the session had nothing valid, so it was forgotten";
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  EXPECT_EQ(worker.handlers(), 2u);
  worker.Drop({over, 1});
  worker.Beat();
  EXPECT_TRUE(worker.Runs(ids[0]));
  EXPECT_FALSE(worker.Runs(ids[1]));
}

TEST(WorkersTest, TaskThatKillsItsWorkersEnds) {  // B192
  EngineHarness harness;
  TestWorker* worker = &harness.Connect();
  const TaskId id = harness.Submit();
  for (int lost = 1; lost <= 10; ++lost) {
    worker->Kill();
    worker = &harness.Connect({.instance_id = std::to_string(lost)});
    ASSERT_EQ(worker->AttemptOf(id).attempt, lost + 1u);
  }
  worker->Kill();
  harness.Advance(2 * kSecond);
  EXPECT_EQ(harness.StateOf(id), LiveState::FAILED);
  EXPECT_EQ(harness.EndOf(id).kind(), Step::INTERRUPTED);
  EXPECT_EQ(harness.EndOf(id).after().interruptions(), 11u);
}

TEST(WorkersTest, WorkerReturnsToItsAttemptsAfterACrashOfTheBroker) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 3});
  const std::vector<TaskId> ids = harness.SubmitMany(3);
  worker.Drop({ids[2], 1});
  harness.Crash();
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::RUNNING);
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_THAT(worker.verdicts,
              ElementsAre(Pair(AttemptId{ids[0], 1}, Verdict::kValid), Pair(AttemptId{ids[1], 1}, Verdict::kValid)));
  EXPECT_EQ(worker.AttemptOf(ids[2]).attempt, 2u);
  EXPECT_THAT(harness.KindsOf(ids[2]), ElementsAre(Step::INTERRUPTED));
  for (const TaskId id : ids) EXPECT_THAT(worker.Succeed(id), NoError());
}

TEST(WorkersTest, WorkerThatDoesNotComeBackAfterACrashIsLostAfterTheBeatWindow) {  // B198
  EngineHarness harness;
  TestWorker& lost = harness.Connect({.worker_id = "lost"});
  const TaskId id = harness.Submit();
  harness.Crash();
  lost.Freeze();
  TestWorker& other = harness.Connect({.worker_id = "other"});
  harness.Advance(15 * kSecond - 1);
  EXPECT_FALSE(other.Runs(id));
  harness.Advance(1);
  EXPECT_TRUE(other.Runs(id));
}

TEST(WorkersTest, AnotherInstanceTakesOverAtOnceAfterACrashOfTheBroker) {
  EngineHarness harness;
  harness.Connect();
  const TaskId id = harness.Submit();
  harness.Crash();
  TestWorker& second = harness.Connect({.instance_id = "second"});
  EXPECT_EQ(second.AttemptOf(id).attempt, 2u);
}

TEST(WorkersTest, OutcomeSentBeforeTheWorkerCameBackFreesItsSlot) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 1});
  const TaskId id = harness.Submit();
  const TaskId next = harness.Submit();
  auto complete = std::make_unique<Tracked<CompleteCommand>>();
  complete->session = worker.session();
  complete->outcomes.push_back(worker.MakeOutcome(id, Outcome::Kind::kSucceeded));
  const AttemptId attempt = worker.AttemptOf(id);
  worker.CloseStream();
  EXPECT_THAT(worker.Hello(), NoError());
  ASSERT_NE(worker.session(), complete->session);
  worker.Drop(attempt);
  EXPECT_THAT(harness.Call(std::move(complete))->results.at(0), NoError());
  EXPECT_TRUE(worker.Runs(next)) << "without waiting for a beat";
}

TEST(WorkersTest, ListShowsSlotsAttemptsAndTheAgeOfTheLastSign) {  // B18, B45, B199, S42
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 4, .capabilities = {"GPU"}});
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  worker.Freeze();
  harness.Advance(5 * kSecond);
  const std::vector<WorkerView> workers = harness.Workers();
  ASSERT_EQ(workers.size(), 1u);
  EXPECT_EQ(workers[0].worker_id, "worker");
  EXPECT_TRUE(workers[0].connected);
  EXPECT_EQ(workers[0].slots_taken, 2u);
  EXPECT_EQ(workers[0].attempts, 2u);
  EXPECT_EQ(workers[0].last_seen_age, 5 * kSecond);
  EXPECT_THAT(workers[0].tasks, ElementsAre(ids[0], ids[1]));
}

TEST(WorkersTest, AListTellsNoMoreThanAPage) {  // B199
  EngineHarness harness;
  for (const char* name : {"a", "b", "c"}) harness.Connect({.worker_id = name});
  const std::vector<WorkerView> all = harness.Workers();
  ASSERT_EQ(all.size(), 3u);
  const auto page = [&harness](SessionNumber after, size_t most, size_t most_bytes, bool more) {
    auto command = std::make_unique<Tracked<ListWorkersCommand>>();
    command->after = after;
    command->most = most;
    command->most_bytes = most_bytes;
    const auto reply = harness.Call(std::move(command));
    EXPECT_EQ(reply->more, more);
    std::vector<std::string> names;
    for (const WorkerView& view : reply->workers) names.push_back(view.worker_id);
    return names;
  };
  constexpr size_t kManyBytes = 1 << 20;
  EXPECT_THAT(page(0, 2, kManyBytes, true), ElementsAre("a", "b"));
  EXPECT_THAT(page(all[1].session, 2, kManyBytes, false), ElementsAre("c"));
  EXPECT_THAT(page(all[0].session, 2, kManyBytes, false), ElementsAre("b", "c")) << "as many as there are";
  EXPECT_THAT(page(all[2].session, 2, kManyBytes, false), IsEmpty());
  EXPECT_THAT(page(0, 3, 1, true), ElementsAre("a")) << "one, however few bytes it may have";
}

}  // namespace
}  // namespace baton::engine::testing
