// The broker for tests of users, as users see it: nothing but public headers.
#include <baton/client.h>
#include <baton/error.h>
#include <baton/testing.h>
#include <baton/worker.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

using baton::Outcome;
using baton::Task;
using baton::TaskState;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class TestingBrokerTest : public ::testing::Test {
 protected:
  void Use(const std::string& type, baton::HandlerOptions options) {
    const absl::Status used = broker_.Use(type, std::move(options));
    ASSERT_TRUE(used.ok()) << used;
  }
  void Use(const std::string& type, baton::HandlerFunction handler) {
    Use(type, baton::HandlerOptions{std::move(handler)});
  }
  uint64_t Submit(baton::NewTask task) {
    const absl::StatusOr<baton::Submitted> submitted = broker_.Submit(std::move(task));
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    return submitted.ok() ? submitted->id : 0;
  }
  baton::TaskInfo Wait(uint64_t id) { return Checked(broker_.Wait(id)); }
  baton::TaskInfo Get(uint64_t id) { return Checked(broker_.Get(id)); }

  std::shared_ptr<baton::Worker> MakeWorker(const std::string& worker_id) {
    return std::make_shared<baton::Worker>(
        baton::WorkerIdentity{.broker = broker_.address(), .worker_id = worker_id, .log = [](auto, auto&) {}});
  }

  // What happened when, in seconds since the start.
  void Note(const std::string& what) {
    const absl::MutexLock lock(&mutex_);
    notes_.push_back(std::to_string(absl::ToInt64Seconds(broker_.Now() - start_)) + " " + what);
  }
  std::vector<std::string> notes() {
    const absl::MutexLock lock(&mutex_);
    return notes_;
  }

  baton::testing::Broker broker_{{.patience = absl::Seconds(30)}};
  const absl::Time start_ = broker_.Now();

 private:
  static baton::TaskInfo Checked(const absl::StatusOr<baton::TaskInfo>& task) {
    EXPECT_TRUE(task.ok()) << task.status();
    return task.value_or(baton::TaskInfo());
  }

  absl::Mutex mutex_;
  std::vector<std::string> notes_;
};

TEST_F(TestingBrokerTest, RunsATaskWithoutAnyTimeGoingBy) {
  Use("hello", [](Task& task) { return "Hello, " + task.payload().bytes() + "!"; });
  const baton::TaskInfo end = Wait(Submit({.type = "hello", .payload = "world"}));
  EXPECT_EQ(end.state, TaskState::kCompleted);
  EXPECT_EQ(end.result.bytes(), "Hello, world!");
  EXPECT_EQ(end.payload.bytes(), "world");
  EXPECT_EQ(broker_.Now(), start_);
}

TEST_F(TestingBrokerTest, RetriesComeWithTheirBackoff) {
  Use("flaky", {.handler = [this](Task& task) -> Outcome {
                  Note("attempt " + std::to_string(task.attempt()));
                  if (task.attempt() < 4) return baton::Error("not yet");
                  return "done";
                },
                .options = {.max_retries = 5,
                            .retry_interval = absl::Hours(1),
                            .retry_backoff = baton::RetryBackoff::kExponential,
                            .retry_interval_cap = absl::Hours(24),
                            .retry_jitter = 0}});
  const uint64_t id = Submit({.type = "flaky"});
  broker_.RunUntilIdle();
  EXPECT_THAT(notes(), ElementsAre("0 attempt 1"));
  EXPECT_EQ(Get(id).due_at, start_ + absl::Hours(1));
  broker_.Advance(absl::Minutes(59));
  EXPECT_THAT(notes(), ElementsAre("0 attempt 1"));
  EXPECT_EQ(Wait(id).state, TaskState::kCompleted);
  EXPECT_THAT(notes(), ElementsAre("0 attempt 1", "3600 attempt 2", "10800 attempt 3", "25200 attempt 4"));
  EXPECT_EQ(broker_.Now(), start_ + absl::Hours(7));
}

