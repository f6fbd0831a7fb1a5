// Children: inside the outcome, or staged in parts before it.
#include "gtest/gtest.h"
#include "tests/unit/sdk/ledger_fixture.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {
namespace {

class LedgerChildrenTest : public LedgerTest {
 protected:
  void Spawn(const AttemptPtr& attempt, int count, size_t payload_bytes = 0, const std::string& context = "context") {
    auto outcome = std::make_unique<v1::Outcome>();
    outcome->mutable_spawned()->mutable_context()->set_data(context);
    std::vector<std::unique_ptr<v1::NewTask>> children;
    for (int i = 0; i < count; ++i) {
      children.push_back(std::make_unique<v1::NewTask>());
      children.back()->set_type("c" + std::to_string(i));
      children.back()->mutable_payload()->set_data(std::string(payload_bytes, 'x'));
    }
    ledger_.Settle(attempt, std::move(outcome), std::move(children));
    ledger_.SetReturned(attempt);
  }
  // Stages everything; returns the children in the order of their arrival.
  std::vector<std::string> StageAll() {
    std::vector<std::string> types;
    uint32_t part = 0;
    while (auto call = ledger_.NextPart(now_)) {
      EXPECT_EQ(call->request.part(), ++part);
      for (const v1::NewTask& child : call->request.children()) types.push_back(child.type());
      Accept(*call, types.size());
    }
    return types;
  }
  // The broker has so many children now.
  void Accept(Call<v1::SpawnChildrenRequest>& call, uint64_t staged) {
    v1::SpawnChildrenResponse response;
    response.set_staged(staged);
    ledger_.OnPartAnswer(now_, call, absl::OkStatus(), response);
  }
  void Fail(Call<v1::SpawnChildrenRequest>& call, const absl::Status& status) {
    ledger_.OnPartAnswer(now_, call, status, {});
  }
  void AllowInline(int64_t children) {
    v1::Limits limits;
    limits.set_inline_children(children);
    ledger_.SetLimits(limits);
  }
  // Sends the first part to a broker that stores it and whose answer gets lost.
  void LoseTheFirstAnswer() {
    auto call = ledger_.NextPart(now_);
    ASSERT_TRUE(call);
    Fail(*call, absl::UnavailableError("gone"));
    PassBackoff();
  }
};

TEST_F(LedgerChildrenTest, FewTravelInsideTheOutcome) {
  Spawn(Hold("a"), 1000);
  EXPECT_FALSE(ledger_.NextPart(now_));
  auto call = NextComplete();
  ASSERT_TRUE(call);
  const v1::Spawned& spawned = call->request.outcomes(0).spawned();
  EXPECT_EQ(spawned.children_size(), 1000);
  EXPECT_EQ(spawned.children(999).type(), "c999");
  EXPECT_EQ(spawned.parts(), 0);
  EXPECT_EQ(spawned.context().data(), "context");
}

TEST_F(LedgerChildrenTest, ACallHasNoMoreOfThemThanTheBrokerTakes) {
  constexpr int kEach = 1000;
  const int parents = kCallChildren / kEach + 2;
  for (int i = 0; i < parents; ++i) Spawn(Hold(std::to_string(i)), kEach, 0, "");
  EXPECT_FALSE(ledger_.NextPart(now_));
  auto call = NextComplete();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->request.outcomes_size(), kCallChildren / kEach);
}

TEST_F(LedgerChildrenTest, NoneIsAnOutcomeToo) {
  Spawn(Hold("a"), 0);
  EXPECT_TRUE(NextComplete()->request.outcomes(0).has_spawned());
}

TEST_F(LedgerChildrenTest, ManyAreStagedInOrderBeforeTheOutcome) {
  Spawn(Hold("a"), 2500);
  EXPECT_FALSE(NextComplete());
  const std::vector<std::string> types = StageAll();
  ASSERT_EQ(types.size(), 2500);
  for (int i = 0; i < 2500; ++i) ASSERT_EQ(types[i], "c" + std::to_string(i));
  auto call = NextComplete();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->request.outcomes(0).spawned().parts(), 3);
  EXPECT_EQ(call->request.outcomes(0).spawned().children_size(), 0);
}

