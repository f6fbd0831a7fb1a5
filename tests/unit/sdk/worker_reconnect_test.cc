// A worker whose stream closes, and what it does about it.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/worker_fixture.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class WorkerReconnectTest : public WorkerTest {
 protected:
  // Two handlers run; then the stream breaks.
  void BreakStreamWithTwoRunning() {
    Use("t", Blocking());
    StartAndWelcome();
    Deliver({MakeDelivery(1), MakeDelivery(2)});
    for (int i = 0; i < 2; ++i) running_.Take("a handler");
    Close(absl::UnavailableError("connection reset"));
  }
  v1::Hello Reconnect() {
    scheduler_->Advance(absl::Seconds(1));
    return AwaitHello();
  }
  // Leaves an attempt that nobody has any more but a hello: it was answered since then. Its handler was replaced, and
  // gives up the type "other" when it is destroyed.
  void LeaveAnAttemptToTheHello() {
    const std::shared_ptr<void> farewell(nullptr, [this](void*) { worker().Unuse({"other"}); });
    Use("t", [farewell](Task&) { return Outcome("r"); });
    Use("other", Blocking());
    Configure(1, 5);
    StartAndWelcome();
    Deliver({MakeDelivery(1), MakeDelivery(2, "other")});
    CompleteCall call = TakeComplete();
    running_.Take("the second handler, on the thread that has let go of the first attempt");
    Close(absl::UnavailableError("gone"));
    EXPECT_THAT(Reconnect().held_attempt_tokens(), UnorderedElementsAre(Token(1), Token(2)));
    Use("t", [](Task&) { return Outcome("new"); });
    call.Succeed(AllAccepted<v1::CompleteResponse>(1));
  }
};

TEST_F(WorkerReconnectTest, BeatsAtOnceWhenItsStreamCloses) {
  BreakStreamWithTwoRunning();
  auto beat = broker_->beats.Take("a beat without waiting for the interval");
  EXPECT_FALSE(beat.request.stream_open());
  EXPECT_EQ(beat.request.session(), 1);
  EXPECT_EQ(beat.request.last_delivery(), 2);
  EXPECT_EQ(beat.request.held_size(), 2);
}

TEST_F(WorkerReconnectTest, ComesBackToItsAttemptsAndDeliversTheirOutcomes) {
  BreakStreamWithTwoRunning();
  const v1::Hello hello = Reconnect();
  EXPECT_THAT(hello.held_attempt_tokens(), UnorderedElementsAre(Token(1), Token(2)));
  EXPECT_THAT(hello.held_types(), ElementsAre("t", "t"));
  EXPECT_EQ(hello.last_delivery(), 2);
  Welcome({v1::ATTEMPT_VERDICT_VALID, v1::ATTEMPT_VERDICT_VALID});
  broker_->beats.Take("the beat of the closed stream");
  scheduler_->Advance(absl::Seconds(3));
  const v1::HeartbeatRequest beat = broker_->beats.Take("a beat").request;
  EXPECT_EQ(beat.session(), 2);
  EXPECT_EQ(beat.number(), 1);
  EXPECT_EQ(beat.last_delivery(), 0) << "attempts kept by the verdict count as delivery 0";
  EXPECT_TRUE(beat.stream_open());
  release_.Notify();
  int outcomes = 0;
  while (outcomes < 2) {
    const v1::CompleteRequest request = AcceptComplete();
    EXPECT_EQ(request.session(), 2);
    for (const v1::Outcome& outcome : request.outcomes()) EXPECT_TRUE(outcome.has_succeeded());
    outcomes += request.outcomes_size();
  }
  EXPECT_TRUE(ShutDown().ok());
}