TEST_F(TestingBrokerTest, HandlersThatTakeTooLongTimeOut) {
  Use("slow", {.handler = [this](Task& task) -> Outcome {
                 // Two minutes of work, unless it is told to stop.
                 const bool stopped = task.WaitCancelled(absl::Minutes(2));
                 Note(stopped ? "stopped" : "done");
                 if (stopped) return baton::Error("stopped");
                 return "done";
               },
               .options = {.timeout = absl::Minutes(1), .max_retries = 2}});
  const baton::TaskInfo end = Wait(Submit({.type = "slow"}));
  EXPECT_EQ(end.state, TaskState::kPermanentlyFailed);
  EXPECT_THAT(end.last_error, HasSubstr("timed out"));
  EXPECT_EQ(end.attempt, 2);
  broker_.RunUntilIdle();
  EXPECT_THAT(notes(), ElementsAre("60 stopped", "120 stopped"));

  const baton::TaskInfo patient = Wait(Submit({.type = "slow", .options = {.timeout = absl::Minutes(3)}}));
  EXPECT_EQ(patient.state, TaskState::kCompleted);
  EXPECT_EQ(broker_.Now(), start_ + absl::Minutes(4));
}

TEST_F(TestingBrokerTest, TimeGoesByInSpiteOfAHandlerThatBlocks) {
  absl::Mutex mutex;
  bool open = false;
  baton::testing::Broker impatient({.patience = absl::Milliseconds(20)});
  const absl::Status used = impatient.Use("blocking", {.handler = [&](Task& task) -> Outcome {
                                                         if (task.attempt() > 1) return "done";
                                                         const absl::MutexLock lock(&mutex);
                                                         mutex.Await(absl::Condition(&open));
                                                         return "too late";
                                                       },
                                                       .options = {.timeout = absl::Minutes(1)}});
  ASSERT_TRUE(used.ok()) << used;
  const auto task = impatient.Submit({.type = "blocking"});
  const auto end = impatient.Wait(task->id);
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->result.bytes(), "done");
  EXPECT_EQ(end->attempt, 2);
  const absl::MutexLock lock(&mutex);
  open = true;
}

TEST_F(TestingBrokerTest, WorkflowsGoOnWhenTheirChildrenHaveEnded) {
  Use("square",
      [](Task& task) { return std::to_string(std::stoi(task.payload().bytes()) * std::stoi(task.payload().bytes())); });
  Use("sum", [](Task& task) -> Outcome {
    if (task.stage() == 0) {
      std::vector<baton::NewTask> children;
      for (int i = 0; i < 2000; ++i) children.push_back({.type = "square", .payload = std::to_string(i)});
      return task.Next(std::move(children));
    }
    int64_t sum = 0;
    for (const baton::ChildOutcome& child : task.Children()) sum += std::stoll(child.result.bytes());
    return std::to_string(sum);
  });
  const baton::TaskInfo end = Wait(Submit({.type = "sum"}));
  EXPECT_EQ(end.result.bytes(), "2664667000");
  EXPECT_EQ(broker_.Now(), start_);
}

TEST_F(TestingBrokerTest, TheTraceContextReachesHandlersAndChildren) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  Use("child", [](Task& task) { return task.trace_parent() + " " + task.trace_state(); });
  Use("parent", [](Task& task) -> Outcome {
    if (task.stage() == 0) return task.Next({{.type = "child"}});
    std::string seen = task.trace_parent();
    for (const baton::ChildOutcome& child : task.Children()) seen += ", " + child.result.bytes();
    return seen;
  });
  const baton::TaskInfo end = Wait(Submit({.type = "parent", .trace_parent = trace, .trace_state = "rojo=1"}));
  EXPECT_EQ(end.result.bytes(), trace + ", " + trace + " rojo=1");
  EXPECT_EQ(end.trace_parent, trace);
  EXPECT_EQ(end.trace_state, "rojo=1");
}

