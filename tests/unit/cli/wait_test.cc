// Waiting for the end: wait and submit --wait.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// A broker whose task 42 shows one state after another; each Wait takes a second.
class WaitTest : public CommandTest {
 protected:
  WaitTest() {
    broker.submit = [](const v1::SubmitRequest& request, absl::Duration) {
      v1::SubmitResponse response;
      for (int i = 0; i < request.tasks_size(); ++i) {
        response.add_results()->set_task_id(42 + i);
        response.mutable_results(i)->set_runnable(true);
      }
      return absl::StatusOr<v1::SubmitResponse>(response);
    };
    broker.get = [this](const v1::GetRequest& request, absl::Duration) {
      v1::GetResponse response;
      *response.mutable_task() = Next(request.task_id());
      return absl::StatusOr<v1::GetResponse>(response);
    };
    broker.wait = [this](const v1::WaitRequest& request, absl::Duration timeout) {
      EXPECT_GT(request.timeout_us(), 0);
      EXPECT_GT(absl::ToInt64Microseconds(timeout), request.timeout_us());
      waits.push_back(request);
      now += std::min(absl::Seconds(1), absl::Microseconds(request.timeout_us()));
      v1::WaitResponse response;
      *response.mutable_task() = Next(request.task_id());
      return absl::StatusOr<v1::WaitResponse>(response);
    };
  }

  // The last one repeats for ever.
  v1::Task Next(uint64_t id) {
    v1::Task task = steps.at(std::min(step++, steps.size() - 1));
    task.set_id(id);
    return task;
  }

  v1::Task Running(const std::string& text, double percent) {
    v1::Task task = MakeTask(42, v1::TASK_STATE_RUNNING);
    task.set_attempt(1);
    task.mutable_progress()->set_text(text);
    task.mutable_progress()->set_percent(percent);
    return task;
  }

  v1::Task Completed(const std::string& json) {
    v1::Task task = MakeTask(42, v1::TASK_STATE_COMPLETED);
    task.mutable_result()->set_json(json);
    return task;
  }

 public:
  std::vector<v1::Task> steps;
  size_t step = 0;
  std::vector<v1::WaitRequest> waits;
};

TEST_F(WaitTest, SubmitAndWaitPrintsNothingButTheResultOnStandardOutput) {
  steps = {MakeTask(42, v1::TASK_STATE_PENDING), Running("chunk 1 of 2", 50), Completed("{\"words\": 3}")};
  steps[1].set_version(7);
  EXPECT_EQ(Run({"submit", "count", "--wait"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "{\"words\": 3}");
  EXPECT_EQ(err.str(), "Submitted task 42.\ntask 42 PENDING\ntask 42 RUNNING, chunk 1 of 2 (50%)\n");
  ASSERT_EQ(waits.size(), 2u);
  EXPECT_EQ(waits[0].known_version(), 1u);
  EXPECT_EQ(waits[1].known_version(), 7u);
  EXPECT_TRUE(waits[0].parts().result());
}

TEST_F(WaitTest, ATerminalGetsABarThatIsClearedAndANewlineAfterTheResult) {
  terminal = true;
  steps = {Running("chunk 1 of 2", 50), Completed("3")};
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "3\n");
  EXPECT_EQ(err.str(), "\r\x1b[K[############............]  50% task 42 RUNNING, chunk 1 of 2, 0ms\r\x1b[K");
  ASSERT_EQ(waits.size(), 1u);
  EXPECT_EQ(waits[0].timeout_us(), 1'000'000);
}

TEST_F(WaitTest, ChildrenMoveTheBar) {
  v1::Task parent = MakeTask(42, v1::TASK_STATE_SUSPENDED);
  parent.set_children_total(40);
  parent.set_children_remaining(10);
  steps = {parent, Completed("1")};
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kOk);
  EXPECT_THAT(err.str(), HasSubstr("SUSPENDED, waits for 10 of 40 children (75%)"));
}

TEST_F(WaitTest, ATaskThatFailsEndsWithOneAndSaysWhy) {
  v1::Task failed = MakeTask(42, v1::TASK_STATE_PERMANENTLY_FAILED);
  failed.set_attempt(3);
  failed.set_last_error("disk \x1b[31m full");
  steps = {failed};
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kTaskDidNotComplete);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("task 42 is PERMANENTLY_FAILED after 3 attempts: disk \\x1b[31m full"));
  step = 0;
  EXPECT_EQ(Run({"wait", "42", "-o", "json"}), ExitCode::kTaskDidNotComplete);
  EXPECT_EQ(nlohmann::json::parse(out.str())["state"], "PERMANENTLY_FAILED");
}

TEST_F(WaitTest, ACancelledTaskEndsWithOne) {
  steps = {MakeTask(42, v1::TASK_STATE_CANCELLED)};
  steps[0].set_cancel_reason("ordered twice (local)");
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kTaskDidNotComplete);
  EXPECT_THAT(err.str(), HasSubstr("task 42 is CANCELLED: ordered twice (local)"));
}

