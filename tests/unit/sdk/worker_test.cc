// A worker that runs tasks: deliveries, outcomes, orders, beats.
#include <atomic>
#include <stdexcept>
#include <system_error>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/worker_fixture.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(WorkerTest, SaysHelloWithAllItIs) {  // B172
  identity_.pod_id = "pod";
  identity_.pod_generation = 9;
  Use("t", [](Task&) { return Outcome(); });
  Configure(3, 2);
  const v1::Hello hello = Start();
  EXPECT_EQ(hello.protocol_version(), 1);
  EXPECT_EQ(hello.worker_id(), "w");
  EXPECT_EQ(hello.instance_id(), "instance");
  EXPECT_EQ(hello.pod_id(), "pod");
  EXPECT_EQ(hello.pod_generation(), 9);
  EXPECT_EQ(hello.worker().slots(), 5);
  EXPECT_EQ(hello.worker().handlers_size(), 1);
  EXPECT_EQ(hello.held_attempt_tokens_size(), 0);
  EXPECT_THAT(hello.client(), HasSubstr("baton-cpp/"));
  Welcome();
  EXPECT_TRUE(ShutDown().ok());
}

TEST_F(WorkerTest, RunsATaskAndReportsItsResult) {
  Use("t", [](Task& task) { return "Hello, " + task.payload().bytes(); });
  StartAndWelcome();
  v1::Delivery delivery = MakeDelivery(1);
  delivery.mutable_payload()->set_data("world");
  Deliver({delivery});
  const v1::CompleteRequest request = AcceptComplete();
  EXPECT_EQ(request.session(), 1);
  ASSERT_EQ(request.outcomes_size(), 1);
  EXPECT_EQ(request.outcomes(0).attempt_token(), Token(1));
  EXPECT_EQ(request.outcomes(0).succeeded().result().data(), "Hello, world");
  EXPECT_TRUE(ShutDown().ok());
}

TEST_F(WorkerTest, WhateverIsThrownIsARetryableFailure) {  // B8, B74, B113
  Use("exception", [](Task&) -> Outcome { throw std::runtime_error("broken pipe"); });
  Use("number", [](Task&) -> Outcome { throw 42; });
  Use("not-text", [](Task&) -> Outcome { throw std::runtime_error("bytes \xFF\xFE"); });
  Use("empty", [](Task&) -> Outcome { throw std::runtime_error(""); });
  StartAndWelcome();
  const std::pair<const char*, const char*> table[] = {{"exception", "broken pipe"},
                                                       {"number", "not a std::exception"},
                                                       {"not-text", "bytes ??"},
                                                       {"empty", "failed without a message"}};
  uint64_t number = 0;
  for (const auto& [type, text] : table) {
    Deliver({MakeDelivery(++number, type)});
    const v1::CompleteRequest request = AcceptComplete();
    EXPECT_TRUE(request.outcomes(0).failed().retryable()) << type;
    EXPECT_THAT(request.outcomes(0).failed().error(), HasSubstr(text)) << type;
  }
}

TEST_F(WorkerTest, WhatTheSystemHasNoThreadForRunsWhenItHasOneAgain) {
  auto refuses = std::make_shared<std::atomic<bool>>(true);
  start_thread_ = [refuses](std::function<void()> body) {
    if (*refuses) throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    StartDetachedThread(std::move(body));
  };
  Use("t", [](Task&) { return Outcome("late"); });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  scheduler_->Advance(absl::Seconds(3));
  EXPECT_THAT(log_.Take("a word about it"), HasSubstr("no thread"));
  scheduler_->Advance(absl::Seconds(3));
  EXPECT_TRUE(log_.empty()) << "it is told once";
  EXPECT_TRUE(broker_->completes.empty());
  *refuses = false;
  scheduler_->Advance(absl::Seconds(3));
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "late");
  EXPECT_TRUE(ShutDown().ok());
}

TEST_F(WorkerTest, OutcomesThatComeWhileACallIsUnderWayLeaveTogether) {
  Use("t", [this](Task& task) {
    running_.Push(task.id());
    return Outcome();
  });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  CompleteCall first = TakeComplete();
  Deliver({MakeDelivery(2), MakeDelivery(3), MakeDelivery(4)});
  // Beats list what is held: when all three have started, their handlers return at once, one by one.
  for (int i = 0; i < 4; ++i) running_.Take("a handler");
  EXPECT_TRUE(broker_->completes.empty());
  first.Succeed(AllAccepted<v1::CompleteResponse>(1));
  int rest = 0;
  while (rest < 3) rest += AcceptComplete().outcomes_size();
  EXPECT_EQ(rest, 3);
}

