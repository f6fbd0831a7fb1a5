// Request ids: a Submit may be sent again.
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<TaskId> Ids(const Reply<SubmitCommand>& reply) {
  std::vector<TaskId> ids;
  for (const SubmitResult& result : reply->results) ids.push_back(result.id);
  return ids;
}

TEST(RequestsTest, RepeatIsAnsweredWithTheSameTasks) {
  EngineHarness harness;
  const std::vector<TaskSpec> specs = {{.payload = "a"}, {.payload = "b"}, {.delay = kHour}};
  const auto first = harness.SubmitCall(specs, "request 1");
  EXPECT_THAT(Ids(first), ElementsAre(1, 2, 3));
  EXPECT_EQ(Ids(harness.SubmitCall(specs, "request 1")), Ids(first));
  harness.Crash();
  EXPECT_EQ(Ids(harness.SubmitCall(specs, "request 1")), Ids(first));
  EXPECT_EQ(harness.next_id(), 4u);
  EXPECT_THAT(Ids(harness.SubmitCall(specs, "request 2")), ElementsAre(4, 5, 6));
}

// The repeat used to say that the task was new and pending: a caller whose first answer was lost with the broker took a
// task of somebody else for its own.
TEST(RequestsTest, RepeatStillSaysWhichTasksExisted) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId holder = harness.Submit({.unique_key = "daily"});
  ASSERT_TRUE(worker.Runs(holder));
  const std::vector<TaskSpec> specs = {{.payload = "new"}, {.unique_key = "daily"}};
  const auto first = harness.SubmitCall(specs, "request");
  ASSERT_TRUE(first->results[1].existing);
  harness.Crash();
  const auto again = harness.SubmitCall(specs, "request");
  EXPECT_EQ(Ids(again), Ids(first));
  EXPECT_FALSE(again->results[0].existing);
  EXPECT_EQ(again->results[0].state, LiveState::PENDING);
  EXPECT_TRUE(again->results[1].existing);
  EXPECT_EQ(again->results[1].state, LiveState::RUNNING);
}

TEST(RequestsTest, RepeatOfARefusalNamesTheHolderAndTheCure) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const TaskId holder = harness.Submit({.unique_key = "daily"});
  const std::vector<TaskSpec> specs = {{.unique_key = "daily", .policy = UniquePolicy::kReject}};
  harness.SubmitCall(specs, "request");
  Error refused = harness.SubmitCall(specs, "request")->results[0].error;
  EXPECT_THAT(refused, ErrorIs(absl::StatusCode::kAlreadyExists, "UNIQUE_KEY_IN_USE"));
  EXPECT_THAT(refused.message, HasSubstr("task 1 has it now: to have it tried again, send a new request_id"));
  worker.Succeed(holder);
  refused = harness.SubmitCall(specs, "request")->results[0].error;
  EXPECT_THAT(refused.message, HasSubstr("nobody has it now: to have it tried again, send a new request_id"));
  EXPECT_THAT(harness.SubmitCall(specs, "another request")->results[0].error, NoError());
}

TEST(RequestsTest, RepeatAfterTheTasksHaveEndedMakesNoNewOnes) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const auto first = harness.SubmitCall({{}}, "request");
  worker.Succeed(first->results[0].id);
  EXPECT_EQ(Ids(harness.SubmitCall({{}}, "request")), Ids(first));
  EXPECT_EQ(harness.next_id(), 2u);
}

TEST(RequestsTest, SameIdWithOtherTasksIsRefused) {
  EngineHarness harness;
  harness.SubmitCall({{.payload = "a"}}, "request");
  const auto reply = harness.SubmitCall({{.payload = "b"}}, "request");
  EXPECT_THAT(reply->error, ErrorIs(absl::StatusCode::kInvalidArgument, "REQUEST_ID_REUSED"));
  EXPECT_EQ(harness.next_id(), 2u);
}

TEST(RequestsTest, IdIsForgottenAfterADay) {
  EngineHarness harness;
  const std::vector<TaskSpec> specs = {{.delay = 30 * kDay}};
  harness.SubmitCall(specs, "request");
  harness.clock().AdvanceBoth(kDay);
  EXPECT_THAT(Ids(harness.SubmitCall(specs, "request")), ElementsAre(1));
  harness.clock().AdvanceBoth(1);
  EXPECT_THAT(Ids(harness.SubmitCall(specs, "request")), ElementsAre(2));
}

// Found by the simulation: the row lies in a window after the current one then, where nobody looked.
TEST(RequestsTest, IdIsRememberedThoughTheWallClockWasSetBackByADay) {
  EngineHarness harness;
  harness.SubmitCall({{}}, "request");
  harness.Crash();
  harness.clock().AdvanceWall(-kDay);
  EXPECT_THAT(Ids(harness.SubmitCall({{}}, "request")), ElementsAre(1));
}