TEST_F(TestingBrokerTest, ApprovalsAreMadeByTheTestOrByTheClock) {
  Use("order", [](Task& task) -> Outcome {
    if (task.stage() == 0) {
      return task.Suspend("approval", {.timeout = absl::Hours(72),
                                       .when_undecided = baton::WhenUndecided::kResume,
                                       .default_decision = baton::Payload::Json("\"nobody\"")});
    }
    return task.decision();
  });
  const uint64_t approved = Submit({.type = "order"}), rejected = Submit({.type = "order"});
  const uint64_t forgotten = Submit({.type = "order"});
  EXPECT_EQ(Get(approved).suspend_reason, "approval");
  EXPECT_TRUE(broker_.Approve(approved, "it's \"fine\"").ok());
  EXPECT_TRUE(broker_.Reject(rejected).ok());
  EXPECT_EQ(Wait(approved).result.json_text(), R"({"approved":true,"comment":"it's \"fine\""})");
  EXPECT_EQ(Wait(rejected).result.json_text(), R"({"approved":false})");
  EXPECT_EQ(broker_.Now(), start_);
  EXPECT_EQ(Wait(forgotten).result.json_text(), "\"nobody\"");
  EXPECT_EQ(broker_.Now(), start_ + absl::Hours(72));
}

TEST_F(TestingBrokerTest, WaitingForADecisionThatNobodyMakesFailsAtOnce) {
  Use("order", [](Task& task) -> Outcome { return task.Suspend("approval"); });
  const uint64_t id = Submit({.type = "order"});
  const auto end = broker_.Wait(id);
  EXPECT_TRUE(absl::IsFailedPrecondition(end.status())) << end.status();
  EXPECT_EQ(baton::ErrorReason(end.status()), "SUSPENDED");
  EXPECT_EQ(broker_.Now(), start_);
}

TEST_F(TestingBrokerTest, WaitingForWhatNeverEndsTakesAYearAtMost) {
  const uint64_t id = Submit({.type = "nobody-knows-it"});
  const auto end = broker_.Wait(id);
  EXPECT_TRUE(absl::IsDeadlineExceeded(end.status())) << end.status();
  EXPECT_THAT(std::string(end.status().message()), HasSubstr("PENDING"));
  EXPECT_EQ(broker_.Now(), start_ + absl::Hours(24 * 365));
}

TEST_F(TestingBrokerTest, SchedulesFireWhenTheyAreDue) {
  Use("report", [this](Task& task) {
    Note(absl::FormatTime("%m-%d %H:%M", task.scheduled_at(), absl::UTCTimeZone()));
    return "done";
  });
  const auto created = broker_.client().CreateSchedule(
      {.name = "monthly", .cron = "30 2 1 * *", .time_zone = "Europe/Berlin", .task = {.type = "report"}});
  ASSERT_TRUE(created.ok()) << created.status();
  broker_.AdvanceTo(absl::FromCivil(absl::CivilDay(2030, 4, 15), absl::UTCTimeZone()));
  EXPECT_THAT(notes(),
              ElementsAre("5400 01-01 01:30", "2683800 02-01 01:30", "5103000 03-01 01:30", "7777800 04-01 00:30"));
}

TEST_F(TestingBrokerTest, WhatALostWorkerRanRunsOnAnotherOne) {
  Use("work", [this](Task& task) -> Outcome {
    Note("attempt " + std::to_string(task.attempt()));
    // The first one is in the middle of it when its worker is lost.
    if (task.attempt() == 1) task.WaitCancelled(absl::Minutes(1));
    return "by attempt " + std::to_string(task.attempt());
  });
  const uint64_t id = Submit({.type = "work", .options = {.max_retries = 1}});
  broker_.Advance(absl::Seconds(10));
  ASSERT_TRUE(broker_.LoseWorker().ok());
  EXPECT_EQ(Get(id).state, TaskState::kRunning) << "within the grace";
  const baton::TaskInfo end = Wait(id);
  EXPECT_EQ(end.result.bytes(), "by attempt 2");
  EXPECT_EQ(end.worker_id, "test-worker-2");
  EXPECT_EQ(end.failed_attempts, 0) << "a lost worker costs no retry";
  EXPECT_THAT(notes(), ElementsAre("0 attempt 1", "11 attempt 2"));
}

TEST_F(TestingBrokerTest, LosingAWorkerNeedsOne) {
  EXPECT_TRUE(absl::IsFailedPrecondition(broker_.LoseWorker()));
  EXPECT_TRUE(absl::IsNotFound(broker_.LoseWorker("nobody")));
  EXPECT_TRUE(absl::IsNotFound(broker_.ReturnWorker("nobody")));
}

TEST_F(TestingBrokerTest, WorkersOfProductionAreCutOffAndComeBack) {
  const auto worker = MakeWorker("w1");
  const absl::Status used = worker->Use("work", [this](Task& task) -> Outcome {
    Note("attempt " + std::to_string(task.attempt()));
    Note(task.WaitCancelled(absl::Seconds(20)) ? "stopped" : "done");
    return "done";
  });
  ASSERT_TRUE(used.ok()) << used;
  ASSERT_TRUE(broker_.Start(worker).ok());
  const uint64_t id = Submit({.type = "work"});
  broker_.RunUntilIdle();
  // Back within the grace it goes on with what it has.
  ASSERT_TRUE(broker_.LoseWorker("w1").ok());
  ASSERT_TRUE(broker_.ReturnWorker("w1").ok());
  broker_.Advance(absl::Seconds(10));
  EXPECT_EQ(Get(id).attempt, 1);
  // Later it is over.
  ASSERT_TRUE(broker_.LoseWorker("w1").ok());
  broker_.Advance(absl::Seconds(5));
  EXPECT_EQ(Get(id).state, TaskState::kPending);
  ASSERT_TRUE(broker_.ReturnWorker("w1").ok());
  EXPECT_EQ(Wait(id).attempt, 2);
  EXPECT_THAT(notes(),
              UnorderedElementsAre("0 attempt 1", EndsWith("stopped"), EndsWith("attempt 2"), EndsWith("done")));
}

TEST_F(TestingBrokerTest, StartTellsWhyAWorkerDoesNotRun) {
  EXPECT_TRUE(absl::IsInvalidArgument(broker_.Start(MakeWorker("not a name"))));
}

TEST_F(TestingBrokerTest, WorkersMayRunOnThreadsOfTheirOwn) {
  const auto worker = MakeWorker("mine");
  ASSERT_TRUE(worker->Use("work", [](Task&) { return "done"; }).ok());
  std::thread running([&] { EXPECT_TRUE(worker->Run().ok()); });
  EXPECT_TRUE(broker_.AwaitWorker("mine").ok());
  EXPECT_EQ(Wait(Submit({.type = "work"})).worker_id, "mine");
  worker->Shutdown();
  running.join();
  baton::testing::Broker impatient({.patience = absl::Milliseconds(1)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(impatient.AwaitWorker("nobody")));
}

TEST_F(TestingBrokerTest, ClientsWaitInVirtualTime) {
  Use("slow", [](Task& task) -> Outcome {
    task.WaitCancelled(absl::Seconds(50));
    return "done";
  });
  baton::Client client({.broker = broker_.address()});
  const auto task = client.Submit({.type = "slow", .delay = absl::Minutes(10)});
  ASSERT_TRUE(task.ok()) << task.status();
  const auto early = client.Wait(task->id, absl::Minutes(5));
  EXPECT_TRUE(absl::IsDeadlineExceeded(early.status())) << early.status();
  EXPECT_EQ(broker_.Now(), start_ + absl::Minutes(5));
  const auto end = client.Wait(task->id, absl::Hours(1));
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(broker_.Now(), start_ + absl::Minutes(10) + absl::Seconds(50));
}

TEST_F(TestingBrokerTest, ClientsCanBeMadeToLeaveTheClockAlone) {
  baton::testing::Broker broker({.time_goes_by_while_clients_wait = false});
  ASSERT_TRUE(broker.Use("later", [](Task&) { return "done"; }).ok());
  const auto task = broker.Submit({.type = "later", .delay = absl::Hours(1)});
  absl::StatusOr<baton::TaskInfo> end;
  std::thread waiting([&] { end = broker.client().Wait(task->id, absl::Hours(2)); });
  broker.Advance(absl::Minutes(59));
  EXPECT_EQ(broker.Get(task->id)->state, TaskState::kPending);
  broker.Advance(absl::Hours(3));
  waiting.join();
  EXPECT_EQ(end->result.bytes(), "done");
}

TEST_F(TestingBrokerTest, CancelledTasksStopTheirHandlers) {
  Use("work", [this](Task& task) -> Outcome {
    task.WaitCancelled(absl::Seconds(50));
    Note(task.cancel_reason());
    return "done";
  });
  const uint64_t id = Submit({.type = "work"});
  broker_.Advance(absl::Seconds(5));
  ASSERT_TRUE(broker_.Cancel(id, "wrong file").ok());
  EXPECT_EQ(Get(id).state, TaskState::kCancelled);
  EXPECT_THAT(notes(), ElementsAre("5 the task was cancelled: wrong file"));
}

TEST_F(TestingBrokerTest, UniqueKeysAndErrorsAreThoseOfTheBroker) {
  const uint64_t first = Submit({.type = "t", .unique_key = "k"});
  const auto second = broker_.Submit({.type = "t", .unique_key = "k"});
  EXPECT_TRUE(second->existing);
  EXPECT_EQ(second->id, first);
  const auto missing = broker_.Get(99);
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_EQ(baton::ErrorReason(missing.status()), "TASK_NOT_FOUND");
  const auto refused = broker_.Submit({.type = "not a name"});
  EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
  EXPECT_TRUE(absl::IsInvalidArgument(broker_.Use("not a name", [](Task&) { return "x"; })));
  Use("t", [](Task&) { return "x"; });
}

TEST_F(TestingBrokerTest, SeveralBrokersHaveClocksAndTasksOfTheirOwn) {
  baton::testing::Broker other({.start = absl::FromCivil(absl::CivilDay(2040, 1, 1), absl::UTCTimeZone())});
  EXPECT_NE(other.address(), broker_.address());
  other.Advance(absl::Hours(1));
  EXPECT_EQ(broker_.Now(), start_);
  EXPECT_EQ(absl::FormatTime(other.Now(), absl::UTCTimeZone()), "2040-01-01T01:00:00+00:00");
}

TEST_F(TestingBrokerTest, EveryRunIsTheSame) {
  const auto run = [] {
    baton::testing::Broker broker;
    std::string log;
    broker.Configure({.max_concurrency = 1}).IgnoreError();
    broker
        .Use("t", {.handler = [&](Task& task) -> Outcome {
                     absl::StrAppend(&log, task.id(), "/", task.attempt(), " ", absl::ToUnixMicros(broker.Now()), "\n");
                     if (task.attempt() < 3) return baton::Error("again");
                     return "done";
                   },
                   .options = {.retry_interval = absl::Seconds(10), .retry_jitter = 0.5}})
        .IgnoreError();
    std::vector<uint64_t> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(broker.Submit({.type = "t"})->id);
    for (const uint64_t id : ids) EXPECT_TRUE(broker.Wait(id).ok());
    return log;
  };
  const std::string first = run();
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 60);
  EXPECT_EQ(run(), first);
}

}  // namespace