TEST_F(WorkerReconnectTest, VerdictsStopWhatIsOver) {
  BreakStreamWithTwoRunning();
  const v1::Hello hello = Reconnect();
  std::vector<v1::AttemptVerdict> verdicts;
  for (const std::string& token : hello.held_attempt_tokens()) {
    verdicts.push_back(token == Token(1) ? v1::ATTEMPT_VERDICT_OVER : v1::ATTEMPT_VERDICT_VALID);
  }
  Welcome(verdicts);
  const v1::CompleteRequest over = AcceptComplete();
  ASSERT_EQ(over.outcomes_size(), 1);
  EXPECT_EQ(over.outcomes(0).attempt_token(), Token(1));
  EXPECT_TRUE(over.outcomes(0).has_cancelled()) << "its result is not wanted";
  release_.Notify();
  EXPECT_EQ(AcceptComplete().outcomes(0).attempt_token(), Token(2));
}

TEST_F(WorkerReconnectTest, OutcomesAreTriedWithoutAStreamToo) {
  BreakStreamWithTwoRunning();
  release_.Notify();
  EXPECT_EQ(TakeComplete().request.session(), 1);
}

TEST_F(WorkerReconnectTest, AnUnansweredOutcomeKeepsItsAttemptInTheHello) {
  Use("t", [](Task&) { return Outcome("r"); });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  CompleteCall call = TakeComplete();
  Close(absl::UnavailableError("gone"));
  EXPECT_THAT(Reconnect().held_attempt_tokens(), ElementsAre(Token(1)));
  Welcome({v1::ATTEMPT_VERDICT_VALID});
  call.Fail(absl::UnavailableError("gone"));
  scheduler_->Advance(absl::Seconds(3));
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "r");
}

TEST_F(WorkerReconnectTest, ALostWelcomeMayHaveBegunASessionWithNumbersOfItsOwn) {
  BreakStreamWithTwoRunning();
  EXPECT_EQ(Reconnect().last_delivery(), 2);
  Close(absl::UnavailableError("connection reset"));
  const v1::Hello hello = Reconnect();
  EXPECT_EQ(hello.last_delivery(), 0);
  EXPECT_THAT(hello.held_attempt_tokens(), UnorderedElementsAre(Token(1), Token(2)));
  Welcome({v1::ATTEMPT_VERDICT_VALID, v1::ATTEMPT_VERDICT_VALID});
  Deliver({MakeDelivery(3)});
  running_.Take("the third handler");
  Close(absl::UnavailableError("connection reset"));
  EXPECT_EQ(Reconnect().last_delivery(), 3) << "of the session that the last welcome has begun";
}

TEST_F(WorkerReconnectTest, ABeatFreesTheSlotOfWhatWasAnsweredBetweenHelloAndWelcome) {
  Use("t", [](Task&) { return Outcome("r"); });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  CompleteCall call = TakeComplete();
  Close(absl::UnavailableError("gone"));
  broker_->beats.Take("the beat of the closed stream");
  EXPECT_THAT(Reconnect().held_attempt_tokens(), ElementsAre(Token(1)));
  call.Succeed(AllAccepted<v1::CompleteResponse>(1));
  EXPECT_TRUE(broker_->beats.empty()) << "there is no new session yet";
  Welcome({v1::ATTEMPT_VERDICT_VALID});
  const v1::HeartbeatRequest beat = broker_->beats.Take("a beat without waiting for the interval").request;
  EXPECT_EQ(beat.session(), 2);
  EXPECT_EQ(beat.held_size(), 0);
}

TEST_F(WorkerReconnectTest, WhatAHandlerHoldsMayCallTheWorkerWhenAWelcomeLetsGoOfIt) {
  LeaveAnAttemptToTheHello();
  // Fails if it never gets to the end of it.
  Welcome({v1::ATTEMPT_VERDICT_VALID, v1::ATTEMPT_VERDICT_VALID});
  EXPECT_EQ(worker().Unuse({"other"}), 0) << "it was given up";
}

