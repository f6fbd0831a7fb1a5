// A worker that leaves: because it is told to, because the broker goes, because its slots are lost.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/worker_fixture.h"
#include "worker_sdk/src/convert.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;

class WorkerDrainTest : public WorkerTest {
 protected:
  // One handler runs, two attempts wait.
  void StartWithOneRunningAndTwoWaiting() {
    Use("t", Blocking());
    Configure(1, 5);
    StartAndWelcome();
    Deliver({MakeDelivery(1), MakeDelivery(2), MakeDelivery(3)});
    running_.Take("the first handler");
  }
  void OrderDrain(absl::Duration deadline) {
    v1::ClaimResponse message;
    message.mutable_order()->mutable_drain()->set_deadline_us(absl::ToInt64Microseconds(deadline));
    Say(message);
  }
  void AcceptReleases(int count) {
    while (count > 0) {
      const v1::CompleteRequest request = AcceptComplete();
      for (const v1::Outcome& outcome : request.outcomes()) {
        EXPECT_TRUE(outcome.has_released()) << outcome.ShortDebugString();
        --count;
      }
    }
  }
};

TEST_F(WorkerDrainTest, FinishesWhatRunsAndGivesBackTheRest) {  // B176, B177
  StartWithOneRunningAndTwoWaiting();
  worker().Shutdown();
  EXPECT_EQ(broker_->updates.Take("an update").slots(), 0);
  AcceptReleases(2);
  EXPECT_TRUE(broker_->half_closed.empty()) << "a handler runs";
  // What arrives now goes back at once.
  Deliver({MakeDelivery(4)});
  AcceptReleases(1);
  release_.Notify();
  CompleteCall call = TakeComplete();
  EXPECT_TRUE(call.request.outcomes(0).has_succeeded());
  EXPECT_TRUE(broker_->half_closed.empty()) << "an outcome is unanswered";
  call.Succeed(AllAccepted<v1::CompleteResponse>(1));
  broker_->half_closed.Take("the end of the worker's side");
  Close(absl::OkStatus());
  EXPECT_TRUE(AwaitResult().ok());
}

TEST_F(WorkerDrainTest, HandlersThatAreTooSlowAreGivenBack) {  // B178
  StartWithOneRunningAndTwoWaiting();
  worker().Shutdown();
  AcceptReleases(2);
  // Time goes by in steps, because beats are part of it.
  scheduler_->Advance(absl::Seconds(31));
  AcceptReleases(1);
  broker_->half_closed.Take("the end of the worker's side");
  Close(absl::OkStatus());
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("1 handlers were still running"));
}

TEST_F(WorkerDrainTest, ReturnsWithoutABrokerWhenOutcomesCannotBeDelivered) {
  StartWithOneRunningAndTwoWaiting();
  release_.Notify();
  Close(absl::UnavailableError("gone"));
  worker().Shutdown();
  scheduler_->Advance(absl::Seconds(31));
  scheduler_->Advance(absl::Seconds(3));
  const absl::Status status = AwaitResult();
  EXPECT_FALSE(status.ok());
}

TEST_F(WorkerDrainTest, AnIdleWorkerLeavesAtOnce) {
  StartAndWelcome();
  EXPECT_TRUE(ShutDown().ok());
}

TEST_F(WorkerDrainTest, AWorkerThatIsNotConnectedLeavesAtOnce) {
  Start();
  worker().Shutdown();
  EXPECT_TRUE(AwaitResult().ok());
}

TEST_F(WorkerDrainTest, ShutdownBeforeRunIsHeard) {  // B171, S113
  worker().Shutdown();
  EXPECT_TRUE(worker().Run().ok());
  EXPECT_TRUE(broker_->opened.empty());
}

TEST_F(WorkerDrainTest, DoesNotWaitForABrokerThatDoesNotEndTheStream) {
  StartAndWelcome();
  worker().Shutdown();
  broker_->half_closed.Take("the end of the worker's side");
  scheduler_->Advance(absl::Seconds(3));
  broker_->cancelled.Take("the end of the stream");
  Close(absl::CancelledError("as asked"));
  EXPECT_TRUE(AwaitResult().ok());
}

TEST_F(WorkerDrainTest, DrainsForABrokerThatGoesAwayAndComesBackToIt) {
  StartWithOneRunningAndTwoWaiting();
  v1::ClaimResponse message;
  message.mutable_order()->mutable_drain()->set_reason("restart");
  Say(message);
  AcceptReleases(2);
  release_.Notify();
  AcceptComplete();
  broker_->half_closed.Take("the end of the worker's side");
  Close(absl::OkStatus());
  scheduler_->Advance(absl::Seconds(1));
  const v1::Hello hello = AwaitHello();
  EXPECT_EQ(hello.worker().slots(), 6) << "it works again";
  Welcome();
  EXPECT_TRUE(ShutDown().ok());
}

