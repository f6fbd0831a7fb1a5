// The last words of a worker that leaves, and what crosses them on the way.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/worker_fixture.h"
#include "worker_sdk/src/make_status.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::ElementsAre;

class WorkerGoodbyeTest : public WorkerTest {
 protected:
  void StartIdle() {
    Use("t", [](Task&) { return Outcome("result"); });
    StartAndWelcome();
  }
  // Its last outcome is on its way.
  CompleteCall StartBusy() {
    StartIdle();
    Deliver({MakeDelivery(1)});
    return TakeComplete();
  }
  // It has said goodbye, and then hears of one more attempt: returns the call that gives that back.
  CompleteCall DeliverAfterGoodbye() {
    broker_->half_closed.Take("the end of the worker's side");
    Deliver({MakeDelivery(1)});
    CompleteCall release = TakeComplete();
    ExpectReleaseOf(1, release.request);
    return release;
  }
  static void ExpectReleaseOf(uint64_t number, const v1::CompleteRequest& request) {
    ASSERT_EQ(request.outcomes_size(), 1);
    EXPECT_EQ(request.outcomes(0).attempt_token(), Token(number));
    EXPECT_TRUE(request.outcomes(0).has_released());
  }
  static v1::CompleteResponse Accepted() { return AllAccepted<v1::CompleteResponse>(1); }
};

TEST_F(WorkerGoodbyeTest, IsSaidOnlyWhenNothingNewCanBeOnItsWay) {
  broker_->takes_updates = false;
  CompleteCall last = StartBusy();
  worker().Shutdown();
  const v1::WorkerUpdate update = broker_->updates.Take("an update");
  EXPECT_EQ(update.slots(), 0);
  // The broker took the outcome and handed out the next task in one step, before it read the update.
  last.Succeed(Accepted());
  EXPECT_TRUE(broker_->half_closed.empty());
  Deliver({MakeDelivery(2)});
  EXPECT_TRUE(broker_->half_closed.empty());
  broker_->TakeUpdate(1, update);
  ExpectReleaseOf(2, AcceptComplete());
  broker_->half_closed.Take("the end of the worker's side");
  Close(absl::OkStatus());
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(WorkerGoodbyeTest, AnIdleWorkerTakesItsSlotsBackFirst) {
  broker_->takes_updates = false;
  StartIdle();
  worker().Shutdown();
  const v1::WorkerUpdate update = broker_->updates.Take("an update");
  EXPECT_EQ(update.slots(), 0);
  EXPECT_TRUE(broker_->half_closed.empty());
  broker_->TakeUpdate(1, update);
  broker_->half_closed.Take("the end of the worker's side");
  Close(absl::OkStatus());
  EXPECT_TRUE(AwaitResult().ok());
}

TEST_F(WorkerGoodbyeTest, ABrokerThatConfirmsNothingIsNotWaitedForLong) {
  broker_->takes_updates = false;
  StartIdle();
  worker().Shutdown();
  scheduler_->Advance(absl::Seconds(3));
  broker_->cancelled.Take("the end of the stream");
  Close(absl::CancelledError("as asked"));
  EXPECT_TRUE(AwaitResult().ok());
}

TEST_F(WorkerGoodbyeTest, ADrainEndsAtItsDeadlineIfNothingIsConfirmed) {
  identity_.drain_deadline = absl::Seconds(1);
  broker_->takes_updates = false;
  CompleteCall last = StartBusy();
  worker().Shutdown();
  last.Succeed(Accepted());
  EXPECT_TRUE(broker_->half_closed.empty());
  scheduler_->Advance(absl::Seconds(4));
  EXPECT_TRUE(AwaitResult().ok()) << "all of its outcomes were answered";
}

TEST_F(WorkerGoodbyeTest, AStreamThatClosesBeforeIsTheEndToo) {
  broker_->takes_updates = false;
  StartIdle();
  worker().Shutdown();
  Close(absl::UnavailableError("gone"));
  EXPECT_TRUE(AwaitResult().ok());
}

TEST_F(WorkerGoodbyeTest, WhatCrossesItIsGivenBackBeforeTheEnd) {
  StartIdle();
  worker().Shutdown();
  CompleteCall release = DeliverAfterGoodbye();
  Close(absl::OkStatus());
  release.Succeed(Accepted());
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(WorkerGoodbyeTest, TheWorkerComesBackForWhatItCouldNotGiveBack) {
  StartIdle();
  worker().Shutdown();
  CompleteCall release = DeliverAfterGoodbye();
  Close(absl::OkStatus());
  release.Fail(absl::UnavailableError("gone"));
  scheduler_->Advance(absl::Seconds(1));
  const v1::Hello hello = AwaitHello();
  EXPECT_EQ(hello.worker().slots(), 0);
  EXPECT_THAT(hello.held_attempt_tokens(), ElementsAre(Token(1)));
  Welcome({v1::ATTEMPT_VERDICT_VALID});
  ExpectReleaseOf(1, AcceptComplete());
  broker_->half_closed.Take("the second end of the worker's side");
  Close(absl::OkStatus());
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(WorkerGoodbyeTest, SoDoesOneThatAnOperatorHasLeave) {
  StartIdle();
  v1::ClaimResponse message;
  message.mutable_order()->mutable_drain()->set_reason("host is retired");
  Say(message);
  CompleteCall release = DeliverAfterGoodbye();
  Close(MakeStatus(static_cast<int>(absl::StatusCode::kFailedPrecondition), "drained", "DRAINED", {}));
  release.Succeed(Accepted());
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(WorkerGoodbyeTest, TheDeadlineOfTheDrainHoldsForWhatCrossesIt) {
  identity_.drain_deadline = absl::Seconds(1);
  StartIdle();
  worker().Shutdown();
  scheduler_->Advance(absl::Seconds(1));
  const CompleteCall never_answered = DeliverAfterGoodbye();
  Close(absl::UnavailableError("gone"));
  scheduler_->Advance(absl::Seconds(3));
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(WorkerGoodbyeTest, NothingIsComeBackForAfterThat) {
  identity_.drain_deadline = absl::ZeroDuration();
  StartIdle();
  worker().Shutdown();
  scheduler_->Advance(absl::Seconds(2));
  const CompleteCall never_answered = DeliverAfterGoodbye();
  Close(absl::CancelledError("as asked"));
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