TEST_F(WorkerTest, RetriesACompleteUntilTheBrokerTakesIt) {
  Use("t", [](Task&) { return Outcome("r"); });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  for (int i = 0; i < 5; ++i) {
    TakeComplete().Fail(absl::UnavailableError("gone"));
    EXPECT_TRUE(broker_->completes.empty()) << "before the backoff is over";
    scheduler_->Advance(absl::Seconds(3));
  }
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "r");
}

TEST_F(WorkerTest, BeatsTellWhatIsHeld) {  // B115
  Use("t", Blocking());
  Configure(1, 1);
  StartAndWelcome();
  scheduler_->Advance(absl::Seconds(3));
  auto beat = broker_->beats.Take("a beat");
  EXPECT_EQ(beat.request.session(), 1);
  EXPECT_EQ(beat.request.instance_id(), "instance");
  EXPECT_EQ(beat.request.number(), 1);
  EXPECT_TRUE(beat.request.stream_open());
  EXPECT_EQ(beat.request.last_delivery(), 0);
  beat.Succeed();
  Deliver({MakeDelivery(1), MakeDelivery(2)});
  EXPECT_EQ(running_.Take("the first handler"), 101);
  scheduler_->Advance(absl::Seconds(3));
  beat = broker_->beats.Take("a beat");
  EXPECT_EQ(beat.request.number(), 2);
  EXPECT_EQ(beat.request.last_delivery(), 2);
  ASSERT_EQ(beat.request.held_size(), 2);
  for (const v1::HeldAttempt& held : beat.request.held()) {
    EXPECT_EQ(held.has_running_us(), held.attempt_token() == Token(1));
    EXPECT_EQ(held.running_us(), held.has_running_us() ? 3'000'000 : 0);
  }
}