TEST_F(WorkerDrainTest, WhatABrokerSaysAtLengthIsCutToWhatItTakesItself) {
  StartWithOneRunningAndTwoWaiting();
  v1::ClaimResponse message;
  message.mutable_order()->mutable_drain()->set_reason(std::string(1024, 'x'));
  Say(message);
  const v1::CompleteRequest request = AcceptComplete();
  ASSERT_EQ(request.outcomes_size(), 2);
  for (const v1::Outcome& outcome : request.outcomes()) {
    EXPECT_THAT(outcome.released().reason(), HasSubstr("ordered by the broker: xxx"));
    EXPECT_EQ(outcome.released().reason().size(), 1024);
  }
}

TEST_F(WorkerDrainTest, ABrokerThatWantsItGoneSaysSo) {
  StartAndWelcome();
  v1::ClaimResponse message;
  message.mutable_order()->mutable_drain()->set_reason("host is retired");
  Say(message);
  broker_->half_closed.Take("the end of the worker's side");
  Close(MakeStatus(static_cast<int>(absl::StatusCode::kFailedPrecondition), "drained", "DRAINED", {}));
  EXPECT_TRUE(AwaitResult().ok());
}

TEST_F(WorkerDrainTest, ItsOwnDeadlineCountsAlsoWhileItDrainsForTheBroker) {
  identity_.drain_deadline = absl::Seconds(5);
  StartWithOneRunningAndTwoWaiting();
  OrderDrain(absl::Hours(1));
  AcceptReleases(2);
  scheduler_->Advance(absl::Seconds(6));
  EXPECT_TRUE(broker_->completes.empty()) << "the broker gives it an hour";
  worker().Shutdown();
  scheduler_->Advance(absl::Seconds(5));
  AcceptReleases(1);
  broker_->half_closed.Take("the end of the worker's side");
  Close(absl::OkStatus());
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

TEST_F(WorkerDrainTest, TheSoonerOfTwoDeadlinesCountsAndTheLaterOneChangesNothing) {
  identity_.drain_deadline = absl::Seconds(3);
  StartWithOneRunningAndTwoWaiting();
  OrderDrain(absl::Seconds(2));
  AcceptReleases(2);
  worker().Shutdown();
  scheduler_->Advance(absl::Seconds(2));
  EXPECT_TRUE(TakeComplete().request.outcomes(0).has_released()) << "and is not answered";
  scheduler_->Advance(absl::Seconds(2));
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("1 handlers were still running"));
}

TEST_F(WorkerDrainTest, LostSlotsEndTheWorker) {
  identity_.lost_slot_grace = absl::Seconds(5);
  Configure(2, 0);
  // Outlives this test: the worker leaves its stuck threads behind.
  auto release = std::make_shared<absl::Notification>();
  Use("stuck", [this, release](Task& task) {
    running_.Push(task.id());
    release->WaitForNotification();
    return Outcome();
  });
  StartAndWelcome();
  std::vector<v1::Delivery> deliveries = {MakeDelivery(1, "stuck"), MakeDelivery(2, "stuck")};
  deliveries[0].set_timeout_us(1'000'000);
  deliveries[1].set_timeout_us(20'000'000);
  Deliver(deliveries);
  for (int i = 0; i < 2; ++i) running_.Take("a handler");
  scheduler_->Advance(absl::Seconds(9));
  EXPECT_THAT(log_.Take("a word about the first lost slot"), HasSubstr("slot lost"));
  EXPECT_TRUE(broker_->updates.empty()) << "one slot is left";
  scheduler_->Advance(absl::Seconds(21));
  EXPECT_EQ(broker_->updates.Take("an update").slots(), 0);
  AcceptReleases(2);
  broker_->half_closed.Take("the end of the worker's side");
  Close(absl::OkStatus());
  const absl::Status status = AwaitResult();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 of 2 slots are lost"));
  release->Notify();
}

TEST_F(WorkerDrainTest, ALostSlotComesBackWithItsHandler) {
  identity_.lost_slot_grace = absl::Seconds(5);
  Configure(2, 0);
  absl::Notification release;
  Use("late", [&](Task& task) {
    running_.Push(task.id());
    release.WaitForNotification();
    return Outcome();
  });
  StartAndWelcome();
  v1::Delivery delivery = MakeDelivery(1, "late");
  delivery.set_timeout_us(1'000'000);
  Deliver({delivery});
  running_.Take("the handler");
  scheduler_->Advance(absl::Seconds(9));
  EXPECT_THAT(log_.Take("a word about the lost slot"), HasSubstr("slot lost"));
  release.Notify();
  AcceptComplete();
  EXPECT_THAT(log_.Take("a word about its return"), HasSubstr("slot is back"));
  EXPECT_TRUE(ShutDown().ok());
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
