// Handlers that take only so many at the same time, and workers that leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "tests/integration/sdk/reload_fixture.h"

namespace baton {
namespace {

using ::testing::HasSubstr;
using Stub = v1::TaskAdmin::Stub;

// Handlers that are in at the same time.
class Crowd {
 public:
  void Enter() {
    absl::MutexLock lock(&mutex_);
    most_ = std::max(most_, ++inside_);
  }
  void Leave() {
    absl::MutexLock lock(&mutex_);
    --inside_;
  }
  void Await(int count) {
    absl::MutexLock lock(&mutex_);
    const auto are_in = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return inside_ == count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&are_in), absl::Seconds(20)));
  }
  int most() {
    absl::MutexLock lock(&mutex_);
    return most_;
  }

 private:
  absl::Mutex mutex_;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(ReloadTest, AHandlerRunsNoMoreThanItTakes) {  // B66, B106
  Crowd crowd;
  const auto counted = [this, &crowd](sdk::Task&) {
    crowd.Enter();
    gate_.Pass();
    crowd.Leave();
    return sdk::Outcome();
  };
  EXPECT_TRUE(worker().Configure({.max_concurrency = 4, .prefetch = 4}).ok());
  Use("limited", sdk::HandlerOptions{.handler = counted, .max_concurrency = 2});
  Use("other", Returning("beside"));
  std::vector<uint64_t> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(Submit("limited"));
  Run();
  crowd.Await(2);
  EXPECT_EQ(ResultOf(Submit("other")), "beside");
  EXPECT_EQ(Seen().attempts(), 2) << "nor does another one wait in the worker";
  EXPECT_EQ(Seen().handlers(0).max_concurrency(), 2);
  gate_.Open();
  for (const uint64_t id : ids) EXPECT_EQ(WaitForEnd(id).state(), v1::TASK_STATE_COMPLETED);
  EXPECT_LE(crowd.most(), 2);
}

class RecallingTest : public ReloadTest {
 protected:
  RecallingTest() { settings_.engine.beat_interval = 20 * kMillisecond; }
};

TEST_F(RecallingTest, WhatWaitsInAWorkerIsRunByOneThatComesLater) {  // B249
  EXPECT_TRUE(worker().Configure({.max_concurrency = 1, .prefetch = 3}).ok());
  Use("task", Behind(gate_, "late"));
  Run();
  std::vector<uint64_t> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(Submit("task"));
  gate_.AwaitHandler();
  for (const uint64_t id : ids) AwaitState(id, v1::TASK_STATE_RUNNING);
  sdk::WorkerIdentity identity;
  identity.broker = broker().address();
  identity.log = [](sdk::LogLevel, const std::string&) {};
  sdk::Worker other(std::move(identity));
  EXPECT_TRUE(other.Use("task", Returning("soon")).ok());
  std::thread runner([&other] { EXPECT_TRUE(other.Run().ok()); });
  for (size_t i = 1; i < ids.size(); ++i) EXPECT_EQ(ResultOf(ids[i]), "soon");
  gate_.Open();
  EXPECT_EQ(ResultOf(ids[0]), "late");
  EXPECT_EQ(AttemptsOf(ids[0]).size(), 1u);
  EXPECT_EQ(AttemptsOf(ids[3]).size(), 2u) << "one that was given back, which is no failure";
  other.Shutdown();
  runner.join();
}

TEST_F(ReloadTest, WhatRunsCountsForTheHandlerThatComesAfterIt) {  // B185
  Use("task", sdk::HandlerOptions{.handler = Behind(gate_, "old"), .max_concurrency = 1});
  Use("other", Returning("beside"));
  Run();
  const uint64_t first = Submit("task");
  gate_.AwaitHandler();
  Use("task", sdk::HandlerOptions{.handler = Returning("new"), .max_concurrency = 1});
  AwaitVersion("task", 2);
  const uint64_t second = Submit("task");
  EXPECT_EQ(ResultOf(Submit("other")), "beside") << "it has free slots";
  v1::Task waiting = Get(second);
  const absl::Time patience = absl::Now() + absl::Seconds(20);
  while (waiting.waiting_for().find("has one") == std::string::npos && absl::Now() < patience) {
    waiting = Get(second);
  }
  EXPECT_EQ(waiting.state(), v1::TASK_STATE_PENDING);
  EXPECT_THAT(waiting.waiting_for(), HasSubstr("1 has one, but holds as many of type 'task' as its handler takes"));
  gate_.Open();
  EXPECT_EQ(ResultOf(first), "old");
  EXPECT_EQ(ResultOf(second), "new");
}

TEST_F(ReloadTest, AWorkerThatAnOperatorHasLeaveEnds) {
  Use("task", Behind(gate_, "done"));
  std::thread runner([this] { EXPECT_TRUE(worker().Run().ok()); });
  const uint64_t running = Submit("task");
  gate_.AwaitHandler();
  v1::DrainWorkerRequest request;
  request.set_worker_id("reloading");
  EXPECT_EQ(Ask(&Stub::DrainWorker, request).attempts(), 1);
  EXPECT_EQ(Seen().state(), v1::WORKER_STATE_DRAINING);
  const uint64_t waiting = Submit("task");
  gate_.Open();
  EXPECT_EQ(ResultOf(running), "done");
  runner.join();
  EXPECT_EQ(Get(waiting).state(), v1::TASK_STATE_PENDING);
}

// Its last outcome is on its way when it is told to leave, and so, with some luck, is the next task.
TEST_F(ReloadTest, AWorkerThatLeavesWhileTasksWaitLeavesNothingBehind) {
  for (int round = 0; round < 20 && !HasFailure(); ++round) {
    for (int i = 0; i < 10; ++i) Submit("task");
    sdk::WorkerIdentity identity;
    identity.broker = broker().address();
    identity.worker_id = absl::StrCat("leaving-", round);
    identity.log = [](sdk::LogLevel, const std::string&) {};
    sdk::Worker leaving(std::move(identity));
    EXPECT_TRUE(leaving.Configure({.max_concurrency = 1}).ok());
    std::atomic<int> ran = 0;
    absl::Notification third;
    const auto count = [&ran, &third](sdk::Task&) {
      if (++ran == 3) third.Notify();
      return sdk::Outcome();
    };
    EXPECT_TRUE(leaving.Use("task", count).ok());
    std::thread runner([&leaving] {
      const absl::Status status = leaving.Run();
      EXPECT_TRUE(status.ok()) << status;
    });
    EXPECT_TRUE(third.WaitForNotificationWithTimeout(absl::Seconds(20)));
    leaving.Shutdown();
    runner.join();
  }
}

}  // namespace
}  // namespace baton
