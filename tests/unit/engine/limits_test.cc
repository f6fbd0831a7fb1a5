// How many attempts of a type run at the same time: over all workers, and in one of them.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {
namespace {

size_t RunningOf(EngineHarness& harness, const std::vector<TaskId>& ids) {
  size_t running = 0;
  for (const TaskId id : ids) running += harness.StateOf(id) == LiveState::RUNNING ? 1 : 0;
  return running;
}

records::v1::TypeRow RowOf(EngineHarness& harness, const std::string& type) {
  records::v1::TypeRow row;
  std::string bytes;
  if (harness.store().Get(storage::Family::kMeta, TypeMetaKey(type), &bytes).ok()) row.ParseFromString(bytes);
  return row;
}

// ── Of a type, over all workers ──────────────────────────────────────────────────────────────────────────────────

TEST(TypeLimitTest, HoldsOverAllWorkersAndClasses) {  // B105
  EngineHarness harness;
  TestWorker& a = harness.Connect({.worker_id = "a", .types = {"mail"}, .capabilities = {"GPU"}});
  TestWorker& b = harness.Connect({.worker_id = "b", .types = {"mail", "work"}});
  EXPECT_EQ(harness.LimitType("mail", 3), 0u);
  std::vector<TaskId> ids = harness.SubmitMany(3, {.type = "mail"});
  for (const TaskId id :
       harness.SubmitMany(3, {.type = "mail", .options = {.required_capabilities = Capabilities{"GPU"}}})) {
    ids.push_back(id);
  }
  EXPECT_EQ(RunningOf(harness, ids), 3u);
  EXPECT_EQ(a.running().size() + b.running().size(), 3u);
  const TaskId other = harness.Submit();
  EXPECT_TRUE(b.Runs(other)) << "other types pass it by";
}

TEST(TypeLimitTest, EachEndLetsTheNextOneBegin) {  // B106
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  harness.LimitType("work", 1);
  const std::vector<TaskId> ids = harness.SubmitMany(5);
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  EXPECT_THAT(worker.running(), ::testing::ElementsAre(ids[1]));
  EXPECT_THAT(worker.FailFinally(ids[1]), NoError());
  EXPECT_THAT(worker.running(), ::testing::ElementsAre(ids[2]));
  EXPECT_THAT(harness.Cancel(ids[2]), NoError());
  EXPECT_TRUE(worker.Runs(ids[3])) << "its attempt is over, whatever its handler does";
  EXPECT_THAT(worker.Suspend(ids[3], "approval"), NoError());
  EXPECT_TRUE(worker.Runs(ids[4])) << "a suspended task does not count";
  EXPECT_THAT(harness.Resume(ids[3], "yes"), NoError());
  EXPECT_EQ(harness.StateOf(ids[3]), LiveState::PENDING);
  EXPECT_THAT(worker.Release(ids[4]), NoError());
  EXPECT_EQ(RunningOf(harness, ids), 1u);
}

TEST(TypeLimitTest, ATimeoutMakesRoomThoughTheHandlerGoesOn) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.handler_options = {.timeout = 5 * kSecond}});
  harness.LimitType("work", 1);
  const std::vector<TaskId> ids = harness.SubmitMany(2, {.options = {.max_retries = 1}});
  EXPECT_FALSE(worker.Runs(ids[1]));
  harness.Advance(6 * kSecond);
  EXPECT_EQ(harness.StateOf(ids[0]), LiveState::FAILED);
  EXPECT_TRUE(worker.Runs(ids[1]));
}

TEST(TypeLimitTest, WhenItIsLoweredNothingStopsAndNothingBeginsBeforeItIsBelow) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const std::vector<TaskId> ids = harness.SubmitMany(8);
  worker.Update([](WorkerSpec& spec) { spec.slots = 4; });
  const TaskId waiting = harness.Submit();
  EXPECT_EQ(harness.LimitType("work", 6), 8u);
  worker.Update([](WorkerSpec& spec) { spec.slots = 10; });
  EXPECT_EQ(RunningOf(harness, ids), 8u);
  for (size_t i = 0; i < 2; ++i) EXPECT_THAT(worker.Succeed(ids[i]), NoError());
  EXPECT_FALSE(worker.Runs(waiting)) << "six run";
  EXPECT_THAT(worker.Succeed(ids[2]), NoError());
  EXPECT_TRUE(worker.Runs(waiting));
}

TEST(TypeLimitTest, ARaisedOrRemovedLimitIsFeltAtOnce) {
  EngineHarness harness;
  harness.Connect();
  harness.LimitType("work", 1);
  const std::vector<TaskId> ids = harness.SubmitMany(5);
  EXPECT_EQ(harness.LimitType("work", 3), 1u);
  EXPECT_EQ(RunningOf(harness, ids), 3u);
  EXPECT_EQ(harness.LimitType("work", 0), 3u);
  EXPECT_EQ(RunningOf(harness, ids), 5u);
}

