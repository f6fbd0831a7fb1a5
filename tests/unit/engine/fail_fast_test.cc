// Parents that fail with the first child that does not complete.
#include "tests/unit/engine/family.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FailFastTest : public ::testing::Test {
 protected:
  // Spawns, and fails with the first child that does not complete.
  void SpawnFast(TaskId id, const std::vector<TaskSpec>& children) {
    Outcome outcome = parents_.MakeOutcome(id, Outcome::Kind::kSpawned);
    for (const TaskSpec& child : children) outcome.children.push_back(MakeTask(child, harness_.store()));
    outcome.fail_fast = true;
    EXPECT_THAT(parents_.Send(std::move(outcome)), NoError());
  }

  EngineHarness harness_;
  TestWorker& parents_ = harness_.Connect(kParents);
  TestWorker& children_ = harness_.Connect(kChildren);
};

TEST_F(FailFastTest, FirstFailureFailsTheParentAndCancelsTheOthers) {  // B151
  const TaskId root = harness_.Submit(kParent);
  SpawnFast(root, {kChild, kChild, {.type = "child", .delay = kHour}, {.type = "nobody"}});
  children_.Succeed(root + 1);
  children_.FailFinally(root + 2, "no such file");
  EXPECT_EQ(harness_.StateOf(root), LiveState::FAILED);
  EXPECT_EQ(harness_.EndOf(root).kind(), Step::CHILD_FAILED);
  EXPECT_THAT(harness_.EndOf(root).error(),
              HasSubstr("child " + std::to_string(root + 2) + " has failed: no such file"));
  EXPECT_EQ(harness_.StateOf(root + 1), LiveState::COMPLETED);
  EXPECT_EQ(harness_.StateOf(root + 3), LiveState::CANCELLED);
  EXPECT_EQ(harness_.StateOf(root + 4), LiveState::CANCELLED);
}

TEST_F(FailFastTest, SiblingThatRunsIsTold) {
  const TaskId root = harness_.Submit(kParent);
  SpawnFast(root, {kChild, kChild});
  children_.FailFinally(root + 1);
  EXPECT_EQ(harness_.StateOf(root + 2), LiveState::CANCELLED);
  ASSERT_EQ(children_.orders.size(), 1u);
  EXPECT_THAT(children_.orders[0].attempts, ElementsAre(AttemptId{root + 2, 1}));
  EXPECT_THAT(children_.orders[0].text, HasSubstr("its parent has failed: child "));
}

TEST_F(FailFastTest, ChildThatMayBeRetriedIsNotAFailureYet) {
  const TaskId root = harness_.Submit(kParent);
  SpawnFast(root, {kChild});
  children_.Fail(root + 1);
  EXPECT_EQ(harness_.StateOf(root), LiveState::WAITING);
  children_.Succeed(root + 1);
  EXPECT_TRUE(parents_.Runs(root));
  EXPECT_EQ(parents_.DeliveryOf(root).children_failed, 0u);
}

TEST_F(FailFastTest, ChildThatWasCancelledFailsItToo) {
  const TaskId root = harness_.Submit(kParent);
  SpawnFast(root, {kChild, kChild});
  harness_.Cancel(root + 1, "wrong order");
  EXPECT_EQ(harness_.StateOf(root), LiveState::FAILED);
  EXPECT_THAT(harness_.EndOf(root).error(), HasSubstr("was cancelled: wrong order"));
}

TEST_F(FailFastTest, NextStageMayChooseOtherwise) {
  const TaskId root = harness_.Submit(kParent);
  SpawnFast(root, {kChild});
  children_.Succeed(root + 1);
  parents_.Spawn(root, {kChild, kChild});
  children_.FailFinally(root + 2);
  EXPECT_EQ(harness_.StateOf(root), LiveState::WAITING);
  children_.Succeed(root + 3);
  EXPECT_EQ(parents_.DeliveryOf(root).children_failed, 1u);
}

TEST_F(FailFastTest, FailureGoesUpAsFarAsItIsAskedFor) {
  const TaskId root = harness_.Submit(kParent);
  parents_.Spawn(root, {kParent});
  SpawnFast(root + 1, {kParent});
  SpawnFast(root + 2, {kChild});
  children_.FailFinally(root + 3, "broken");
  EXPECT_EQ(harness_.StateOf(root + 2), LiveState::FAILED);
  EXPECT_EQ(harness_.StateOf(root + 1), LiveState::FAILED);
  EXPECT_THAT(harness_.EndOf(root + 1).error(), HasSubstr("broken"));
  ASSERT_TRUE(parents_.Runs(root));
  EXPECT_EQ(parents_.DeliveryOf(root).children_failed, 1u);
}

TEST_F(FailFastTest, CrashBetweenTheFailureAndItsEffectLosesNothing) {
  const TaskId root = harness_.Submit(kParent);
  SpawnFast(root, {kChild, kChild});
  // The parent is not in memory: it has to be fetched before it can fail.
  harness_.hold_loads = true;
  children_.FailFinally(root + 1);
  EXPECT_EQ(harness_.StateOf(root), LiveState::WAITING);
  children_.Succeed(root + 2);
  EXPECT_EQ(harness_.StateOf(root), LiveState::WAITING) << "it does not go on as if nothing had happened";
  harness_.StorePages();
  harness_.Crash();
  harness_.hold_loads = false;
  harness_.Settle();
  EXPECT_EQ(harness_.StateOf(root), LiveState::FAILED);
  EXPECT_THAT(harness_.EndOf(root).error(), HasSubstr("a child did not complete"));
}

}  // namespace
}  // namespace baton::engine::testing