TEST_F(WorkerReconnectTest, WhatAHandlerHoldsMayCallTheWorkerWhenAClosedStreamLetsGoOfIt) {
  LeaveAnAttemptToTheHello();
  // Fails if it never gets to the end of it.
  Close(absl::UnavailableError("gone again"));
  EXPECT_EQ(worker().Unuse({"other"}), 0) << "it was given up";
}

TEST_F(WorkerReconnectTest, ABeatFreesTheSlotOfWhatWasAnsweredUnderTheOldSession) {
  Use("t", [](Task&) { return Outcome("r"); });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  CompleteCall call = TakeComplete();
  Close(absl::UnavailableError("gone"));
  broker_->beats.Take("the beat of the closed stream");
  Reconnect();
  Welcome({v1::ATTEMPT_VERDICT_VALID});
  EXPECT_TRUE(broker_->beats.empty()) << "the attempt is held";
  call.Succeed(AllAccepted<v1::CompleteResponse>(1));
  const v1::HeartbeatRequest beat = broker_->beats.Take("a beat without waiting for the interval").request;
  EXPECT_EQ(beat.session(), 2);
  EXPECT_EQ(beat.held_size(), 0);
}

TEST_F(WorkerReconnectTest, TriesForAsLongAsItTakesAndWarnsOnce) {  // B108, S2
  Start();
  for (int i = 0; i < 30; ++i) {
    Close(absl::UnavailableError("connection refused"));
    EXPECT_TRUE(broker_->opened.empty()) << "before the backoff is over";
    scheduler_->Advance(absl::Seconds(3));
    AwaitHello();
  }
  EXPECT_EQ(log_.TakeAll().size(), 2) << "one about the connection, one about the lack of handlers";
  EXPECT_TRUE(broker_->beats.empty()) << "there is no session to beat for";
}

TEST_F(WorkerReconnectTest, AStreamWithoutWelcomeIsGivenUp) {
  Start();
  scheduler_->Advance(absl::Seconds(15));
  broker_->cancelled.Take("the end of the silent stream");
  Close(absl::CancelledError("as asked"));
  scheduler_->Advance(absl::Seconds(1));
  AwaitHello();
}

TEST_F(WorkerReconnectTest, RefusalsEndTheWorker) {
  Start();
  Close(absl::InvalidArgumentError("hello.worker_id: too long"));
  EXPECT_THAT(std::string(AwaitResult().message()), HasSubstr("too long"));
}

TEST_F(WorkerReconnectTest, ATakenWorkerIdIsWaitedForUntilItsHolderMustBeGone) {
  Start();
  const absl::Status taken = absl::AlreadyExistsError("WORKER_ID_IN_USE");
  Close(taken);
  for (int i = 0; i < 6; ++i) {
    scheduler_->Advance(absl::Seconds(3));
    AwaitHello();
    Close(taken);
  }
  scheduler_->Advance(absl::Seconds(3));
  AwaitHello();
  Close(taken);
  EXPECT_TRUE(absl::IsAlreadyExists(AwaitResult()));
}

TEST_F(WorkerReconnectTest, GoesToAnotherBrokerWhenTold) {
  StartAndWelcome();
  v1::ClaimResponse message;
  message.mutable_order()->mutable_reconnect()->set_address("other:1");
  Say(message);
  const NewAddress other = broker_->addresses.Take("the new address");
  EXPECT_EQ(other.address, "other:1");
  EXPECT_TRUE(other.stay_encrypted);
  broker_->cancelled.Take("the end of the stream");
  Close(absl::CancelledError("as asked"));
  Reconnect();
}

TEST_F(WorkerReconnectTest, MessagesOfAnOldStreamAreIgnored) {
  StartAndWelcome();
  const auto observer = broker_->observer();
  Close(absl::UnavailableError("gone"));
  scheduler_->Advance(absl::Seconds(1));
  AwaitHello();
  v1::ClaimResponse old;
  old.mutable_order()->mutable_superseded();
  observer->OnClaimMessage(/*stream=*/1, old);
  Welcome();
  EXPECT_TRUE(ShutDown().ok());
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