TEST(TypeLimitTest, WhatRanBeforeItWasSetCounts) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect();
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  EXPECT_THAT(harness.PauseTask(ids[0]), NoError());
  EXPECT_EQ(harness.LimitType("work", 2), 2u) << "one that is paused runs too";
  const TaskId third = harness.Submit();
  EXPECT_FALSE(worker.Runs(third));
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  EXPECT_TRUE(worker.Runs(third));
}

TEST(TypeLimitTest, OutlivesCrashesAndRegistrations) {
  EngineHarness harness;
  EXPECT_EQ(harness.LimitType("work", 2), 0u) << "before anybody knows it";
  TestWorker& worker = harness.Connect({.worker_id = "first"});
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  for (const bool with_pages : {false, true}) {
    if (with_pages) harness.StorePages();
    harness.Crash();
    const std::string name = with_pages ? "b" : "a";
    harness.Connect({.worker_id = name, .handler_options = {.timeout = kHour}});
    EXPECT_EQ(RunningOf(harness, ids), 2u) << "counted anew from what runs";
    EXPECT_THAT(worker.Hello(), NoError());
    EXPECT_EQ(RunningOf(harness, ids), 2u);
  }
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  EXPECT_EQ(RunningOf(harness, ids), 2u);
  EXPECT_EQ(harness.LimitType("work", 0), 2u);
  EXPECT_EQ(RunningOf(harness, ids), 3u);
  harness.Crash();
  EXPECT_FALSE(RowOf(harness, "work").has_limit());
  EXPECT_NE(RowOf(harness, "work").registered_us(), 0);
}

TEST(TypeLimitTest, ALostWorkerMakesRoom) {
  EngineHarness harness;
  harness.LimitType("work", 1);
  TestWorker& first = harness.Connect({.worker_id = "first", .slots = 1});
  TestWorker& second = harness.Connect({.worker_id = "second", .slots = 1});
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  EXPECT_TRUE(first.Runs(ids[0]));
  first.Kill();
  harness.Advance(2 * kSecond);
  EXPECT_TRUE(second.Runs(ids[0]));
  EXPECT_EQ(RunningOf(harness, ids), 1u);
}

TEST(TypeLimitTest, IsStoredWithWhoAndWhyAndTypesThatNobodyKnewLeaveNothingBehind) {
  EngineHarness harness;
  harness.LimitType("mail", 5);
  records::v1::TypeRow row = RowOf(harness, "mail");
  EXPECT_EQ(row.limit().max_running(), 5u);
  EXPECT_EQ(row.limit().actor(), "local");
  EXPECT_EQ(row.limit().reason(), "the mail server takes no more");
  EXPECT_EQ(row.limit().time_us(), kStart);
  EXPECT_THAT(harness.PauseType("mail"), NoError());
  EXPECT_THAT(harness.PauseType("mail", false), NoError());
  EXPECT_EQ(RowOf(harness, "mail").limit().max_running(), 5u);
  harness.TakeWrites();
  harness.Advance(kSecond);
  harness.LimitType("mail", 5);
  EXPECT_EQ(harness.TakeWrites()[static_cast<size_t>(storage::Family::kMeta)], 0u) << "it is in force already";
  harness.LimitType("mail", 0);
  std::string bytes;
  EXPECT_TRUE(absl::IsNotFound(harness.store().Get(storage::Family::kMeta, TypeMetaKey("mail"), &bytes)));
}

TEST(TypeLimitTest, HoldsForTasksThatAreReadFromTheStore) {
  EngineSettings settings;
  settings.resident_tasks = 4;
  EngineHarness harness(settings);
  harness.LimitType("work", 2);
  std::vector<TaskId> ids = harness.SubmitMany(30);
  TestWorker& worker = harness.Connect();
  while (!ids.empty()) {
    ASSERT_EQ(worker.running().size(), std::min<size_t>(2, ids.size()));
    const TaskId id = worker.running()[0];
    ASSERT_THAT(worker.Succeed(id), NoError());
    std::erase(ids, id);
  }
}

// ── Of a handler, in its worker ──────────────────────────────────────────────────────────────────────────────────

TEST(HandlerLimitTest, HoldsInEachWorkerByItself) {  // B106, B107, S126
  EngineHarness harness;
  TestWorker& a = harness.Connect({.worker_id = "a", .max_concurrency = 2});
  TestWorker& b = harness.Connect({.worker_id = "b", .max_concurrency = 2});
  TestWorker& c = harness.Connect({.worker_id = "c", .slots = 1, .max_concurrency = 2});
  harness.SubmitMany(20);
  EXPECT_EQ(a.running().size(), 2u);
  EXPECT_EQ(b.running().size(), 2u);
  EXPECT_EQ(c.running().size(), 1u) << "it has one slot";
}