// Found by the simulation: while a submission waited for the holder of a unique key, what it had looked up became too
// old, and an end of that holder was forgotten.
TEST(RequestsTest, LookUpsThatBecomeTooOldWhileTheCallWaitsAreRefused) {
  EngineSettings settings;
  settings.resident_tasks = 1;
  settings.key_horizon = 1;
  EngineHarness harness(settings);
  const TaskId holder = harness.Submit({.delay = kHour, .unique_key = "k"});
  harness.hold_loads = true;
  const auto reply = harness.Send(MakeSubmit({{.unique_key = "k"}}, "request", harness.store(), harness.now()));
  harness.Round();
  EXPECT_FALSE(reply.answered());
  for (int i = 0; i < 4; ++i) harness.SubmitCall({{.unique_key = "other " + std::to_string(i)}});
  harness.hold_loads = false;
  harness.Settle();
  ASSERT_TRUE(reply.answered());
  EXPECT_THAT(reply.error(), ErrorIs(absl::StatusCode::kUnavailable, "OVERLOADED"));
  EXPECT_EQ(harness.StateOf(holder), LiveState::PENDING);
}

TEST(RequestsTest, RequestThatWasNotCommittedBeforeACrashIsNew) {
  EngineHarness harness;
  const auto lost = harness.Send(MakeSubmit({{}}, "request", harness.store(), harness.now()));
  harness.Round(/*commit=*/false);
  harness.Crash();
  EXPECT_FALSE(lost.answered());
  EXPECT_THAT(Ids(harness.SubmitCall({{}}, "request")), ElementsAre(1));
}

TEST(RequestsTest, LookUpFromBeforeTheFirstCallIsCompletedFromMemory) {
  EngineHarness harness;
  auto again = MakeSubmit({{}}, "request", harness.store(), harness.now());
  const auto first = harness.SubmitCall({{}}, "request");
  EXPECT_EQ(Ids(harness.Call(std::move(again))), Ids(first));
  EXPECT_EQ(harness.next_id(), 2u);
}

TEST(RequestsTest, LookUpThatIsTooOldIsSentBack) {
  EngineHarness harness;
  harness.pages_every = 1000;
  auto old = MakeSubmit({{}}, "old", harness.store(), harness.now());
  harness.SubmitCall({{}}, "request");
  for (int i = 0; i < 8300; ++i) {
    // Each is a commit of its own.
    ASSERT_THAT(harness.SubmitCall({{.delay = kHour, .unique_key = "same", .policy = UniquePolicy::kReplacePending}})
                    ->results[0]
                    .error,
                NoError());
    if (i % 200 == 0) harness.StorePages();
  }
  EXPECT_THAT(harness.Call(std::move(old))->error, ErrorIs(absl::StatusCode::kUnavailable, "OVERLOADED"));
}

TEST(RequestsTest, WhatWasWrittenLatelyIsBoundedFromTheFirstCommitOn) {
  EngineSettings settings;
  settings.key_bytes = 10'000;
  EngineHarness harness(settings);
  const TaskId holder = harness.Submit({.delay = kHour, .unique_key = "k"});
  auto old = MakeSubmit({{}}, "old", harness.store(), harness.now());
  // Each of the hundred items is a run of its own.
  const std::vector<TaskSpec> specs(100, TaskSpec{.unique_key = "k"});
  EXPECT_EQ(harness.SubmitCall(specs, "large")->results[99].id, holder);
  auto recent = MakeSubmit({{}}, "recent", harness.store(), harness.now());
  EXPECT_EQ(harness.SubmitCall(specs, "larger")->results[99].id, holder);
  EXPECT_THAT(harness.Call(std::move(old))->error, ErrorIs(absl::StatusCode::kUnavailable, "OVERLOADED"));
  EXPECT_THAT(harness.Call(std::move(recent))->error, NoError());
}

TEST(RequestsTest, ARepeatTellsWhetherAWorkerCanRunTheTasks) {
  EngineHarness harness;
  harness.Connect({.types = {"served"}});
  const std::vector<TaskSpec> specs = {{.type = "served"}, {.type = "nobody's"}};
  const auto first = harness.SubmitCall(specs, "request");
  const auto again = harness.SubmitCall(specs, "request");
  EXPECT_EQ(Ids(again), Ids(first));
  EXPECT_TRUE(again->results[0].runnable);
  EXPECT_FALSE(again->results[1].runnable);
}

// The limits may be smaller after a restart.
TEST(RequestsTest, TasksThatWereTakenAreTakenInARepeatThoughTheyWouldBeRefusedNow) {
  EngineHarness harness;
  const auto first = harness.SubmitCall({{}}, "request");
  auto repeat = MakeSubmit({{}}, "request", harness.store(), harness.now());
  repeat->tasks[0].error = InvalidArgument("PAYLOAD_TOO_LARGE", "the payload is too large");
  const auto again = harness.Call(std::move(repeat));
  EXPECT_THAT(again->results.at(0).error, NoError());
  EXPECT_EQ(Ids(again), Ids(first));
}

TEST(RequestsTest, RefusedItemsStayRefusedInARepeat) {
  EngineHarness harness;
  harness.Submit({.delay = kHour, .unique_key = "k"});
  const std::vector<TaskSpec> specs = {
      {}, {.unique_key = "k", .policy = UniquePolicy::kReject}, {.unique_key = "k"}, {}};
  const auto first = harness.SubmitCall(specs, "request");
  EXPECT_THAT(Ids(first), ElementsAre(2, 0, 1, 3));
  harness.Crash();
  const auto again = harness.SubmitCall(specs, "request");
  EXPECT_EQ(Ids(again), Ids(first));
  EXPECT_THAT(again->results[1].error, ErrorIs(absl::StatusCode::kAlreadyExists, "UNIQUE_KEY_IN_USE"));
}

}  // namespace
}  // namespace baton::engine::testing
