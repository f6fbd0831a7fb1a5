#include "worker_sdk/src/client_core.h"

#include <stdexcept>
#include <thread>

#include "absl/synchronization/notification.h"
#include "baton/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"
#include "tests/unit/sdk/manual_scheduler.h"
#include "worker_sdk/src/convert.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;

class ClientCoreTest : public ::testing::Test {
 protected:
  using Results = std::vector<absl::StatusOr<Submitted>>;

  void Submit(std::vector<NewTask> tasks) {
    client_->Submit(std::move(tasks), [this](Results results) { results_.Push(std::move(results)); });
  }
  // Makes a blocking call on another thread, so that the test can answer it.
  template <typename Function>
  std::thread Run(Function function) {
    return std::thread(std::move(function));
  }

  std::shared_ptr<FakeConnection> broker_ = std::make_shared<FakeConnection>();
  std::shared_ptr<ManualScheduler> scheduler_ = std::make_shared<ManualScheduler>();
  Inbox<Results> results_;
  std::shared_ptr<ClientCore> client_ =
      std::make_shared<ClientCore>(ClientOptions{.broker = "b:1"}, broker_, scheduler_, 1);
};

TEST_F(ClientCoreTest, SubmitsAndAnswers) {
  Submit({{.type = "a"}, {.type = "b"}});
  auto call = broker_->submits.Take("a Submit call");
  EXPECT_EQ(call.request.tasks_size(), 2);
  EXPECT_EQ(call.request.request_id().size(), 32);
  EXPECT_TRUE(call.options.wait_for_ready);
  v1::SubmitResponse response;
  response.add_results()->set_task_id(1);
  response.add_results()->set_task_id(2);
  response.mutable_results(1)->set_existing(true);
  call.Succeed(response);
  const Results results = results_.Take("the results");
  ASSERT_EQ(results.size(), 2);
  EXPECT_EQ(results[0]->id, 1);
  EXPECT_TRUE(results[1]->existing);
}

TEST_F(ClientCoreTest, WhatCallbacksSubmitLeavesInOneCall) {
  Submit({{.type = "first"}});
  for (int i = 0; i < 3; ++i) {
    client_->Submit({{.type = "waits"}}, [this](const Results&) { Submit({{.type = "from a callback"}}); });
  }
  v1::SubmitResponse response;
  response.add_results()->set_task_id(1);
  broker_->submits.Take("a Submit call").Succeed(response);
  auto waiting = broker_->submits.Take("the call with what came meanwhile");
  ASSERT_EQ(waiting.request.tasks_size(), 3);
  for (int id = 2; id < 4; ++id) response.add_results()->set_task_id(id);
  waiting.Succeed(response);
  EXPECT_EQ(broker_->submits.Take("the call of the callbacks").request.tasks_size(), 3);
  EXPECT_TRUE(broker_->submits.empty());
}

TEST_F(ClientCoreTest, ACallbackThatThrowsHoldsNothingUp) {
  const auto fail = [](const Results&) { throw std::runtime_error("a callback failed"); };
  EXPECT_THROW(client_->Submit({{.type = "\xFF"}}, fail), std::runtime_error);
  Submit({{.type = "a"}});
  EXPECT_EQ(broker_->submits.Take("a Submit call").request.tasks(0).type(), "a");
}

TEST_F(ClientCoreTest, RepeatsWithTheSameRequestIdAfterABackoff) {
  Submit({{.type = "a"}});
  auto call = broker_->submits.Take("a Submit call");
  call.Fail(absl::UnavailableError("gone"));
  EXPECT_TRUE(broker_->submits.empty());
  scheduler_->Advance(absl::Seconds(1));
  EXPECT_EQ(broker_->submits.Take("the repetition").request.request_id(), call.request.request_id());
}