TEST(HandlerLimitTest, LeavesTheOtherSlotsToOtherTypes) {  // B105, S132
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 4, .types = {"mail", "work"}, .max_concurrency = 3});
  const std::vector<TaskId> mails = harness.SubmitMany(5, {.type = "mail", .options = {.priority = 5}});
  const std::vector<TaskId> works = harness.SubmitMany(5);
  EXPECT_THAT(worker.running(), ::testing::ElementsAre(mails[0], mails[1], mails[2], works[0]));
  EXPECT_THAT(worker.Succeed(works[0]), NoError());
  EXPECT_TRUE(worker.Runs(works[1])) << "though the mails have the larger priority";
  EXPECT_THAT(worker.Succeed(mails[0]), NoError());
  EXPECT_TRUE(worker.Runs(mails[3]));
}

TEST(HandlerLimitTest, AnotherWorkerTakesWhatItHasNoRoomFor) {
  EngineHarness harness;
  TestWorker& limited = harness.Connect({.worker_id = "limited", .max_concurrency = 1});
  TestWorker& other = harness.Connect({.worker_id = "other", .slots = 3, .capabilities = {"GPU"}});
  harness.SubmitMany(6);
  EXPECT_EQ(limited.running().size(), 1u);
  EXPECT_EQ(other.running().size(), 3u);
}

TEST(HandlerLimitTest, AHandlerThatGoesOnThoughItsAttemptIsOverTakesItsPlace) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.max_concurrency = 1});
  const std::vector<TaskId> ids = harness.SubmitMany(2);
  const AttemptId attempt = worker.AttemptOf(ids[0]);
  EXPECT_THAT(harness.Cancel(ids[0]), NoError());
  EXPECT_FALSE(worker.Runs(ids[1]));
  worker.CloseStream();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_FALSE(worker.Runs(ids[1])) << "nor in a new session";
  worker.Drop(attempt);
  EXPECT_TRUE(worker.Beat());
  EXPECT_TRUE(worker.Runs(ids[1]));
}

TEST(HandlerLimitTest, AChangeCountsWhatRunsAlready) {  // B185
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.slots = 6});
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  worker.Update([](WorkerSpec& spec) {
    spec.max_concurrency = 3;
    ++spec.handler_version;
  });
  const std::vector<TaskId> later = harness.SubmitMany(3);
  EXPECT_EQ(worker.running().size(), 4u) << "nothing is stopped";
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  EXPECT_EQ(worker.running().size(), 3u);
  EXPECT_THAT(worker.Succeed(ids[1]), NoError());
  EXPECT_TRUE(worker.Runs(later[0]));
  worker.Update([](WorkerSpec& spec) { spec.max_concurrency = 0; });
  EXPECT_TRUE(worker.Runs(later[2]));
}

TEST(HandlerLimitTest, CountsOnOverARestartOfTheBroker) {
  EngineHarness harness;
  TestWorker& worker = harness.Connect({.max_concurrency = 2});
  const std::vector<TaskId> ids = harness.SubmitMany(4);
  harness.Crash();
  EXPECT_THAT(worker.Hello(), NoError());
  EXPECT_EQ(worker.running().size(), 2u);
  EXPECT_THAT(worker.Succeed(ids[0]), NoError());
  EXPECT_THAT(worker.running(), ::testing::ElementsAre(ids[1], ids[2]));
}

TEST(HandlerLimitTest, CountsTogetherWithTheLimitOfTheType) {
  EngineHarness harness;
  TestWorker& a = harness.Connect({.worker_id = "a", .max_concurrency = 2});
  TestWorker& b = harness.Connect({.worker_id = "b", .max_concurrency = 2});
  harness.LimitType("work", 3);
  const std::vector<TaskId> ids = harness.SubmitMany(6);
  EXPECT_EQ(a.running().size() + b.running().size(), 3u);
  EXPECT_EQ(harness.LimitType("work", 5), 3u);
  EXPECT_EQ(RunningOf(harness, ids), 4u);
}

TEST(HandlerLimitTest, AWorkerThatHasNoRoomStillCountsAsOneThatCouldRunIt) {
  EngineHarness harness;
  harness.Connect({.max_concurrency = 1});
  harness.Submit();
  const Reply<SubmitCommand> reply = harness.SubmitCall({TaskSpec{}});
  EXPECT_TRUE(reply->results.at(0).runnable);
}

TEST(HandlerLimitTest, ManyHandlersWithLimitsShareTheSlots) {
  EngineHarness harness;
  WorkerSpec spec{.slots = 5, .types = {}, .max_concurrency = 2};
  for (int i = 0; i < 20; ++i) spec.types.push_back(absl::StrCat("type-", i));
  TestWorker& worker = harness.Connect(spec);
  std::vector<TaskId> ids;
  for (const std::string& type : spec.types) {
    for (const TaskId id : harness.SubmitMany(3, {.type = type})) ids.push_back(id);
  }
  for (size_t done = 0; done < ids.size(); ++done) {
    // In the end few types are left, and of each only two may run.
    if (ids.size() - done > 8) {
      ASSERT_EQ(worker.running().size(), 5u);
    }
    ASSERT_FALSE(worker.running().empty());
    ASSERT_THAT(worker.Succeed(worker.running().front()), NoError());
  }
}

}  // namespace
}  // namespace baton::engine::testing