TEST_F(LedgerChildrenTest, LargeOnesAreStagedHoweverFew) {
  Spawn(Hold("a"), 5, 300'000);
  EXPECT_EQ(StageAll().size(), 5);
  EXPECT_EQ(NextComplete()->request.outcomes(0).spawned().parts(), 5);
}

TEST_F(LedgerChildrenTest, PartsAreNoLargerThanWhatTheBrokerTakes) {
  Welcome(kSmallPayload, kSmallMessage);
  Spawn(Hold("a"), 40, 20'000);
  size_t children = 0;
  while (auto call = ledger_.NextPart(now_)) {
    EXPECT_LE(call->request.ByteSizeLong(), kSmallMessage);
    children += call->request.children_size();
    Accept(*call, children);
  }
  EXPECT_EQ(children, 40);
  EXPECT_GT(NextComplete()->request.outcomes(0).spawned().parts(), 1);
}

TEST_F(LedgerChildrenTest, ThoseThatDoNotFitBesideTheContextAreStaged) {
  Welcome(kSmallPayload, kSmallMessage);
  Spawn(Hold("a"), 10, 20'000, std::string(kSmallPayload, 'x'));
  EXPECT_EQ(StageAll().size(), 10);
  auto call = NextComplete();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->request.outcomes(0).spawned().parts(), 1);
  EXPECT_LE(call->request.ByteSizeLong(), kSmallMessage);
  // The same children with less beside them.
  Spawn(Hold("b"), 10, 20'000);
  EXPECT_FALSE(ledger_.NextPart(now_));
}

TEST_F(LedgerChildrenTest, AnOversizedPartIsCut) {
  Spawn(Hold("a"), 6, 100'000);
  auto call = ledger_.NextPart(now_);
  ASSERT_EQ(call->request.children_size(), 5);
  Fail(*call, Oversized());
  const std::vector<std::string> types = StageAll();
  ASSERT_EQ(types.size(), 6);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(types[i], "c" + std::to_string(i));
  EXPECT_EQ(NextComplete()->request.outcomes(0).spawned().parts(), 3);
}

TEST_F(LedgerChildrenTest, APartThatFailedIsSentAgainAsItWas) {
  Spawn(Hold("a"), 1500);
  auto call = ledger_.NextPart(now_);
  const std::string sent = call->request.SerializeAsString();
  Fail(*call, absl::UnavailableError("gone"));
  EXPECT_FALSE(ledger_.NextPart(now_));
  now_ = *ledger_.NextRetry(now_);
  auto again = ledger_.NextPart(now_);
  EXPECT_EQ(again->request.SerializeAsString(), sent);
  Accept(*again, 1000);
  auto last = ledger_.NextPart(now_);
  EXPECT_EQ(last->request.part(), 2);
  EXPECT_EQ(last->request.children_size(), 500);
}

TEST_F(LedgerChildrenTest, APartThatTheBrokerHasAlreadyAndThatWasSmallerThenLosesNothing) {
  AllowInline(500);
  Spawn(Hold("a"), 800);
  LoseTheFirstAnswer();
  // It comes back and takes more, even all of them in the outcome, but it has a part of them.
  AllowInline(1000);
  auto again = ledger_.NextPart(now_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->request.part(), 1);
  EXPECT_EQ(again->request.children_size(), 800);
  Accept(*again, 500);
  auto rest = ledger_.NextPart(now_);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->request.part(), 2);
  ASSERT_EQ(rest->request.children_size(), 300);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(rest->request.children(i).type(), "c" + std::to_string(500 + i));
  Accept(*rest, 800);
  EXPECT_EQ(NextComplete()->request.outcomes(0).spawned().parts(), 2);
}

TEST_F(LedgerChildrenTest, APartThatTheBrokerHasAlreadyAndThatWasLargerThenDoublesNothing) {
  Spawn(Hold("a"), 1500);
  LoseTheFirstAnswer();
  AllowInline(400);
  auto again = ledger_.NextPart(now_);
  EXPECT_EQ(again->request.children_size(), 400);
  Accept(*again, 1000);
  auto rest = ledger_.NextPart(now_);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->request.part(), 2);
  ASSERT_EQ(rest->request.children_size(), 400);
  EXPECT_EQ(rest->request.children(0).type(), "c1000");
  // What comes back of a part is where it was.
  Fail(*rest, absl::UnavailableError("gone"));
  PassBackoff();
  rest = ledger_.NextPart(now_);
  EXPECT_EQ(rest->request.children(0).type(), "c1000");
  Accept(*rest, 1400);
  rest = ledger_.NextPart(now_);
  EXPECT_EQ(rest->request.children_size(), 100);
  Accept(*rest, 1500);
  EXPECT_EQ(NextComplete()->request.outcomes(0).spawned().parts(), 3);
}

TEST_F(LedgerChildrenTest, ABrokerThatCountsOtherwiseHasTheTaskTriedAgain) {
  for (const uint64_t staged : {uint64_t{0}, uint64_t{1501}}) {
    Spawn(Hold("a"), 1500);
    auto call = ledger_.NextPart(now_);
    Accept(*call, staged);
    EXPECT_FALSE(ledger_.NextPart(now_));
    auto outcome = NextComplete();
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->request.outcomes(0).failed().retryable());
    EXPECT_NE(outcome->request.outcomes(0).failed().error().find("part 1 of 1500 children"), std::string::npos);
    AcceptAll(*outcome);
  }
}

TEST_F(LedgerChildrenTest, ARefusedPartFailsTheTask) {
  Spawn(Hold("a"), 1500);
  auto call = ledger_.NextPart(now_);
  Fail(*call, absl::InvalidArgumentError("child 3: priority is 99"));
  EXPECT_FALSE(ledger_.NextPart(now_));
  auto outcome = NextComplete();
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->request.outcomes(0).failed().retryable());
  EXPECT_NE(outcome->request.outcomes(0).failed().error().find("child 3: priority is 99"), std::string::npos);
}

TEST_F(LedgerChildrenTest, StagingStopsWhenTheAttemptIsOver) {
  const AttemptPtr a = Hold("a"), b = Hold("b");
  Spawn(a, 2500);
  auto call = ledger_.NextPart(now_);
  Fail(*call, absl::AbortedError("over"));
  EXPECT_TRUE(a->over.HasBeenNotified());
  EXPECT_FALSE(ledger_.NextPart(now_));
  EXPECT_TRUE(NextComplete()->request.outcomes(0).has_cancelled());
  // Over while a part is under way.
  Spawn(b, 2500);
  call = ledger_.NextPart(now_);
  ledger_.MarkOver(b, "cancelled");
  Accept(*call, 1000);
  EXPECT_FALSE(ledger_.NextPart(now_));
}

TEST_F(LedgerChildrenTest, ParentsTakeTurns) {
  Spawn(Hold("a"), 3000);
  Spawn(Hold("b"), 3000);
  auto first = ledger_.NextPart(now_);
  Accept(*first, 1000);
  auto second = ledger_.NextPart(now_);
  EXPECT_EQ(first->request.attempt_token(), "a");
  EXPECT_EQ(second->request.attempt_token(), "b");
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
