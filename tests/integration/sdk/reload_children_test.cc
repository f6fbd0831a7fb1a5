// Children whose type changes while their parent runs: what they get is decided when the parent returns.
#include "absl/strings/str_cat.h"
#include "tests/integration/sdk/reload_fixture.h"

namespace baton {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReloadChildrenTest : public ReloadTest {
 protected:
  // A parent that waits before the gate, makes one child, and ends with "done" when that has ended.
  void UseParent() {
    Use("parent", [this](sdk::Task& task) -> sdk::Outcome {
      if (task.stage() > 0) return "done";
      gate_.Pass();
      return task.Next({{.type = "child"}});
    });
  }
  // The child of a parent is created right after it, if nothing else is submitted.
  static uint64_t ChildOf(uint64_t parent) { return parent + 1; }
};

TEST_F(ReloadChildrenTest, TheirDefaultsAreThoseOfTheMomentTheirParentReturns) {  // B184, S77
  sdk::HandlerOptions old{.handler = Returning("old"), .options = {.priority = 1, .timeout = absl::Seconds(5)}};
  Use("child", old);
  UseParent();
  Run();
  const uint64_t parent = Submit("parent");
  gate_.AwaitHandler();
  sdk::HandlerOptions fresh;
  fresh.handler = [](sdk::Task& task) { return absl::StrCat(task.priority(), " ", task.max_retries()); };
  fresh.options = {.priority = 7, .timeout = absl::Seconds(15), .max_retries = 5};
  Use("child", fresh);
  gate_.Open();
  EXPECT_EQ(ResultOf(parent), "done");
  EXPECT_EQ(ResultOf(ChildOf(parent)), "7 5");
  EXPECT_EQ(Get(ChildOf(parent)).priority(), 7);
  const std::vector<v1::Attempt> attempts = AttemptsOf(ChildOf(parent));
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0].handler_version(), 2u);
  EXPECT_EQ(attempts[0].options().timeout_us(), 15 * kSecond);
}

// Each update is on its way to the broker when the outcome could follow at once, on another call.
TEST_F(ReloadChildrenTest, AParentMayChangeThemRightBeforeItReturns) {  // B184
  Use("child", Returning("never defined otherwise"));
  Use("parent", [this](sdk::Task& task) -> sdk::Outcome {
    if (task.stage() > 0) return "done";
    const int number = std::stoi(task.payload().bytes());
    Use("child", Returning("overtaken"));
    sdk::HandlerOptions options{.handler = Returning(absl::StrCat(number)), .options = {.priority = number}};
    Use("child", options);
    return task.Next({{.type = "child"}});
  });
  Run();
  for (int number = 1; number <= 20; ++number) {
    const uint64_t parent = Submit("parent", absl::StrCat(number));
    EXPECT_EQ(ResultOf(parent), "done");
    EXPECT_EQ(Get(ChildOf(parent)).priority(), number);
    EXPECT_EQ(ResultOf(ChildOf(parent)), absl::StrCat(number));
    EXPECT_THAT(VersionsOf(ChildOf(parent)), ElementsAre(1u + 2u * number));
  }
}

TEST_F(ReloadChildrenTest, SoItIsForThoseThatAreSentInParts) {
  constexpr uint64_t kChildren = 1500;
  Use("child", Returning("old"));
  Use("parent", [this](sdk::Task& task) -> sdk::Outcome {
    if (task.stage() > 0) return "done";
    sdk::HandlerOptions options{.handler = Returning("new"), .options = {.priority = 7}};
    Use("child", options);
    return task.Next(std::vector<sdk::NewTask>(kChildren, {.type = "child"}));
  });
  Run();
  const uint64_t parent = Submit("parent");
  EXPECT_EQ(ResultOf(parent), "done");
  EXPECT_EQ(Get(parent).children_total(), kChildren);
  for (const uint64_t child : {ChildOf(parent), parent + kChildren}) {
    EXPECT_EQ(Get(child).priority(), 7);
    EXPECT_EQ(ResultOf(child), "new");
    EXPECT_THAT(VersionsOf(child), Each(2u));
  }
}

TEST_F(ReloadChildrenTest, TheyWaitIfTheirTypeWasGivenUpMeanwhile) {  // B143
  Use("child", Returning("old"));
  UseParent();
  Run();
  const uint64_t parent = Submit("parent");
  gate_.AwaitHandler();
  EXPECT_TRUE(worker().Unuse("child"));
  gate_.Open();
  AwaitState(parent, v1::TASK_STATE_SUSPENDED);
  EXPECT_EQ(Get(ChildOf(parent)).state(), v1::TASK_STATE_PENDING);
  EXPECT_FALSE(Get(ChildOf(parent)).runnable());
  EXPECT_THAT(VersionsOf(ChildOf(parent)), IsEmpty());
  Use("child", Returning("back"));
  EXPECT_EQ(ResultOf(parent), "done");
  EXPECT_EQ(ResultOf(ChildOf(parent)), "back");
  EXPECT_THAT(VersionsOf(ChildOf(parent)), ElementsAre(2u));
}

TEST_F(ReloadChildrenTest, TheyNeedTheCapabilitiesThatTheirTypeRequiresThen) {
  Use("child", Returning("old"));
  UseParent();
  Run();
  const uint64_t parent = Submit("parent");
  gate_.AwaitHandler();
  sdk::HandlerOptions options{.handler = Returning("new"), .options = {.required_capabilities = {{"GPU"}}}};
  Use("child", options);
  gate_.Open();
  AwaitState(parent, v1::TASK_STATE_SUSPENDED);
  EXPECT_THAT(Get(ChildOf(parent)).waiting_for(), HasSubstr("GPU"));
  EXPECT_THAT(VersionsOf(ChildOf(parent)), IsEmpty());
  EXPECT_TRUE(worker().Configure({.capabilities = {"GPU"}}).ok());
  EXPECT_EQ(ResultOf(parent), "done");
  EXPECT_EQ(ResultOf(ChildOf(parent)), "new");
}

}  // namespace
}  // namespace baton
