// Handlers that are given up, and come back, while the worker runs.
#include "tests/integration/sdk/reload_fixture.h"

namespace baton {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Stub = v1::TaskAdmin::Stub;

TEST_F(ReloadTest, TasksOfATypeThatWasGivenUpWaitUntilItComesBack) {  // B181
  Use("kept", Returning("kept"));
  Use("task", Returning("old"));
  Use("other", Returning("old"));
  Run();
  AwaitVersion("other", 1);
  EXPECT_EQ(worker().Unuse({"task", "other", "never"}), 2u);
  EXPECT_EQ(worker().Unuse({"task", "other", "never"}), 0u);
  AwaitVersion("task", 0);
  AwaitVersion("other", 0);
  const uint64_t id = Submit("task");
  EXPECT_EQ(ResultOf(Submit("kept")), "kept");
  const v1::Task waiting = Get(id);
  EXPECT_EQ(waiting.state(), v1::TASK_STATE_PENDING);
  EXPECT_FALSE(waiting.runnable());
  EXPECT_THAT(waiting.waiting_for(), HasSubstr("task"));
  EXPECT_THAT(VersionsOf(id), IsEmpty());
  Use("task", Returning("back"));
  EXPECT_EQ(ResultOf(id), "back");
  EXPECT_THAT(VersionsOf(id), ElementsAre(2u));
}

TEST_F(ReloadTest, AnOldExecutionCountsAgainstTheConcurrencyOfATypeThatCameBack) {  // B185
  EXPECT_TRUE(worker().Configure({.max_concurrency = 1}).ok());
  Use("task", Behind(gate_, "old"));
  Run();
  const uint64_t running = Submit("task");
  gate_.AwaitHandler();
  EXPECT_TRUE(worker().Unuse("task"));
  AwaitVersion("task", 0);
  const uint64_t next = Submit("task");
  Use("task", [this](sdk::Task&) { return gate_.open() ? "after" : "beside"; });
  AwaitVersion("task", 2);
  EXPECT_EQ(Seen().slots_taken(), 1);
  EXPECT_EQ(Get(next).state(), v1::TASK_STATE_PENDING);
  gate_.Open();
  EXPECT_EQ(ResultOf(running), "old");
  EXPECT_EQ(ResultOf(next), "after");
}

TEST_F(ReloadTest, RegisteringAnewLetsNoPausedTypeGoOn) {  // B175
  Use("task", Returning("old"));
  Run();
  AwaitVersion("task", 1);
  v1::PauseTypeRequest pause;
  pause.set_type("task");
  Ask(&Stub::PauseType, pause);
  const uint64_t id = Submit("task");
  Use("task", Returning("new"));
  AwaitVersion("task", 2);
  EXPECT_TRUE(worker().Unuse("task"));
  Use("task", Returning("newest"));
  AwaitVersion("task", 3);
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_PENDING);
  EXPECT_TRUE(Type("task").has_pause());
  v1::UnpauseTypeRequest unpause;
  unpause.set_type("task");
  Ask(&Stub::UnpauseType, unpause);
  EXPECT_EQ(ResultOf(id), "newest");
  EXPECT_THAT(VersionsOf(id), ElementsAre(3u));
}

}  // namespace
}  // namespace baton
