// Handlers and options that change: before a worker runs, and while it does.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/worker_fixture.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(WorkerTest, ARefusedRegistrationCannotBeOverlooked) {
  Use("good", [](Task&) { return Outcome(); });
  (void)worker().Use({{"bad type", HandlerOptions{.handler = [](Task&) { return Outcome(); }}}});
  const absl::Status status = worker().Run();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'bad type'"));
  EXPECT_TRUE(broker_->opened.empty());
  EXPECT_THAT(log_.Take("a word about the refusal"), HasSubstr("refused"));
}

TEST_F(WorkerTest, ABadIdentityIsRefused) {  // S112
  identity_.worker_id = "two words";
  EXPECT_THAT(std::string(worker().Run().message()), HasSubstr("'two words'"));
}

TEST_F(WorkerTest, AnAddressThatCannotBeUsedIsRefusedAtOnce) {
  identity_.broker = "http://b";
  const absl::Status status = worker().Run();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("worker identity: broker address: \"http://b\""));
  EXPECT_TRUE(broker_->opened.empty());
}

TEST_F(WorkerTest, HandlersChangeOnTheOpenStream) {
  Use("a", [](Task&) { return Outcome(); });
  StartAndWelcome();
  Use("b", [](Task&) { return Outcome(); });
  v1::WorkerUpdate update = broker_->updates.Take("an update");
  EXPECT_EQ(update.handlers_size(), 2);
  EXPECT_EQ(worker().Unuse({"a", "unknown"}), 1);
  update = broker_->updates.Take("an update");
  ASSERT_EQ(update.handlers_size(), 1);
  EXPECT_EQ(update.handlers(0).type(), "b");
  EXPECT_EQ(worker().Unuse({"a"}), 0);
  EXPECT_TRUE(broker_->updates.empty()) << "nothing changed";
}

TEST_F(WorkerTest, ChangesBeforeTheWelcomeFollowIt) {
  Start();
  Use("late", [](Task&) { return Outcome(); });
  EXPECT_TRUE(broker_->updates.empty());
  Welcome();
  EXPECT_EQ(broker_->updates.Take("an update").handlers(0).type(), "late");
}

TEST_F(WorkerTest, ARunningAttemptKeepsTheHandlerItStartedWith) {  // B110
  Use("t", Blocking("old"));
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  running_.Take("the old handler");
  Use("t", [](Task&) { return Outcome("new"); });
  EXPECT_EQ(broker_->updates.Take("an update").handlers(0).version(), 2);
  Deliver({MakeDelivery(2)});
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "new");
  release_.Notify();
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "old");
}

TEST_F(WorkerTest, UnuseGivesBackWhatHasNotStartedAndLetsTheRestFinish) {  // B181
  Use("t", Blocking("result"));
  Use("other", [](Task&) { return Outcome("other"); });
  Configure(1, 5);
  StartAndWelcome();
  Deliver({MakeDelivery(1), MakeDelivery(2), MakeDelivery(3, "other")});
  running_.Take("the first handler");
  EXPECT_EQ(worker().Unuse({"t"}), 1);
  const v1::CompleteRequest request = AcceptComplete();
  ASSERT_EQ(request.outcomes_size(), 1);
  EXPECT_EQ(request.outcomes(0).attempt_token(), Token(2));
  EXPECT_TRUE(request.outcomes(0).has_released());
  release_.Notify();
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "result");
}

TEST_F(WorkerTest, AReplacedHandlerGivesBackWhatHasNotStarted) {
  Use("t", Blocking("old"));
  Use("other", [](Task&) { return Outcome("other"); });
  Configure(1, 5);
  StartAndWelcome();
  Deliver({MakeDelivery(1), MakeDelivery(2), MakeDelivery(3, "other")});
  running_.Take("the old handler");
  Use("t", [](Task&) { return Outcome("new"); });
  const v1::CompleteRequest request = AcceptComplete();
  ASSERT_EQ(request.outcomes_size(), 1);
  EXPECT_EQ(request.outcomes(0).attempt_token(), Token(2));
  EXPECT_TRUE(request.outcomes(0).has_released());
}