TEST_F(WorkerTest, BeatsFollowTheIntervalOfTheWelcome) {  // B188
  Start();
  Welcome({}, /*beat_interval_us=*/500'000);
  for (int i = 1; i <= 4; ++i) {
    scheduler_->Advance(absl::Milliseconds(500));
    auto beat = broker_->beats.Take("a beat");
    EXPECT_EQ(beat.request.number(), i);
    beat.Succeed();
    EXPECT_TRUE(broker_->beats.empty());
  }
}

TEST_F(WorkerTest, AnIdleWorkerLeavesTimeForASecondBeatInTheBeatWindow) {  // S151
  Use("t", Blocking());
  Start();
  Welcome({}, /*beat_interval_us=*/3'000'000, /*beat_window_us=*/15'000'000);
  scheduler_->Advance(absl::Seconds(3));
  broker_->beats.Take("the first beat").Succeed();
  for (int i = 0; i < 2; ++i) {
    scheduler_->Advance(absl::Seconds(3));
    EXPECT_TRUE(broker_->beats.empty());
  }
  scheduler_->Advance(absl::Seconds(3));
  broker_->beats.Take("the next one").Fail(absl::UnavailableError("lost"));
  scheduler_->Advance(absl::Seconds(3));
  broker_->beats.Take("another one, since that was not heard").Succeed();
  Deliver({MakeDelivery(1)});
  EXPECT_EQ(running_.Take("the handler"), 101);
  for (int i = 0; i < 2; ++i) {
    scheduler_->Advance(absl::Seconds(3));
    broker_->beats.Take("a beat of a busy worker").Succeed();
  }
}

TEST_F(WorkerTest, ABeatAnswerStopsHandlers) {
  Use("t", Blocking());
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  running_.Take("the handler");
  scheduler_->Advance(absl::Seconds(3));
  v1::HeartbeatResponse response;
  response.add_cancelled(Token(1));
  broker_->beats.Take("a beat").Succeed(response);
  // The handler returned although the test did not release it; what it returned is of no interest.
  EXPECT_TRUE(AcceptComplete().outcomes(0).has_cancelled());
}

TEST_F(WorkerTest, ABrokerThatDoesNotKnowTheSessionGetsANewHello) {  // B195, S144, S151
  StartAndWelcome();
  scheduler_->Advance(absl::Seconds(3));
  v1::HeartbeatResponse response;
  response.set_reconnect(true);
  broker_->beats.Take("a beat").Succeed(response);
  broker_->cancelled.Take("the end of the stream");
  Close(absl::CancelledError("as asked"));
  scheduler_->Advance(absl::Seconds(1));
  AwaitHello();
}

TEST_F(WorkerTest, ACancelOrderStopsRunningAndUnstartedAttempts) {
  Use("t", Blocking());
  Configure(1, 5);
  StartAndWelcome();
  Deliver({MakeDelivery(1), MakeDelivery(2), MakeDelivery(3)});
  running_.Take("the first handler");
  v1::ClaimResponse message;
  message.mutable_order()->mutable_cancel()->set_reason("wrong file");
  message.mutable_order()->mutable_cancel()->add_attempt_tokens(Token(1));
  message.mutable_order()->mutable_cancel()->add_attempt_tokens(Token(2));
  Say(message);
  std::vector<std::string> cancelled;
  while (cancelled.size() < 2) {
    const v1::CompleteRequest request = AcceptComplete();
    for (const v1::Outcome& outcome : request.outcomes()) {
      EXPECT_TRUE(outcome.has_cancelled());
      cancelled.push_back(outcome.attempt_token());
    }
  }
  EXPECT_THAT(cancelled, UnorderedElementsAre(Token(1), Token(2)));
  EXPECT_EQ(running_.Take("the third handler"), 103) << "the second one was never started";
}

TEST_F(WorkerTest, ARecallGivesBackOnlyWhatHasNotStarted) {
  Use("t", Blocking());
  Configure(1, 5);
  StartAndWelcome();
  Deliver({MakeDelivery(1), MakeDelivery(2), MakeDelivery(3)});
  running_.Take("the first handler");
  v1::ClaimResponse message;
  for (int i : {1, 2}) message.mutable_order()->mutable_recall()->add_attempt_tokens(Token(i));
  Say(message);
  const v1::CompleteRequest request = AcceptComplete();
  ASSERT_EQ(request.outcomes_size(), 1);
  EXPECT_EQ(request.outcomes(0).attempt_token(), Token(2));
  EXPECT_TRUE(request.outcomes(0).has_released());
  release_.Notify();
  EXPECT_TRUE(AcceptComplete().outcomes(0).has_succeeded());
}

TEST_F(WorkerTest, ANewerGenerationEndsTheWorker) {  // B196
  Use("t", Blocking());
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  running_.Take("the handler");
  v1::ClaimResponse message;
  message.mutable_order()->mutable_superseded()->set_by_instance_id("other");
  Say(message);
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("instance other"));
}

TEST_F(WorkerTest, TheDeadlineOfAnAttemptCountsFromTheStartOfItsHandler) {  // B75, B111, S92
  Inbox<bool> seen;
  Inbox<bool> ask;
  Use("t", [&](Task& task) {
    for (int i = 0; i < 3; ++i) {
      ask.Take("a question");
      seen.Push(task.cancelled());
    }
    return Outcome();
  });
  StartAndWelcome();
  v1::Delivery delivery = MakeDelivery(1);
  delivery.set_timeout_us(10'000'000);
  Deliver({delivery});
  ask.Push(true);
  EXPECT_FALSE(seen.Take("an answer"));
  scheduler_->Advance(absl::Microseconds(9'999'999));
  ask.Push(true);
  EXPECT_FALSE(seen.Take("an answer"));
  scheduler_->Advance(absl::Microseconds(1));
  ask.Push(true);
  EXPECT_TRUE(seen.Take("an answer"));
}

TEST_F(WorkerTest, AnAttemptOfATypeWithoutHandlerIsGivenBack) {  // B110
  StartAndWelcome();
  Deliver({MakeDelivery(1, "unknown")});
  EXPECT_TRUE(AcceptComplete().outcomes(0).has_released());
}

TEST_F(WorkerTest, RunsOnlyOnce) {  // B172
  Use("t", [](Task&) { return Outcome(); });
  StartAndWelcome();
  EXPECT_TRUE(absl::IsFailedPrecondition(worker().Run()));
  EXPECT_TRUE(ShutDown().ok());
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
