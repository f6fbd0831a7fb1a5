// Children: inside the outcome, or staged in parts before it.
#include "gtest/gtest.h"
#include "tests/unit/sdk/ledger_fixture.h"

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
      ledger_.OnPartAnswer(now_, *call, absl::OkStatus());
    }
    return types;
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
    ledger_.OnPartAnswer(now_, *call, absl::OkStatus());
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
  ledger_.OnPartAnswer(now_, *call, Oversized());
  const std::vector<std::string> types = StageAll();
  ASSERT_EQ(types.size(), 6);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(types[i], "c" + std::to_string(i));
  EXPECT_EQ(NextComplete()->request.outcomes(0).spawned().parts(), 3);
}

TEST_F(LedgerChildrenTest, APartThatFailedIsSentAgainAsItWas) {
  Spawn(Hold("a"), 1500);
  auto call = ledger_.NextPart(now_);
  const std::string sent = call->request.SerializeAsString();
  ledger_.OnPartAnswer(now_, *call, absl::UnavailableError("gone"));
  EXPECT_FALSE(ledger_.NextPart(now_));
  now_ = *ledger_.NextRetry();
  auto again = ledger_.NextPart(now_);
  EXPECT_EQ(again->request.SerializeAsString(), sent);
  ledger_.OnPartAnswer(now_, *again, absl::OkStatus());
  auto last = ledger_.NextPart(now_);
  EXPECT_EQ(last->request.part(), 2);
  EXPECT_EQ(last->request.children_size(), 500);
}

TEST_F(LedgerChildrenTest, ARefusedPartFailsTheTask) {
  Spawn(Hold("a"), 1500);
  auto call = ledger_.NextPart(now_);
  ledger_.OnPartAnswer(now_, *call, absl::InvalidArgumentError("child 3: priority is 99"));
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
  ledger_.OnPartAnswer(now_, *call, absl::AbortedError("over"));
  EXPECT_TRUE(a->over.HasBeenNotified());
  EXPECT_FALSE(ledger_.NextPart(now_));
  EXPECT_TRUE(NextComplete()->request.outcomes(0).has_cancelled());
  // Over while a part is under way.
  Spawn(b, 2500);
  call = ledger_.NextPart(now_);
  ledger_.MarkOver(b, "cancelled");
  ledger_.OnPartAnswer(now_, *call, absl::OkStatus());
  EXPECT_FALSE(ledger_.NextPart(now_));
}

TEST_F(LedgerChildrenTest, ParentsTakeTurns) {
  Spawn(Hold("a"), 3000);
  Spawn(Hold("b"), 3000);
  auto first = ledger_.NextPart(now_);
  ledger_.OnPartAnswer(now_, *first, absl::OkStatus());
  auto second = ledger_.NextPart(now_);
  EXPECT_EQ(first->request.attempt_token(), "a");
  EXPECT_EQ(second->request.attempt_token(), "b");
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
