// Handlers that are replaced while the worker runs: which one an attempt meets, and what the broker tells of it.
#include <map>

#include "tests/integration/sdk/reload_fixture.h"

namespace baton {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Stub = v1::TaskAdmin::Stub;

TEST_F(ReloadTest, ARunningAttemptKeepsTheHandlerAndTheVersionItStartedWith) {  // B182
  Use("task", Behind(gate_, "old"));
  Run();
  const uint64_t id = Submit("task");
  gate_.AwaitHandler();
  Use("task", Returning("new"));
  AwaitVersion("task", 2);
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u));
  const uint64_t later = Submit("task");
  EXPECT_EQ(ResultOf(later), "new");
  EXPECT_THAT(VersionsOf(later), ElementsAre(2u));
  gate_.Open();
  EXPECT_EQ(ResultOf(id), "old");
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u));
}

TEST_F(ReloadTest, ARunningAttemptOutlivesItsHandler) {  // B182
  Use("task", Behind(gate_, "old"));
  Run();
  const uint64_t id = Submit("task");
  gate_.AwaitHandler();
  EXPECT_TRUE(worker().Unuse("task"));
  AwaitVersion("task", 0);
  EXPECT_EQ(Get(id).state(), v1::TASK_STATE_RUNNING);
  gate_.Open();
  EXPECT_EQ(ResultOf(id), "old");
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u));
}

TEST_F(ReloadTest, ARetryMeetsTheNewestHandler) {  // B183
  Use("task", Behind(gate_, sdk::Error("old")));
  Run();
  const uint64_t id = Submit("task");
  gate_.AwaitHandler();
  Use("task", Returning("new"));
  gate_.Open();
  EXPECT_EQ(ResultOf(id), "new");
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u, 2u));
}

TEST_F(ReloadTest, AHandlerThatReplacesItselfIsNotMetAgain) {
  Use("task", [this](sdk::Task&) -> sdk::Outcome {
    Use("task", Returning("first replacement"));
    Use("task", Returning("second replacement"));
    return sdk::Error("old");
  });
  Run();
  const uint64_t id = Submit("task");
  EXPECT_EQ(ResultOf(id), "second replacement");
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u, 3u));
}

TEST_F(ReloadTest, WhatWaitsInTheWorkerMeetsTheNewestHandler) {
  EXPECT_TRUE(worker().Configure({.max_concurrency = 1, .prefetch = 1}).ok());
  Use("task", Behind(gate_, "old"));
  Run();
  const uint64_t running = Submit("task");
  gate_.AwaitHandler();
  const uint64_t waiting = Submit("task");
  AwaitState(waiting, v1::TASK_STATE_RUNNING);
  Use("task", Returning("new"));
  AwaitVersion("task", 2);
  gate_.Open();
  EXPECT_EQ(ResultOf(running), "old");
  EXPECT_EQ(ResultOf(waiting), "new");
  EXPECT_EQ(VersionsOf(waiting).back(), 2u);
  EXPECT_EQ(Get(waiting).failed_attempts(), 0);
}

TEST_F(ReloadTest, AParentThatReturnsFromItsChildrenMeetsTheNewestHandler) {  // B183
  Use("parent", [](sdk::Task& task) -> sdk::Outcome {
    return task.stage() == 0 ? task.Next({{.type = "child"}}) : sdk::Outcome("old");
  });
  Use("child", Behind(gate_, "done"));
  Run();
  const uint64_t id = Submit("parent");
  gate_.AwaitHandler();
  Use("parent", Returning("new"));
  gate_.Open();
  EXPECT_EQ(ResultOf(id), "new");
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u, 2u));
}

TEST_F(ReloadTest, AResumedTaskMeetsTheNewestHandler) {  // B166, B183
  Use("order", [](sdk::Task& task) { return task.stage() == 0 ? task.Suspend("approval") : sdk::Outcome("old"); });
  Run();
  const uint64_t id = Submit("order");
  AwaitState(id, v1::TASK_STATE_SUSPENDED);
  Use("order", Returning("new"));
  AwaitVersion("order", 2);
  TestContext context;
  v1::ResumeRequest request;
  v1::ResumeResponse response;
  request.set_task_id(id);
  ASSERT_THAT(tasks().Resume(&context, request, &response), IsOk());
  EXPECT_EQ(ResultOf(id), "new");
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u, 2u));
}