TEST_F(WaitTest, GivesUpAfterTheTimeGiven) {
  steps = {Running("half", 50)};
  EXPECT_EQ(Run({"wait", "42", "--timeout", "2500ms"}), ExitCode::kTimedOut);
  EXPECT_THAT(err.str(), HasSubstr("timed out: task 42 is still RUNNING, half. It goes on"));
  ASSERT_EQ(waits.size(), 3u);
  EXPECT_EQ(waits[2].timeout_us(), 500'000);
  step = 0;
  EXPECT_EQ(Run({"submit", "t", "--wait", "--wait-timeout", "1s"}), ExitCode::kTimedOut);
}

TEST_F(WaitTest, InSubmitTheWordTimeoutMeansTheTasks) {
  steps = {Running("", 0), Running("", 0), Running("", 0), Completed("1")};
  v1::SubmitRequest sent;
  auto accept = broker.submit;
  broker.submit = [&](const v1::SubmitRequest& request, absl::Duration timeout) {
    sent = request;
    return accept(request, timeout);
  };
  EXPECT_EQ(Run({"submit", "t", "--wait", "--timeout", "1s"}), ExitCode::kOk);
  EXPECT_EQ(sent.tasks(0).options().timeout_us(), 1'000'000);
  step = 0;
  EXPECT_EQ(Run({"--timeout", "1s", "submit", "t", "--wait"}), ExitCode::kTimedOut);
  EXPECT_FALSE(sent.tasks(0).has_options());
}

TEST_F(WaitTest, ARestartOfTheBrokerDoesNotEndTheWait) {
  steps = {Running("half", 50), Completed("1")};
  auto answer = broker.wait;
  int failures = 0;
  broker.wait = [&](const v1::WaitRequest& request, absl::Duration timeout) -> absl::StatusOr<v1::WaitResponse> {
    if (++failures <= 5) return absl::UnavailableError("Connection refused");
    return answer(request, timeout);
  };
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "1");
  EXPECT_THAT(err.str(), HasSubstr("the broker does not answer, trying again"));
}

TEST_F(WaitTest, ABrokerThatStaysAwayEndsTheWait) {
  steps = {Running("half", 50)};
  absl::Time started = now;
  broker.wait = [](const v1::WaitRequest&, absl::Duration) -> absl::StatusOr<v1::WaitResponse> {
    return absl::UnavailableError("Connection refused");
  };
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kUnavailable);
  EXPECT_EQ(now - started, absl::Seconds(30));
}

TEST_F(WaitTest, ABrokerThatWasNeverThereEndsTheWaitAtOnce) {
  absl::Time started = now;
  broker.get = [](const v1::GetRequest&, absl::Duration) -> absl::StatusOr<v1::GetResponse> {
    return absl::UnavailableError("Connection refused");
  };
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kUnavailable);
  EXPECT_EQ(now, started);
}

TEST_F(WaitTest, AnUnknownTask) {
  broker.get = [](const v1::GetRequest&, absl::Duration) -> absl::StatusOr<v1::GetResponse> {
    return MakeStatus(absl::StatusCode::kNotFound, "no task 42", "TASK_NOT_FOUND");
  };
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kNotFound);
}

TEST_F(WaitTest, SeveralTasksAreOneRowEach) {
  v1::Task failed = MakeTask(0, v1::TASK_STATE_PERMANENTLY_FAILED);
  failed.set_last_error("boom");
  steps = {Completed("[1]"), failed, Completed("[3]")};
  EXPECT_EQ(Run({"submit", "t", "--count", "3", "--wait"}), ExitCode::kTaskDidNotComplete);
  EXPECT_EQ(out.str(),
            "ID  STATE               RESULT\n"
            "42  COMPLETED           [1]\n"
            "43  PERMANENTLY_FAILED  boom\n"
            "44  COMPLETED           [3]\n");
  EXPECT_THAT(err.str(), HasSubstr("3 of 3 tasks ended (100%)"));
  // Only the end matters: no call returns for progress.
  for (const v1::WaitRequest& request : waits) EXPECT_EQ(request.known_version(), 0u);
}

TEST_F(WaitTest, ARestartOfTheBrokerDoesNotEndTheWaitForSeveralTasks) {
  const auto answer = broker.wait;
  int calls = 0;
  broker.wait = [&](const v1::WaitRequest& request, absl::Duration timeout) -> absl::StatusOr<v1::WaitResponse> {
    if (++calls % 3 != 0) return absl::UnavailableError("Connection refused");
    return answer(request, timeout);
  };
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"wait", "42", "43"}, {"submit", "t", "--count", "2", "--wait"}}) {
    steps = {Running("", 0), Completed("[1]"), Completed("[2]")};
    step = command[0] == "wait" ? 0 : 1;  // What was submitted is not looked at first.
    EXPECT_EQ(Run(command), ExitCode::kOk) << err.str();
    EXPECT_THAT(out.str(), HasSubstr("43  COMPLETED  [2]"));
  }
}

