// Outcomes: batching, what answers mean, and what is held.
#include "worker_sdk/src/ledger.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/ledger_fixture.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;

TEST_F(LedgerTest, OneCallIsUnderWayAndTheNextTakesAllThatCameMeanwhile) {
  const AttemptPtr a = Hold("a"), b = Hold("b"), c = Hold("c");
  EXPECT_FALSE(NextComplete());
  Return(a, "ra");
  auto first = NextComplete();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->request.session(), 5);
  ASSERT_EQ(first->request.outcomes_size(), 1);
  EXPECT_EQ(first->request.outcomes(0).attempt_token(), "a");
  EXPECT_EQ(first->request.outcomes(0).succeeded().result().data(), "ra");
  Return(b);
  Return(c);
  EXPECT_FALSE(NextComplete());
  AcceptAll(*first);
  auto second = NextComplete();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->request.outcomes_size(), 2);
  AcceptAll(*second);
  EXPECT_FALSE(NextComplete());
  EXPECT_TRUE(ledger_.idle());
  EXPECT_TRUE(ledger_.held().empty());
}

TEST_F(LedgerTest, CallsAreCutAtAThousandOutcomes) {
  for (int i = 0; i < 1500; ++i) Return(Hold("t" + std::to_string(i)));
  auto first = NextComplete();
  EXPECT_EQ(first->request.outcomes_size(), 1000);
  AcceptAll(*first);
  EXPECT_EQ(NextComplete()->request.outcomes_size(), 500);
}

TEST_F(LedgerTest, CallsAreCutByBytes) {
  for (int i = 0; i < 10; ++i) Return(Hold("t" + std::to_string(i)), std::string(1'000'000, 'x'));
  int calls = 0, outcomes = 0;
  while (auto call = NextComplete()) {
    EXPECT_LT(call->request.ByteSizeLong(), 4u * 1024 * 1024);
    outcomes += call->request.outcomes_size();
    ++calls;
    AcceptAll(*call);
  }
  EXPECT_EQ(outcomes, 10);
  EXPECT_EQ(calls, 3);
}

TEST_F(LedgerTest, AnAttemptIsHeldUntilItsHandlerReturnedAndItsOutcomeWasAnswered) {
  const AttemptPtr a = Hold("a"), b = Hold("b");
  Return(a);
  auto call = NextComplete();
  EXPECT_EQ(ledger_.held().size(), 2);
  AcceptAll(*call);
  EXPECT_EQ(ledger_.held().size(), 1);
  // Given back although its handler runs on: still held after the answer.
  auto released = std::make_unique<v1::Outcome>();
  released->mutable_released();
  ledger_.Settle(b, std::move(released));
  call = NextComplete();
  AcceptAll(*call);
  EXPECT_TRUE(ledger_.idle());
  EXPECT_EQ(ledger_.held().size(), 1);
  // What it returns in the end is not sent.
  Return(b);
  EXPECT_FALSE(NextComplete());
  EXPECT_TRUE(ledger_.held().empty());
}

TEST_F(LedgerTest, AnAttemptThatIsDeliveredTwiceIsHeldOnce) {
  const AttemptPtr a = Hold("a");
  auto delivery = std::make_unique<v1::Delivery>();
  delivery->set_attempt_token("a");
  EXPECT_FALSE(ledger_.Add(std::make_shared<Attempt>(std::move(delivery), nullptr, now_)));
  EXPECT_EQ(ledger_.unanswered(), 1);
  EXPECT_EQ(ledger_.Find("a"), a);
}

TEST_F(LedgerTest, OutcomesOfAttemptsThatAreOverAreDropped) {  // B98
  for (absl::StatusCode code : {absl::StatusCode::kAborted, absl::StatusCode::kNotFound}) {
    Return(Hold("a"));
    auto call = NextComplete();
    RefuseOnly(*call, code);
    PassBackoff();
    EXPECT_FALSE(NextComplete());
    EXPECT_TRUE(ledger_.held().empty());
  }
}