TEST_F(ClientCoreTest, SubmitGivesUpAtTheTimeout) {
  Submit({{.type = "a"}});
  broker_->submits.Take("a Submit call").Fail(absl::UnavailableError("connection refused"));
  for (int i = 0; i < 40 && results_.empty(); ++i) {
    scheduler_->Advance(absl::Seconds(1));
    for (auto& call : broker_->submits.TakeAll()) call.Fail(absl::UnavailableError("connection refused"));
  }
  const Results results = results_.Take("the results");
  EXPECT_TRUE(absl::IsDeadlineExceeded(results[0].status()));
  EXPECT_THAT(std::string(results[0].status().message()), HasSubstr("connection refused"));
}

TEST_F(ClientCoreTest, ASubmissionEndsWithinItsTimeoutWhateverItLeavesWith) {
  client_ =
      std::make_shared<ClientCore>(ClientOptions{.broker = "b:1", .timeout = absl::Seconds(5)}, broker_, scheduler_, 1);
  Submit({{.type = "a"}});
  auto first = broker_->submits.Take("the call of a");
  scheduler_->Advance(absl::Seconds(1));
  Submit({{.type = "b"}});
  scheduler_->Advance(absl::Milliseconds(3900));
  Submit({{.type = "c"}});
  scheduler_->Advance(absl::Milliseconds(100));
  first.Fail(absl::DeadlineExceededError("no connection"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(results_.Take("the result of a")[0].status()));
  scheduler_->Advance(absl::Seconds(1));
  auto second = broker_->submits.Take("the call of b and c");
  ASSERT_EQ(second.request.tasks_size(), 2);
  ASSERT_FALSE(results_.empty()) << "b is 5 s old";
  EXPECT_TRUE(absl::IsDeadlineExceeded(results_.Take("the result of b")[0].status()));
  EXPECT_TRUE(results_.empty()) << "c has time left";
  v1::SubmitResponse response;
  for (int id = 2; id <= 3; ++id) response.add_results()->set_task_id(id);
  second.Succeed(response);
  EXPECT_EQ(results_.Take("the result of c")[0]->id, 3);
  EXPECT_TRUE(results_.empty());
}

TEST_F(ClientCoreTest, ACallThatIsTooLargeForTheBrokerIsCutAtOnce) {
  Submit({{.type = "a"}, {.type = "b"}});
  auto both = broker_->submits.Take("the call of both");
  both.Fail(TooManyItems());
  auto single = broker_->submits.Take("the call of a");
  EXPECT_EQ(single.request.tasks_size(), 1);
  EXPECT_NE(single.request.request_id(), both.request.request_id());
  v1::SubmitResponse response;
  response.add_results()->set_task_id(1);
  single.Succeed(response);
  single = broker_->submits.Take("the call of b");
  EXPECT_EQ(single.request.tasks(0).type(), "b");
  response.mutable_results(0)->set_task_id(2);
  single.Succeed(response);
  const Results results = results_.Take("the results");
  ASSERT_EQ(results.size(), 2);
  EXPECT_EQ(results[0]->id, 1);
  EXPECT_EQ(results[1]->id, 2);
}

TEST_F(ClientCoreTest, BadTasksAreRefusedWithoutACall) {
  Submit({{.type = "\xFF"}});
  EXPECT_TRUE(absl::IsInvalidArgument(results_.Take("the results")[0].status()));
  EXPECT_TRUE(broker_->submits.empty());
  Submit({});
  EXPECT_TRUE(results_.Take("the results of nothing").empty());
}

TEST_F(ClientCoreTest, BadOptionsAreRefused) {
  client_ = std::make_shared<ClientCore>(ClientOptions{.timeout = absl::ZeroDuration()}, broker_, scheduler_, 1);
  Submit({{.type = "a"}});
  EXPECT_THAT(std::string(results_.Take("the results")[0].status().message()), HasSubstr("timeout is 0"));
  EXPECT_TRUE(absl::IsInvalidArgument(client_->Get(1, {}).status()));
}

TEST_F(ClientCoreTest, GetRetriesAndReportsReasons) {
  absl::StatusOr<TaskInfo> task;
  std::thread thread = Run([&] { task = client_->Get(5, {.payload = true}); });
  broker_->gets.Take("a Get call").Fail(absl::UnavailableError("gone"));
  auto call = broker_->gets.Take("the repetition");
  EXPECT_EQ(call.request.task_id(), 5);
  EXPECT_TRUE(call.request.parts().payload());
  EXPECT_TRUE(call.request.parts().result());
  call.Fail(MakeStatus(5, "no such task", "TASK_NOT_FOUND", {}));
  thread.join();
  EXPECT_TRUE(absl::IsNotFound(task.status()));
  EXPECT_EQ(ErrorReason(task.status()), "TASK_NOT_FOUND");
}

TEST_F(ClientCoreTest, WaitIsCutIntoCallsAndEndsWithTheTask) {
  absl::StatusOr<TaskInfo> task;
  std::thread thread = Run([&] { task = client_->Wait(5, 0, absl::Seconds(45), {}); });
  auto call = broker_->waits.Take("a Wait call");
  EXPECT_EQ(call.request.timeout_us(), 30'000'000);
  scheduler_->Advance(absl::Seconds(30));
  v1::WaitResponse response;
  response.set_timed_out(true);
  call.Succeed(response);
  call = broker_->waits.Take("the next Wait call");
  EXPECT_EQ(call.request.timeout_us(), 15'000'000);
  response.set_timed_out(false);
  response.mutable_task()->set_state(v1::TASK_STATE_COMPLETED);
  response.mutable_task()->mutable_result()->set_data("r");
  call.Succeed(response);
  thread.join();
  ASSERT_TRUE(task.ok());
  EXPECT_TRUE(task->terminal());
  EXPECT_EQ(task->result.bytes(), "r");
}

TEST_F(ClientCoreTest, WaitLooksOnceMoreIfAllItsTimeWentByDuringACall) {
  absl::StatusOr<TaskInfo> task;
  std::thread thread = Run([&] { task = client_->Wait(5, 0, absl::Seconds(45), {}); });
  auto call = broker_->waits.Take("a Wait call");
  scheduler_->Advance(absl::Hours(1));
  v1::WaitResponse response;
  response.set_timed_out(true);
  call.Succeed(response);
  call = broker_->waits.Take("the last Wait call");
  EXPECT_EQ(call.request.timeout_us(), 1);
  response.mutable_task()->set_state(v1::TASK_STATE_COMPLETED);
  call.Succeed(response);
  thread.join();
  ASSERT_TRUE(task.ok());
  EXPECT_TRUE(task->terminal());
}

TEST_F(ClientCoreTest, CancelAndResumeTellTheBroker) {
  absl::Status status;
  std::thread thread = Run([&] { status = client_->Cancel(5, "wrong file"); });
  auto cancel = broker_->cancels.Take("a Cancel call");
  EXPECT_EQ(cancel.request.reason(), "wrong file");
  cancel.Succeed();
  thread.join();
  EXPECT_TRUE(status.ok());
  thread = Run([&] { status = client_->Resume(6, Payload::Json("true"), "approved", {}); });
  auto resume = broker_->resumes.Take("a Resume call");
  EXPECT_EQ(resume.request.task_id(), 6);
  EXPECT_EQ(resume.request.decision().json(), "true");
  resume.Fail(MakeStatus(9, "it runs", "NOT_SUSPENDED", {}));
  thread.join();
  EXPECT_EQ(ErrorReason(status), "NOT_SUSPENDED");
  EXPECT_EQ(client_->Cancel(5, std::string(1025, 'x')),
            absl::InvalidArgumentError("Cancel: reason has 1025 bytes; at most 1024 are allowed: shorten it"));
  EXPECT_EQ(client_->Cancel(5, "bad\xFF"), absl::InvalidArgumentError("Cancel: reason is not UTF-8: encode it"));
}

TEST_F(ClientCoreTest, ASchedulesDefinitionIsSentAsItIs) {
  std::thread caller = Run([this] {
    const absl::StatusOr<CreatedSchedule> created =
        client_->CreateSchedule({.name = "nightly",
                                 .cron = "30 2 * * *",
                                 .time_zone = "Europe/Berlin",
                                 .task = {.type = "report", .payload = "x", .options = {.priority = 3}},
                                 .overlap = OverlapPolicy::kAllow,
                                 .catch_up = CatchUpPolicy::kAll,
                                 .catch_up_limit = 7,
                                 .keep_going = true,
                                 .max_firings = 9,
                                 .end_at = absl::FromUnixMillis(1'500)},
                                /*replace=*/true);
    ASSERT_TRUE(created.ok()) << created.status();
    EXPECT_TRUE(created->existing);
    EXPECT_EQ(created->next_at, absl::FromUnixSeconds(60));
  });
  auto call = broker_->creates.Take("the schedule");
  const v1::ScheduleDefinition& sent = call.request.schedule();
  EXPECT_EQ(sent.name(), "nightly");
  EXPECT_EQ(sent.cron(), "30 2 * * *");
  EXPECT_EQ(sent.time_zone(), "Europe/Berlin");
  EXPECT_EQ(sent.task().type(), "report");
  EXPECT_EQ(sent.task().options().priority(), 3);
  EXPECT_EQ(sent.overlap(), v1::OVERLAP_POLICY_ALLOW);
  EXPECT_EQ(sent.catch_up(), v1::CATCH_UP_POLICY_ALL);
  EXPECT_EQ(sent.catch_up_limit(), 7);
  EXPECT_TRUE(sent.keep_going());
  EXPECT_EQ(sent.max_firings(), 9u);
  EXPECT_EQ(sent.end_at().seconds(), 1);
  EXPECT_EQ(sent.end_at().nanos(), 500'000'000);
  EXPECT_TRUE(call.request.replace());
  v1::CreateScheduleResponse response;
  response.set_existing(true);
  response.mutable_next_at()->set_seconds(60);
  call.Succeed(response);
  caller.join();
}

TEST_F(ClientCoreTest, VerbsNameTheirSchedule) {
  std::thread caller = Run([this] {
    EXPECT_TRUE(client_->PauseSchedule("nightly", "holidays").ok());
    EXPECT_TRUE(client_->UnpauseSchedule("nightly").ok());
    EXPECT_EQ(client_->TriggerSchedule("nightly").value(), 42u);
    EXPECT_TRUE(client_->DeleteSchedule("nightly").ok());
  });
  auto pause = broker_->pauses.Take("the pause");
  EXPECT_EQ(pause.request.name(), "nightly");
  EXPECT_EQ(pause.request.reason(), "holidays");
  pause.Succeed({});
  auto unpause = broker_->unpauses.Take("the end of it");
  EXPECT_EQ(unpause.request.name(), "nightly");
  unpause.Succeed({});
  auto trigger = broker_->triggers.Take("the trigger");
  v1::TriggerScheduleResponse triggered;
  triggered.set_task_id(42);
  trigger.Succeed(triggered);
  auto last = broker_->deletes.Take("the end");
  EXPECT_EQ(last.request.name(), "nightly");
  last.Succeed({});
  caller.join();
}

TEST_F(ClientCoreTest, ARepeatedCallThatFindsItsWorkDoneHasSucceeded) {
  std::thread caller = Run([this] {
    EXPECT_TRUE(client_->UnpauseSchedule("nightly").ok());
    EXPECT_TRUE(client_->DeleteSchedule("nightly").ok());
    EXPECT_EQ(ErrorReason(client_->UnpauseSchedule("nightly")), "SCHEDULE_NOT_FOUND");
  });
  const absl::Status lost = absl::UnavailableError("connection reset");
  broker_->unpauses.Take("the call").Fail(lost);
  broker_->unpauses.Take("the repetition").Fail(MakeStatus(9, "it is not paused", "NOT_PAUSED", {}));
  broker_->deletes.Take("the call").Fail(lost);
  broker_->deletes.Take("the repetition").Fail(MakeStatus(5, "there is no such schedule", "SCHEDULE_NOT_FOUND", {}));
  broker_->unpauses.Take("the call").Fail(lost);
  broker_->unpauses.Take("the repetition").Fail(MakeStatus(5, "there is no such schedule", "SCHEDULE_NOT_FOUND", {}));
  caller.join();
}

TEST_F(ClientCoreTest, ARepeatedCallHasFailedIfTheFirstTryCannotHaveDoneItsWork) {
  const absl::Status missing = MakeStatus(5, "there is no such schedule", "SCHEDULE_NOT_FOUND", {});
  const std::vector<absl::Status> nothing_done = {
      MakeStatus(8, "it has more work than it can take", "OVERLOADED", {}),
      MakeStatus(14, "it is draining", "DRAINING", {}),
      MakeStatus(14, "there is a new token", kAccessTokenReplaced, {}),
      absl::UnavailableError("no connection to b:1: failed to connect to all addresses; last error: refused"),
      absl::UnavailableError("DNS resolution failed for b:1: not found"),
  };
  std::thread caller = Run([&] {
    for (const absl::Status& failure : nothing_done) {
      EXPECT_EQ(ErrorReason(client_->DeleteSchedule("nightly")), "SCHEDULE_NOT_FOUND") << failure;
    }
    EXPECT_TRUE(client_->DeleteSchedule("nightly").ok()) << "the first of three tries may have done it";
  });
  for (const absl::Status& failure : nothing_done) {
    broker_->deletes.Take("the call").Fail(failure);
    broker_->deletes.Take("the repetition").Fail(missing);
  }
  broker_->deletes.Take("the call").Fail(absl::DeadlineExceededError("no answer"));
  broker_->deletes.Take("the repetition").Fail(nothing_done[0]);
  broker_->deletes.Take("another one").Fail(missing);
  caller.join();
}

TEST_F(ClientCoreTest, OfSeveralBrokersNoneTellsWhatAnotherOneHasDone) {
  client_ = std::make_shared<ClientCore>(ClientOptions{.broker = "b:1,c:1"}, broker_, scheduler_, 1);
  std::thread caller = Run([this] { EXPECT_EQ(ErrorReason(client_->UnpauseSchedule("nightly")), "NOT_PAUSED"); });
  broker_->unpauses.Take("the call").Fail(absl::UnavailableError("connection reset"));
  broker_->unpauses.Take("the repetition").Fail(MakeStatus(9, "it is not paused", "NOT_PAUSED", {}));
  caller.join();
}

TEST_F(ClientCoreTest, ACallThatFindsNothingToDoAtTheFirstTryHasFailed) {
  std::thread caller = Run([this] {
    EXPECT_EQ(ErrorReason(client_->UnpauseSchedule("nightly")), "NOT_PAUSED");
    EXPECT_EQ(ErrorReason(client_->DeleteSchedule("nightly")), "SCHEDULE_NOT_FOUND");
  });
  broker_->unpauses.Take("the call").Fail(MakeStatus(9, "it is not paused", "NOT_PAUSED", {}));
  broker_->deletes.Take("the call").Fail(MakeStatus(5, "there is no such schedule", "SCHEDULE_NOT_FOUND", {}));
  caller.join();
}

TEST_F(ClientCoreTest, WhatIsNotTextIsNotSent) {
  EXPECT_EQ(client_->CreateSchedule({.name = "\xFF"}, false).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client_->CreateSchedule({.name = "n", .task = {.type = "\xFF"}}, false).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client_->PauseSchedule("n", "\xFF").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client_->DeleteSchedule("\xFF").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ClientCoreTest, CloseEndsWhatWaits) {
  Submit({{.type = "a"}});
  auto under_way = broker_->submits.Take("a Submit call");
  Submit({{.type = "b"}});
  client_->Close();
  EXPECT_TRUE(absl::IsCancelled(results_.Take("the results of what waited")[0].status()));
  under_way.Fail(absl::CancelledError("closed"));
  EXPECT_TRUE(absl::IsCancelled(results_.Take("the results of what was under way")[0].status()));
  Submit({{.type = "c"}});
  EXPECT_TRUE(absl::IsCancelled(results_.Take("the results of what came too late")[0].status()));
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