TEST_F(WaitTest, ATaskOfAnotherStoreIsNotTakenForTheOneThatIsWaitedFor) {
  v1::Task ours = Running("", 0), theirs = Completed("\"not ours\""), end = Completed("\"ours\"");
  ours.set_created_at_us(1000);
  theirs.set_created_at_us(7);
  end.set_created_at_us(1000);
  steps = {ours, theirs, theirs, end};
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "\"ours\"");
  // Nor is one that has no such task believed.
  step = 0;
  steps = {ours, end};
  int failures = 0;
  broker.wait = [&, answer = broker.wait](const v1::WaitRequest& request,
                                          absl::Duration timeout) -> absl::StatusOr<v1::WaitResponse> {
    if (++failures <= 2) return MakeStatus(absl::StatusCode::kNotFound, "no task 42", "TASK_NOT_FOUND");
    return answer(request, timeout);
  };
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "\"ours\"");
  step = 0;
  steps = {ours, theirs};
  EXPECT_EQ(Run({"wait", "42"}), ExitCode::kUnavailable);
  EXPECT_THAT(err.str(), HasSubstr("another store, without the task 42"));
}

TEST_F(WaitTest, WhatHasEndedIsPrintedEvenIfTheRestTimesOut) {
  steps = {Completed("[1]"), Running("", 0)};
  EXPECT_EQ(Run({"wait", "42", "43", "--timeout", "5s", "-o", "jsonl"}), ExitCode::kTimedOut);
  EXPECT_THAT(out.str(), HasSubstr("\"id\":42"));
  EXPECT_THAT(out.str(), Not(HasSubstr("\"id\":43")));
  EXPECT_THAT(err.str(), HasSubstr("task 43 is still RUNNING"));
}

TEST_F(WaitTest, WhatHasEndedIsPrintedEvenIfOneBeforeItHasNot) {
  steps = {Running("", 0)};
  std::vector<uint64_t> looks;
  broker.get = [&](const v1::GetRequest& request, absl::Duration) -> absl::StatusOr<v1::GetResponse> {
    looks.push_back(request.task_id());
    if (request.task_id() == 46) return absl::UnavailableError("Connection refused");
    v1::GetResponse response;
    *response.mutable_task() = request.task_id() == 44 ? Completed("[1]") : Running("", 0);
    response.mutable_task()->set_id(request.task_id());
    EXPECT_TRUE(request.parts().result());
    return response;
  };
  EXPECT_EQ(Run({"wait", "42", "43", "44", "45", "46", "47", "--timeout", "5s"}), ExitCode::kTimedOut);
  EXPECT_EQ(out.str(), "ID  STATE      RESULT\n44  COMPLETED  [1]\n");
  EXPECT_THAT(err.str(), HasSubstr("timed out: task 42 is still RUNNING"));
  EXPECT_THAT(err.str(), HasSubstr("waits again. Of 2 other tasks it is not known whether they have ended.\n"));
  EXPECT_EQ(looks, (std::vector<uint64_t>{42, 43, 44, 45, 46})) << "each once, until the broker is gone";
}

TEST_F(WaitTest, LookingForOthersThatHaveEndedTakesNoLongerThanOneCall) {
  steps = {Running("", 0)};
  std::vector<uint64_t> looks;
  std::vector<absl::Duration> allowed;
  bool refuses = false;
  broker.get = [&](const v1::GetRequest& request, absl::Duration timeout) -> absl::StatusOr<v1::GetResponse> {
    looks.push_back(request.task_id());
    allowed.push_back(timeout);
    now += absl::Seconds(2);
    if (refuses) return absl::PermissionDeniedError("not for this token");
    if (request.task_id() == 43) return MakeStatus(absl::StatusCode::kNotFound, "no task 43", "TASK_EXPIRED");
    v1::GetResponse response;
    *response.mutable_task() = request.task_id() == 44 ? Completed("[1]") : Running("", 0);
    response.mutable_task()->set_id(request.task_id());
    return response;
  };
  const std::vector<std::string> command = {"submit", "t", "--count", "50", "--wait", "--wait-timeout", "3s"};
  EXPECT_EQ(Run(command), ExitCode::kTimedOut);
  EXPECT_EQ(out.str(), "ID  STATE      RESULT\n44  COMPLETED  [1]\n");
  EXPECT_EQ(looks, (std::vector<uint64_t>{43, 44, 45, 46, 47}));
  EXPECT_EQ(allowed, (std::vector<absl::Duration>{absl::Seconds(10), absl::Seconds(8), absl::Seconds(6),
                                                  absl::Seconds(4), absl::Seconds(2)}));
  EXPECT_THAT(err.str(), HasSubstr("task 42 is still RUNNING"));
  EXPECT_THAT(err.str(), HasSubstr(" Of 44 other tasks it is not known whether they have ended.\n"));
  refuses = true;
  looks.clear();
  EXPECT_EQ(Run(command), ExitCode::kTimedOut);
  EXPECT_EQ(looks, (std::vector<uint64_t>{43}));
  EXPECT_THAT(err.str(), HasSubstr(" Of 49 other tasks it is not known whether they have ended.\n"));
}

}  // namespace
}  // namespace baton::cli