TEST_F(LedgerTest, AnOutcomeRefusedForItsContentIsSentAgainAsFailedForGood) {  // B74
  Return(Hold("a"));
  auto call = NextComplete();
  RefuseOnly(*call, absl::StatusCode::kInvalidArgument);
  auto again = NextComplete();
  ASSERT_TRUE(again);
  const v1::Outcome& outcome = again->request.outcomes(0);
  EXPECT_EQ(outcome.attempt_token(), "a");
  EXPECT_FALSE(outcome.failed().retryable());
  EXPECT_THAT(outcome.failed().error(), HasSubstr("refused by the test: REASON"));
  // If even that is refused, nothing is left to say: no endless loop.
  RefuseOnly(*again, absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(NextComplete());
  EXPECT_TRUE(ledger_.held().empty());
}

TEST_F(LedgerTest, AnAttemptThatIsGivenBackNeverBecomesAFailure) {
  const AttemptPtr a = Hold("a");
  auto released = std::make_unique<v1::Outcome>();
  released->mutable_released()->set_reason("too long");
  released->set_queued_us(7);
  ledger_.Settle(a, std::move(released));
  ledger_.SetReturned(a);
  auto call = NextComplete();
  RefuseOnly(*call, absl::StatusCode::kInvalidArgument);
  auto again = NextComplete();
  ASSERT_TRUE(again);
  const v1::Outcome& outcome = again->request.outcomes(0);
  EXPECT_EQ(outcome.attempt_token(), "a");
  EXPECT_TRUE(outcome.has_released()) << outcome.ShortDebugString();
  EXPECT_EQ(outcome.released().reason(), "");
  EXPECT_EQ(outcome.queued_us(), 7);
  RefuseOnly(*again, absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(NextComplete());
  EXPECT_TRUE(ledger_.held().empty());
}

TEST_F(LedgerTest, AnOutcomeWithAMissingPartIsSentAgainAsFailedAndMayBeRetried) {
  Return(Hold("a"));
  auto call = NextComplete();
  RefuseOnly(*call, absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(NextComplete()->request.outcomes(0).failed().retryable());
}

TEST_F(LedgerTest, PassingRefusalsOfOneOutcomeHoldUpOnlyThatOne) {
  Return(Hold("a"), "ra");
  Return(Hold("b"));
  auto call = NextComplete();
  RefuseOnly(*call, absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ledger_.held().size(), 1);
  EXPECT_FALSE(NextComplete()) << "before the backoff is over";
  ASSERT_TRUE(ledger_.NextRetry(now_));
  now_ = *ledger_.NextRetry(now_);
  auto again = NextComplete();
  ASSERT_EQ(again->request.outcomes_size(), 1);
  EXPECT_EQ(again->request.outcomes(0).succeeded().result().data(), "ra");
}

TEST_F(LedgerTest, AFailedCallIsRepeatedForEverAndInOrder) {
  Return(Hold("a"));
  Return(Hold("b"));
  for (int i = 0; i < 50; ++i) {
    auto call = NextComplete();
    ASSERT_TRUE(call);
    ASSERT_EQ(call->request.outcomes_size(), 2);
    EXPECT_EQ(call->request.outcomes(0).attempt_token(), "a");
    FailCall(*call, absl::UnavailableError("gone"));
    EXPECT_FALSE(NextComplete());
    PassBackoff();
  }
  EXPECT_EQ(ledger_.TakeLog().size(), 1) << "an outage is logged once, not at every try";
}

TEST_F(LedgerTest, ANewSessionEndsBackoffs) {
  Return(Hold("a"));
  auto call = NextComplete();
  FailCall(*call, absl::UnavailableError("gone"));
  ledger_.ResetBackoffs();
  EXPECT_TRUE(NextComplete());
}

TEST_F(LedgerTest, ACallThatCannotBeReadIsHalvedUntilTheCulpritIsAlone) {
  for (int i = 0; i < 100; ++i) Return(Hold("t" + std::to_string(i)));
  int calls = 0;
  std::string failed;
  while (auto call = NextComplete()) {
    ASSERT_LT(++calls, 60);
    bool poisoned = false;
    for (const v1::Outcome& outcome : call->request.outcomes()) {
      poisoned = poisoned || (outcome.attempt_token() == "t37" && outcome.has_succeeded());
      if (outcome.has_failed()) failed += outcome.attempt_token();
    }
    if (poisoned) {
      FailCall(*call, absl::InvalidArgumentError("cannot be parsed"));
    } else {
      AcceptAll(*call);
    }
  }
  EXPECT_EQ(failed, "t37");
  EXPECT_TRUE(ledger_.held().empty());
}

TEST_F(LedgerTest, OutcomesThatAreTooManyForTheBrokerLeaveInSmallerCallsFromThenOn) {
  for (int i = 0; i < 500; ++i) Return(Hold("t" + std::to_string(i)));
  int refused = 0;
  while (auto call = NextComplete()) {
    for (const v1::Outcome& outcome : call->request.outcomes()) ASSERT_TRUE(outcome.has_succeeded());
    if (call->request.outcomes_size() > 100) {
      ++refused;
      FailCall(*call, TooManyItems());
    } else {
      AcceptAll(*call);
    }
  }
  EXPECT_EQ(refused, 3) << "500, 250 and 125, and none after it is known";
  EXPECT_TRUE(ledger_.idle());
  EXPECT_TRUE(ledger_.TakeLog().empty());
  // Another broker may take more.
  Welcome(kSmallPayload, kSmallMessage);
  for (int i = 0; i < 500; ++i) Return(Hold("t" + std::to_string(i)));
  EXPECT_EQ(NextComplete()->request.outcomes_size(), 500);
}

TEST_F(LedgerTest, AnOversizedOutcomeBecomesAFailure) {
  Return(Hold("a"));
  auto call = NextComplete();
  FailCall(*call, absl::ResourceExhaustedError("Received message larger than max (9 vs. 4)"));
  EXPECT_TRUE(NextComplete()->request.outcomes(0).has_failed());
}

TEST_F(LedgerTest, AnAnswerWithTooFewResultsIsNotTakenForSuccess) {
  Return(Hold("a"));
  auto call = NextComplete();
  ledger_.OnCompleteAnswer(now_, *call, absl::OkStatus(), {});
  EXPECT_EQ(ledger_.unanswered(), 1);
  PassBackoff();
  EXPECT_TRUE(NextComplete());
}

TEST_F(LedgerTest, AnAttemptThatIsOverSendsAnEmptyOutcomeToFreeItsSlot) {
  const AttemptPtr running = Hold("a"), waiting = Hold("b");
  ledger_.MarkOver(running, "cancelled");
  EXPECT_TRUE(running->over.HasBeenNotified());
  EXPECT_EQ(running->over_reason, "cancelled");
  EXPECT_FALSE(NextComplete()) << "its handler still runs";
  Return(running);
  Return(waiting);
  ledger_.MarkOver(waiting, "cancelled");
  auto call = NextComplete();
  ASSERT_EQ(call->request.outcomes_size(), 2);
  for (const v1::Outcome& outcome : call->request.outcomes()) EXPECT_TRUE(outcome.has_cancelled());
}

TEST_F(LedgerTest, AnOutcomeThatIsRepeatedAfterItsAttemptIsOverLosesItsContent) {
  const AttemptPtr a = Hold("a");
  Return(a);
  auto call = NextComplete();
  ledger_.MarkOver(a, "timed out");
  FailCall(*call, absl::UnavailableError("gone"));
  PassBackoff();
  EXPECT_TRUE(NextComplete()->request.outcomes(0).has_cancelled());
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