TEST_F(WorkerTest, WhatWasClaimedForAnotherVersionIsGivenBack) {
  Use("t", [](Task&) { return Outcome("first"); });
  Use("t", [](Task&) { return Outcome("second"); });
  StartAndWelcome();
  v1::Delivery delivery = MakeDelivery(1);
  delivery.set_handler_version(1);
  Deliver({delivery});
  EXPECT_TRUE(AcceptComplete().outcomes(0).has_released());
  delivery = MakeDelivery(2);
  delivery.set_handler_version(2);
  Deliver({delivery});
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "second");
}

TEST_F(WorkerTest, OutcomesWaitUntilTheNewHandlersAreInForce) {
  broker_->takes_updates = false;
  Use("t", [this](Task& task) {
    running_.Push(task.id());
    return Outcome("result");
  });
  StartAndWelcome();
  Use("u", [](Task&) { return Outcome(); });
  const v1::WorkerUpdate first = broker_->updates.Take("an update");
  Use("v", [](Task&) { return Outcome(); });
  const v1::WorkerUpdate second = broker_->updates.Take("another one");
  EXPECT_GT(second.number(), first.number());
  // With one thread the second handler starts when all is done with the first one's outcome.
  Configure(1, 0);
  const v1::WorkerUpdate third = broker_->updates.Take("the last one");
  Deliver({MakeDelivery(1)});
  Deliver({MakeDelivery(2)});
  running_.Take("a handler");
  running_.Take("another handler");
  broker_->TakeUpdate(1, first);
  broker_->TakeUpdate(1, second);
  EXPECT_TRUE(broker_->completes.empty());
  broker_->TakeUpdate(1, third);
  EXPECT_EQ(AcceptComplete().outcomes(0).attempt_token(), Token(1));
}

TEST_F(WorkerTest, WhatIsDueAgainWhileAnUpdateIsUnderWayWaitsForItWithoutTimers) {
  broker_->takes_updates = false;
  Use("t", [](Task&) { return Outcome("result"); });
  StartAndWelcome();
  Deliver({MakeDelivery(1)});
  CompleteCall call = TakeComplete();
  Use("u", [](Task&) { return Outcome(); });
  const v1::WorkerUpdate update = broker_->updates.Take("an update");
  call.Fail(absl::UnavailableError("gone"));
  // Fails if it never gets to the end of it.
  scheduler_->Advance(absl::Seconds(2));
  EXPECT_TRUE(broker_->completes.empty());
  broker_->TakeUpdate(1, update);
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "result");
}

TEST_F(WorkerTest, ABrokerThatSaysNothingToAnUpdateIsLeft) {
  broker_->takes_updates = false;
  Use("t", [](Task&) { return Outcome("result"); });
  StartAndWelcome();
  Use("t", [](Task&) { return Outcome("new"); });
  Deliver({MakeDelivery(1)});
  scheduler_->Advance(absl::Seconds(14));
  EXPECT_TRUE(broker_->cancelled.empty());
  scheduler_->Advance(absl::Seconds(2));
  broker_->cancelled.Take("the end of the stream");
  Close(absl::CancelledError("by the worker"));
  EXPECT_EQ(AcceptComplete().outcomes(0).succeeded().result().data(), "new") << "a hello says it all again";
}

TEST_F(WorkerTest, AnEmptyMapChangesNothing) {  // B179
  StartAndWelcome();
  EXPECT_TRUE(worker().Use(std::vector<Registration>()).ok());
  EXPECT_TRUE(broker_->updates.empty());
}

TEST_F(WorkerTest, ConcurrencyCanBeRaisedWhileRunning) {  // B253
  Use("t", Blocking());
  Configure(1, 5);
  StartAndWelcome();
  Deliver({MakeDelivery(1), MakeDelivery(2)});
  running_.Take("the first handler");
  Configure(2, 5);
  EXPECT_EQ(broker_->updates.Take("an update").slots(), 7);
  running_.Take("the second handler, beside the first");
}

TEST_F(WorkerTest, ARefusedConfigurationChangesNothing) {
  StartAndWelcome();
  EXPECT_TRUE(absl::IsInvalidArgument(worker().Configure({.max_concurrency = 0})));
  EXPECT_TRUE(broker_->updates.empty());
  EXPECT_TRUE(ShutDown().ok());
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
