// Checkpoints and progress, and their order with outcomes.
#include "gtest/gtest.h"
#include "tests/unit/sdk/ledger_fixture.h"

namespace baton::inline sdk {
namespace internal {
namespace {

class LedgerReportsTest : public LedgerTest {
 protected:
  void Check(const AttemptPtr& attempt, v1::Checkpoint checkpoint) {
    EXPECT_TRUE(ledger_.AddCheckpoint(attempt, std::move(checkpoint)).ok());
  }
  void Accept(Call<v1::AuditRequest>& call) {
    ledger_.OnAuditAnswer(now_, call, absl::OkStatus(), AllAccepted<v1::AuditResponse>(call.attempts.size()));
  }
  static v1::Progress Percent(double percent) {
    v1::Progress progress;
    progress.set_percent(percent);
    return progress;
  }
  static v1::Progress Large() {
    v1::Progress progress;
    progress.set_metadata_json(std::string(65'536, ' '));
    return progress;
  }
};

TEST_F(LedgerReportsTest, CheckpointsOfAllAttemptsLeaveTogether) {
  const AttemptPtr a = Hold("a"), b = Hold("b");
  Check(a, Mark("one"));
  auto first = ledger_.NextAudit(now_);
  ASSERT_EQ(first->request.items_size(), 1);
  Check(a, Mark("two"));
  Check(a, Mark("three"));
  Check(b, Mark("four"));
  EXPECT_FALSE(ledger_.NextAudit(now_));
  Accept(*first);
  auto second = ledger_.NextAudit(now_);
  ASSERT_EQ(second->request.items_size(), 3);
  EXPECT_EQ(second->request.items(0).checkpoint().code(), "two");
  EXPECT_EQ(second->request.items(1).attempt_token(), "a");
  EXPECT_EQ(second->request.items(2).attempt_token(), "b");
}

TEST_F(LedgerReportsTest, UnsentReportsRideInTheOutcome) {
  const AttemptPtr a = Hold("a");
  Check(a, Mark("one"));
  ledger_.SetProgress(a, Percent(10));
  ledger_.SetProgress(a, Percent(90));
  Return(a);
  auto call = NextComplete();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->request.outcomes(0).checkpoints(0).code(), "one");
  EXPECT_EQ(call->request.outcomes(0).progress().percent(), 90);
  EXPECT_FALSE(ledger_.NextAudit(now_)) << "sent once";
  EXPECT_FALSE(ledger_.NextProgress(now_)) << "sent once";
}

TEST_F(LedgerReportsTest, AnAttemptThatIsAnsweredIsNotKeptForReportsThatHaveLeftWithItsOutcome) {
  const AttemptPtr other = Hold("other");
  Check(other, Mark("one"));
  ledger_.SetProgress(other, Percent(10));
  auto audit = ledger_.NextAudit(now_);
  auto progress = ledger_.NextProgress(now_);
  ASSERT_TRUE(audit && progress) << "what comes now waits for the answers";
  AttemptPtr a = Hold("a");
  Check(a, Mark("two"));
  ledger_.SetProgress(a, Percent(20));
  Return(a);
  const std::weak_ptr<Attempt> kept = a;
  a.reset();
  auto call = NextComplete();
  ASSERT_TRUE(call);
  AcceptAll(*call);
  EXPECT_FALSE(kept.expired()) << "the call has it";
  call.reset();
  EXPECT_TRUE(kept.expired());
}

TEST_F(LedgerReportsTest, NoOutcomeIsSentWhileAReportOfItsAttemptIsUnanswered) {
  const AttemptPtr a = Hold("a"), other = Hold("b");
  Check(a, Mark("one"));
  ledger_.SetProgress(a, Percent(50));
  auto audit = ledger_.NextAudit(now_);
  auto progress = ledger_.NextProgress(now_);
  Check(a, Mark("two"));
  Return(a);
  EXPECT_FALSE(NextComplete());
  Return(other);
  EXPECT_EQ(NextComplete()->request.outcomes(0).attempt_token(), "b") << "others are not held up";
  Accept(*audit);
  EXPECT_FALSE(ledger_.outcome_call_ready()) << "progress is unanswered";
  ledger_.OnProgressAnswer(now_, *progress, absl::OkStatus(), AllAccepted<v1::ProgressResponse>(1));
  ledger_.ResetBackoffs();
  EXPECT_FALSE(ledger_.NextAudit(now_)) << "'two' rides in the outcome";
}

TEST_F(LedgerReportsTest, ReportsThatWereNotTakenInRideInTheOutcome) {
  const AttemptPtr a = Hold("a");
  Check(a, Mark("one"));
  auto audit = ledger_.NextAudit(now_);
  Check(a, Mark("two"));
  Return(a);
  ledger_.OnAuditAnswer(now_, *audit, absl::UnavailableError("gone"), {});
  auto call = NextComplete();
  ASSERT_TRUE(call);
  ASSERT_EQ(call->request.outcomes(0).checkpoints_size(), 2);
  EXPECT_EQ(call->request.outcomes(0).checkpoints(0).code(), "one");
  EXPECT_EQ(call->request.outcomes(0).checkpoints(1).code(), "two");
}

TEST_F(LedgerReportsTest, AFailedCallIsRepeatedInOrderAfterABackoff) {
  const AttemptPtr a = Hold("a");
  Check(a, Mark("one"));
  Check(a, Mark("two"));
  auto audit = ledger_.NextAudit(now_);
  Check(a, Mark("three"));
  ledger_.OnAuditAnswer(now_, *audit, absl::UnavailableError("gone"), {});
  EXPECT_FALSE(ledger_.NextAudit(now_));
  now_ = *ledger_.NextRetry(now_);
  auto again = ledger_.NextAudit(now_);
  ASSERT_EQ(again->request.items_size(), 3);
  EXPECT_EQ(again->request.items(0).checkpoint().code(), "one");
  EXPECT_EQ(again->request.items(2).checkpoint().code(), "three");
}

TEST_F(LedgerReportsTest, ABackoffThatIsOverHidesNoOther) {
  const AttemptPtr a = Hold("a");
  Return(Hold("b"));
  auto complete = NextComplete();
  FailCall(*complete, absl::UnavailableError("gone"));
  const int64_t first = *ledger_.NextRetry(now_);
  // The outcome is due, and not sent yet when something else fails.
  now_ = first;
  EXPECT_FALSE(ledger_.NextRetry(now_));
  Check(a, Mark("one"));
  auto audit = ledger_.NextAudit(now_);
  ledger_.OnAuditAnswer(now_, *audit, absl::UnavailableError("gone"), {});
  ASSERT_TRUE(ledger_.NextRetry(now_));
  EXPECT_GT(*ledger_.NextRetry(now_), first);
}

TEST_F(LedgerReportsTest, AReportOfAnAttemptThatIsOverStopsItsHandler) {  // B112
  const AttemptPtr a = Hold("a");
  Check(a, Mark("one"));
  auto audit = ledger_.NextAudit(now_);
  auto response = AllAccepted<v1::AuditResponse>(1);
  Refuse(&response, 0, absl::StatusCode::kAborted, "ATTEMPT_OVER");
  ledger_.OnAuditAnswer(now_, *audit, absl::OkStatus(), response);
  EXPECT_TRUE(a->over.HasBeenNotified());
}

TEST_F(LedgerReportsTest, ARefusedReportIsDroppedAndDoesNotSpoilTheOutcome) {
  const AttemptPtr a = Hold("a");
  Check(a, Mark("one"));
  auto audit = ledger_.NextAudit(now_);
  Return(a);
  auto response = AllAccepted<v1::AuditResponse>(1);
  Refuse(&response, 0, absl::StatusCode::kInvalidArgument, "TEXT_TOO_LONG");
  ledger_.OnAuditAnswer(now_, *audit, absl::OkStatus(), response);
  auto call = NextComplete();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->request.outcomes(0).checkpoints_size(), 0);
  EXPECT_EQ(ledger_.TakeLog().size(), 1);
}

TEST_F(LedgerReportsTest, AnOutcomeThatIsRefusedWithItsReportsIsSentAgainWithoutThem) {
  const AttemptPtr a = Hold("a");
  Check(a, Mark("too large", 100));
  ledger_.SetProgress(a, Percent(50));
  Return(a, "ra");
  auto call = NextComplete();
  ASSERT_EQ(call->request.outcomes(0).checkpoints_size(), 1);
  RefuseOnly(*call, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ledger_.TakeLog().size(), 1);
  auto again = NextComplete();
  ASSERT_TRUE(again);
  const v1::Outcome& outcome = again->request.outcomes(0);
  EXPECT_EQ(outcome.attempt_token(), "a");
  EXPECT_EQ(outcome.succeeded().result().data(), "ra");
  EXPECT_EQ(outcome.checkpoints_size(), 0);
  EXPECT_FALSE(outcome.has_progress());
  // It was not because of them.
  RefuseOnly(*again, absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(NextComplete()->request.outcomes(0).has_failed());
}

TEST_F(LedgerReportsTest, ANewerProgressReplacesOneThatFailed) {
  const AttemptPtr a = Hold("a");
  ledger_.SetProgress(a, Percent(10));
  auto call = ledger_.NextProgress(now_);
  ledger_.SetProgress(a, Percent(20));
  ledger_.OnProgressAnswer(now_, *call, absl::UnavailableError("gone"), {});
  PassBackoff();
  EXPECT_EQ(ledger_.NextProgress(now_)->request.items(0).progress().percent(), 20);
}

TEST_F(LedgerReportsTest, TooMuchToRideIsSentBeforeTheOutcome) {
  const AttemptPtr a = Hold("a");
  for (int i = 0; i < 10; ++i) Check(a, Mark("big", 60'000));
  Return(a);
  EXPECT_FALSE(NextComplete());
  auto audit = ledger_.NextAudit(now_);
  ASSERT_EQ(audit->request.items_size(), 10);
  Accept(*audit);
  auto call = NextComplete();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->request.outcomes(0).checkpoints_size(), 0);
}

TEST_F(LedgerReportsTest, CheckpointsThatTheBrokerDoesNotTakeInAreBounded) {
  const AttemptPtr a = Hold("a");
  absl::Status status;
  int taken = 0;
  while ((status = ledger_.AddCheckpoint(a, Mark("c"))).ok()) ASSERT_LE(++taken, 10'000);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(taken, 10'000);
}

TEST_F(LedgerReportsTest, CheckpointsThatAreTooManyForTheBrokerLeaveInSmallerCalls) {
  const AttemptPtr a = Hold("a");
  for (int i = 0; i < 150; ++i) Check(a, Mark(std::to_string(i)));
  std::vector<std::string> codes;
  while (auto call = ledger_.NextAudit(now_)) {
    if (call->request.items_size() > 100) {
      ledger_.OnAuditAnswer(now_, *call, TooManyItems(), {});
      continue;
    }
    for (const v1::AuditRequest::Item& item : call->request.items()) codes.push_back(item.checkpoint().code());
    Accept(*call);
  }
  ASSERT_EQ(codes.size(), 150);
  for (int i = 0; i < 150; ++i) ASSERT_EQ(codes[i], std::to_string(i));
  EXPECT_TRUE(ledger_.TakeLog().empty());
}

TEST_F(LedgerReportsTest, CheckpointsOfACallThatWasRefusedForItsSizeRideInTheOutcome) {
  const AttemptPtr a = Hold("a");
  Check(a, Mark("one"));
  Check(a, Mark("two"));
  auto audit = ledger_.NextAudit(now_);
  Return(a);
  ledger_.OnAuditAnswer(now_, *audit, TooManyItems(), {});
  auto call = NextComplete();
  ASSERT_TRUE(call);
  ASSERT_EQ(call->request.outcomes(0).checkpoints_size(), 2);
  EXPECT_EQ(call->request.outcomes(0).checkpoints(0).code(), "one");
}

TEST_F(LedgerReportsTest, ProgressOfTooManyForTheBrokerLeavesInSmallerCalls) {
  for (int i = 0; i < 150; ++i) ledger_.SetProgress(Hold("t" + std::to_string(i)), Percent(i / 2.0));
  int told = 0;
  while (auto call = ledger_.NextProgress(now_)) {
    if (call->request.items_size() > 100) {
      ledger_.OnProgressAnswer(now_, *call, TooManyItems(), {});
      continue;
    }
    told += call->request.items_size();
    ledger_.OnProgressAnswer(now_, *call, absl::OkStatus(), AllAccepted<v1::ProgressResponse>(call->attempts.size()));
  }
  EXPECT_EQ(told, 150);
}

TEST_F(LedgerReportsTest, CallsAreNoLargerThanWhatTheBrokerTakes) {
  Welcome(kSmallPayload, kSmallMessage);
  const AttemptPtr a = Hold("a");
  int calls = 0;
  for (int i = 0; i < 12; ++i) {
    Check(a, Mark("big", 65'536));
    ledger_.SetProgress(Hold("t" + std::to_string(i)), Large());
  }
  while (auto call = ledger_.NextAudit(now_)) {
    EXPECT_LE(call->request.ByteSizeLong(), kSmallMessage);
    Accept(*call);
    ++calls;
  }
  while (auto call = ledger_.NextProgress(now_)) {
    EXPECT_LE(call->request.ByteSizeLong(), kSmallMessage);
    ledger_.OnProgressAnswer(now_, *call, absl::OkStatus(), AllAccepted<v1::ProgressResponse>(call->attempts.size()));
    ++calls;
  }
  EXPECT_EQ(calls, 8) << "three in each";
}

TEST_F(LedgerReportsTest, AReportThatIsTooLargeByItselfIsDropped) {
  const AttemptPtr a = Hold("a");
  Check(a, Mark("big", 60'000));
  auto audit = ledger_.NextAudit(now_);
  ledger_.OnAuditAnswer(now_, *audit, Oversized(), {});
  PassBackoff();
  EXPECT_FALSE(ledger_.NextAudit(now_));
  Return(a);
  EXPECT_EQ(NextComplete()->request.outcomes(0).checkpoints_size(), 0);
}

TEST_F(LedgerReportsTest, ReportsThatDoNotFitBesideTheResultAreSentBeforeIt) {
  Welcome(kSmallPayload, kSmallMessage);
  const AttemptPtr a = Hold("a");
  Check(a, Mark("big", 60'000));
  ledger_.SetProgress(a, Large());
  Return(a, std::string(kSmallPayload, 'x'));
  EXPECT_FALSE(NextComplete());
  auto audit = ledger_.NextAudit(now_);
  ASSERT_TRUE(audit);
  auto progress = ledger_.NextProgress(now_);
  ASSERT_TRUE(progress);
  Accept(*audit);
  EXPECT_FALSE(NextComplete()) << "progress is unanswered";
  ledger_.OnProgressAnswer(now_, *progress, absl::OkStatus(), AllAccepted<v1::ProgressResponse>(1));
  auto call = NextComplete();
  ASSERT_TRUE(call);
  EXPECT_TRUE(call->request.outcomes(0).has_succeeded());
  EXPECT_LE(call->request.ByteSizeLong(), kSmallMessage);
}

TEST_F(LedgerReportsTest, AuditCallsAreCut) {
  const AttemptPtr a = Hold("a"), b = Hold("b");
  for (int i = 0; i < 700; ++i) Check(a, Mark("a"));
  for (int i = 0; i < 700; ++i) Check(b, Mark("b"));
  auto first = ledger_.NextAudit(now_);
  EXPECT_EQ(first->request.items_size(), 1000);
  Accept(*first);
  EXPECT_EQ(ledger_.NextAudit(now_)->request.items_size(), 400);
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