TEST_F(ReloadTest, ATaskThatWasPausedMeetsTheNewestHandler) {
  Use("task", Behind(gate_, sdk::Error("old")));
  Run();
  const uint64_t id = Submit("task");
  gate_.AwaitHandler();
  v1::PauseTaskRequest pause;
  pause.set_task_id(id);
  Ask(&Stub::PauseTask, pause);
  Use("task", Returning("new"));
  gate_.Open();
  v1::Task task = Get(id);
  while (task.failed_attempts() == 0 && !HasFailure()) task = WaitForChange(task);
  EXPECT_EQ(task.state(), v1::TASK_STATE_PAUSED);
  v1::UnpauseTaskRequest unpause;
  unpause.set_task_id(id);
  Ask(&Stub::UnpauseTask, unpause);
  EXPECT_EQ(ResultOf(id), "new");
  EXPECT_THAT(VersionsOf(id), ElementsAre(1u, 2u));
}

TEST_F(ReloadTest, TheNextFiringOfAScheduleMeetsTheNewestHandler) {  // B140, B183
  Use("report", Returning("old"));
  Run();
  v1::CreateScheduleRequest create;
  create.mutable_schedule()->set_name("yearly");
  create.mutable_schedule()->set_cron("@yearly");
  create.mutable_schedule()->mutable_task()->set_type("report");
  Ask(&Stub::CreateSchedule, create);
  v1::TriggerScheduleRequest trigger;
  trigger.set_name("yearly");
  EXPECT_EQ(ResultOf(Ask(&Stub::TriggerSchedule, trigger).task_id()), "old");
  sdk::HandlerOptions options{.handler = Returning("new"), .options = {.priority = 4}};
  Use("report", options);
  AwaitVersion("report", 2);
  const uint64_t next = Ask(&Stub::TriggerSchedule, trigger).task_id();
  EXPECT_EQ(ResultOf(next), "new");
  EXPECT_THAT(VersionsOf(next), ElementsAre(2u));
  EXPECT_EQ(Get(next).priority(), 4);
}

TEST_F(ReloadTest, AMapIsRegisteredAsAWholeOrNotAtAll) {  // B179, S106
  Use("task", Returning("old"));
  Run();
  // Before it runs, a refusal would make Run() fail.
  AwaitVersion("task", 1);
  std::map<std::string, sdk::HandlerOptions> handlers;
  for (const char* type : {"another", "task", "two words"}) handlers[type].handler = Returning("new");
  const absl::Status refused = worker().Use(handlers);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("two words"));
  Use("marker", Returning(""));
  AwaitVersion("marker", 1);
  AwaitVersion("task", 1);
  AwaitVersion("another", 0);
  EXPECT_EQ(ResultOf(Submit("task")), "old");
  handlers.erase("two words");
  EXPECT_TRUE(worker().Use(handlers).ok());
  AwaitVersion("task", 2);
  EXPECT_EQ(ResultOf(Submit("task")), "new");
  EXPECT_EQ(ResultOf(Submit("another")), "new");
}

TEST_F(ReloadTest, WhatHappensToTheOptionsAfterwardsChangesNothing) {  // B180, S133
  sdk::HandlerOptions options{.handler = Returning("old"), .options = {.priority = 3}, .description = "old"};
  Use("task", options);
  options = {.handler = Returning("new"), .options = {.priority = 9}, .description = "new"};
  Run();
  AwaitVersion("task", 1);
  const uint64_t id = Submit("task");
  EXPECT_EQ(ResultOf(id), "old");
  EXPECT_EQ(Get(id).priority(), 3);
  EXPECT_EQ(Type("task").description(), "old");
}

TEST_F(ReloadTest, ATypeIsDescribedAsItWasRegisteredLast) {  // B186, S103, S104, S105
  EXPECT_EQ(Type("task").type(), "");
  Use("task", Returning("bare"));
  Run();
  AwaitVersion("task", 1);
  EXPECT_EQ(Type("task").type(), "task");
  EXPECT_EQ(Type("task").description(), "");
  sdk::HandlerOptions options{.handler = Returning("new"), .options = {.priority = 3}, .description = "does it"};
  Use("task", options);
  AwaitVersion("task", 2);
  EXPECT_EQ(Type("task").description(), "does it");
  EXPECT_EQ(Type("task").options().priority(), 3);
  EXPECT_EQ(Type("task").workers(), 1);
  EXPECT_TRUE(worker().Unuse("task"));
  AwaitVersion("task", 0);
  EXPECT_EQ(Type("task").description(), "does it") << "tasks of the type may be submitted all the same";
  EXPECT_EQ(Type("task").workers(), 0);
}

}  // namespace
}  // namespace baton
