// Following tasks as they change: watch.
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// A broker whose streams are set by the test: their responses, and how they end.
class WatchTest : public CommandTest {
 protected:
  struct Stream {
    std::vector<v1::WatchResponse> responses;
    absl::Status end;
  };

  WatchTest() {
    broker.watch = [this](const v1::WatchRequest& request, absl::Duration timeout,
                          const std::function<bool(const v1::WatchResponse&)>& each) {
      requests.push_back(request);
      timeouts.push_back(timeout);
      if (streams.empty()) return absl::UnavailableError("Connection refused");
      const Stream stream = std::move(streams.front());
      streams.pop_front();
      for (const v1::WatchResponse& response : stream.responses) {
        now += absl::Seconds(1);
        if (!each(response)) return absl::OkStatus();
      }
      return stream.end;
    };
    broker.get = [](const v1::GetRequest& request, absl::Duration) {
      v1::GetResponse response;
      response.mutable_task()->set_id(request.task_id());
      response.mutable_task()->set_root_id(40);
      return absl::StatusOr<v1::GetResponse>(response);
    };
  }

  static v1::WatchResponse Tell(std::vector<v1::Task> tasks, const std::string& token = "token") {
    v1::WatchResponse response;
    for (v1::Task& task : tasks) *response.add_tasks() = std::move(task);
    response.set_resume_token(token);
    response.set_caught_up(true);
    return response;
  }
  static v1::Task Running(uint64_t id, int attempt, const std::string& text, double percent) {
    v1::Task task = MakeTask(id, v1::TASK_STATE_RUNNING);
    task.set_attempt(attempt);
    task.set_worker_id("w1");
    task.mutable_progress()->set_text(text);
    task.mutable_progress()->set_percent(percent);
    return task;
  }
  static v1::Task Completed(uint64_t id) {
    v1::Task task = MakeTask(id, v1::TASK_STATE_COMPLETED);
    task.set_attempt(1);
    return task;
  }

 public:
  std::deque<Stream> streams;
  std::vector<v1::WatchRequest> requests;
  std::vector<absl::Duration> timeouts;
};

TEST_F(WatchTest, ATaskIsFollowedLineByLineUntilItHasEnded) {
  streams = {{{Tell({MakeTask(42, v1::TASK_STATE_PENDING)}), Tell({Running(42, 1, "half", 50)}),
               Tell({Running(42, 1, "half", 50)}), Tell({Completed(42)}), Tell({})},
              absl::OkStatus()}};
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "TIME      ID  TYPE    STATE    ATTEMPT  WORKER  NOTE\n"
            "08:00:01  42  resize  PENDING  0        -       -\n"
            "08:00:02  42  resize  RUNNING  1        w1      half\n"
            "08:00:04  42  resize  COMPLETED  1        -       -\n");
  EXPECT_EQ(err.str(), "");
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].task_id(), 42u);
  EXPECT_TRUE(requests[0].initial());
}

TEST_F(WatchTest, TheExitCodeSaysWhetherItCompleted) {
  v1::Task failed = MakeTask(42, v1::TASK_STATE_PERMANENTLY_FAILED);
  failed.set_last_error("boom");
  streams = {{{Tell({failed})}, absl::OkStatus()}};
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kTaskDidNotComplete);
  EXPECT_THAT(err.str(), HasSubstr("task 42 is PERMANENTLY_FAILED: boom"));
}

TEST_F(WatchTest, AnUnknownTaskEndsIt) {
  streams = {{{}, MakeStatus(absl::StatusCode::kNotFound, "no task 42", "TASK_NOT_FOUND")}};
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kNotFound);
  EXPECT_EQ(err.str(), "baton: no task 42 (TASK_NOT_FOUND)\n`baton list` shows the tasks there are.\n");
  streams = {{{Tell({})}, absl::DeadlineExceededError("deadline")}};
  EXPECT_EQ(Run({"watch", "--timeout", "2s"}), ExitCode::kTimedOut);
  EXPECT_THAT(err.str(), HasSubstr("nothing has changed\n"));
}

TEST_F(WatchTest, ABrokerThatRestartsIsWatchedOnWithTheToken) {
  streams = {{{Tell({Running(42, 1, "", 0)}, "first")}, absl::UnavailableError("the broker is stopping")},
             {{}, absl::UnavailableError("Connection refused")},
             {{Tell({Completed(42)}, "second")}, absl::OkStatus()}};
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "baton: the broker does not answer, trying again\n");
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[2].resume_token(), "first");
  EXPECT_EQ(requests[2].task_id(), 42u);
}

TEST_F(WatchTest, ABrokerThatStaysAwayOrWasNeverThereEndsIt) {
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kUnavailable);
  EXPECT_EQ(requests.size(), 1u);
  streams = {{{Tell({Running(42, 1, "", 0)})}, absl::UnavailableError("the broker is stopping")}};
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kUnavailable);
  EXPECT_GT(requests.size(), 30u);
}

TEST_F(WatchTest, WhatWasMissedIsSaidAndATaskIsToldAnew) {
  streams = {{{Tell({Running(42, 1, "", 0)}, "old")}, absl::UnavailableError("the broker is stopping")},
             {{}, MakeStatus(absl::StatusCode::kOutOfRange, "too old", "WATCH_EXPIRED")},
             {{Tell({Completed(42)})}, absl::OkStatus()}};
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kOk);
  EXPECT_THAT(err.str(), HasSubstr("changes may have been missed"));
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1].resume_token(), "old");
  EXPECT_EQ(requests[2].resume_token(), "");
  EXPECT_TRUE(requests[2].initial());
}

TEST_F(WatchTest, ATaskOfAnotherStoreIsNotTakenForTheOneThatIsFollowed) {
  v1::Task ours = Running(42, 1, "", 0), theirs = Completed(42), end = Completed(42);
  ours.set_created_at_us(1000);
  theirs.set_created_at_us(7);
  theirs.set_type("not-ours");
  end.set_created_at_us(1000);
  streams = {{{Tell({ours}, "old")}, absl::UnavailableError("the broker is stopping")},
             {{}, MakeStatus(absl::StatusCode::kOutOfRange, "of another store", "WATCH_EXPIRED")},
             {{Tell({theirs}, "of theirs")}, absl::InternalError("not reached")},
             {{}, MakeStatus(absl::StatusCode::kNotFound, "no task 42", "TASK_NOT_FOUND")},
             {{Tell({end}, "new")}, absl::InternalError("not reached")}};
  EXPECT_EQ(Run({"watch", "42"}), ExitCode::kOk) << err.str();
  EXPECT_THAT(out.str(), Not(HasSubstr("not-ours")));
  ASSERT_EQ(requests.size(), 5u);
  EXPECT_EQ(requests[4].resume_token(), "") << "a token of the other store is of no use";
}

TEST_F(WatchTest, AWorkflowIsFollowedFromItsRootUntilAllOfItHasEnded) {
  v1::Task root = MakeTask(40, v1::TASK_STATE_CANCELLED);
  streams = {{{Tell({Running(40, 1, "", 0), Running(42, 1, "", 0)}), Tell({root}), Tell({Completed(42)})},
              absl::InternalError("not reached")}};
  EXPECT_EQ(Run({"watch", "42", "--workflow"}), ExitCode::kTaskDidNotComplete);
  EXPECT_THAT(out.str(), HasSubstr("42  resize  COMPLETED"));
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].filter().root_id(), 40u);
  EXPECT_EQ(requests[0].task_id(), 0u);
}

TEST_F(WatchTest, OptionsChooseTasksAndNothingEndsButTheTime) {
  streams = {{{Tell({Completed(1)}), Tell({Completed(2)})}, absl::DeadlineExceededError("deadline")}};
  EXPECT_EQ(Run({"watch", "--type", "resize", "--state", "completed", "--timeout", "2s", "-o", "jsonl"}),
            ExitCode::kTimedOut);
  EXPECT_THAT(out.str(), HasSubstr("{\"id\":1,"));
  EXPECT_THAT(out.str(), HasSubstr("\n{\"id\":2,"));
  EXPECT_THAT(err.str(), HasSubstr("the time given is over"));
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].filter().type(), "resize");
  EXPECT_FALSE(requests[0].initial());
  EXPECT_EQ(timeouts[0], absl::Seconds(2));
  streams = {{{}, absl::InternalError("x")}};
  Run({"watch", "--initial"});
  EXPECT_TRUE(requests[1].initial());
}

TEST_F(WatchTest, ProgramsAreToldWhereToGoOn) {
  streams = {{{Tell({}, "a"), Tell({Completed(1), Completed(2)}, "b")}, absl::DeadlineExceededError("deadline")}};
  Run({"watch", "--type", "resize", "--timeout", "2s", "-o", "jsonl", "--resume-token", ""});
  const std::vector<std::string> lines = absl::StrSplit(out.str(), '\n');
  ASSERT_EQ(lines.size(), 5u) << out.str();
  EXPECT_EQ(lines[0], "{\"resume_token\":\"a\"}") << "even if nothing has changed";
  EXPECT_THAT(lines[2], HasSubstr("{\"id\":2,"));
  EXPECT_EQ(lines[3], "{\"resume_token\":\"b\"}");
  EXPECT_EQ(requests[0].resume_token(), "");
  streams = {{{Tell({Completed(3)}, "c")}, absl::DeadlineExceededError("deadline")}};
  Run({"watch", "--type", "resize", "--timeout", "2s", "--resume-token", "b"});
  EXPECT_EQ(requests[1].resume_token(), "b");
  EXPECT_THAT(out.str(), Not(HasSubstr("token"))) << "people have no use for it";
}

TEST_F(WatchTest, ATokenThatIsTooOldIsSaid) {
  streams = {{{}, MakeStatus(absl::StatusCode::kOutOfRange, "what came after it is not known", "WATCH_EXPIRED")}};
  EXPECT_EQ(Run({"watch", "--resume-token", "old", "-o", "jsonl"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("what came after it is not known"));
  EXPECT_EQ(requests.size(), 1u) << "the caller has to know that it misses something";
}

TEST_F(WatchTest, ATerminalShowsBarsOfWhatRuns) {
  terminal = true;
  v1::Task root = MakeTask(40, v1::TASK_STATE_SUSPENDED);
  root.set_children_total(2);
  root.set_children_remaining(2);
  streams = {{{Tell({root, Running(41, 1, "chunk 1", 25), Running(42, 1, "", 50)}),
               Tell({Running(41, 1, "chunk 2", 75)}), Tell({Completed(41), Completed(42), Completed(40)})},
              absl::OkStatus()}};
  EXPECT_EQ(Run({"watch", "42", "--workflow"}), ExitCode::kOk);
  EXPECT_THAT(err.str(), HasSubstr("[######..................]  25% task 41 resize RUNNING, chunk 1\n"
                                   "[############............]  50% task 42 resize RUNNING"));
  EXPECT_THAT(err.str(), HasSubstr(" 75% task 41 resize RUNNING, chunk 2\n"));
  EXPECT_EQ(err.str().substr(err.str().size() - 11), "\r\x1b[K\x1b[A\r\x1b[K") << "they are gone in the end";
  EXPECT_THAT(out.str(), Not(HasSubstr("chunk 2"))) << "a bar needs no line for each step";
}

TEST_F(WatchTest, ATerminalShowsBarsOfWhatRunsAndMatches) {
  terminal = true;
  std::vector<v1::ListTasksRequest> asked;
  std::deque<std::vector<v1::Task>> lists = {{Running(42, 1, "chunk 1", 25)},
                                             {Running(42, 1, "chunk 2", 50), Running(41, 1, "", 50)}};
  broker.list_tasks = [&](const v1::ListTasksRequest& request, absl::Duration) {
    asked.push_back(request);
    v1::ListTasksResponse response;
    if (!lists.empty()) {
      for (const v1::Task& task : lists.front()) *response.add_tasks() = task;
      lists.pop_front();
    }
    return absl::StatusOr<v1::ListTasksResponse>(response);
  };
  streams = {{{Tell({}), Tell({Running(41, 1, "chunk 0", 0)}), Tell({}), Tell({})}, absl::DeadlineExceededError("")}};
  EXPECT_EQ(Run({"watch", "--type", "resize", "--state", "pending,running", "--timeout", "9s"}), ExitCode::kTimedOut);
  EXPECT_THAT(err.str(), HasSubstr("[######..................]  25% task 42 resize RUNNING, chunk 1"));
  EXPECT_THAT(err.str(), HasSubstr("[############............]  50% task 41 resize RUNNING\n"
                                   "[############............]  50% task 42 resize RUNNING, chunk 2"));
  EXPECT_THAT(out.str(), HasSubstr("41  resize"));
  EXPECT_THAT(out.str(), Not(HasSubstr("chunk"))) << "a bar needs no line for each step";
  const std::vector<std::string> parts = absl::StrSplit(err.str(), "task 41 resize");
  EXPECT_EQ(parts.size(), 2u) << "it runs no more, although it was not told to have ended";
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_EQ(asked[0].filter().type(), "resize");
  EXPECT_THAT(asked[0].filter().states(), ElementsAre(v1::TASK_STATE_RUNNING));
}

TEST_F(WatchTest, OfManyThatRunAndMatchAFewHaveBars) {
  terminal = true;
  broker.list_tasks = [&](const v1::ListTasksRequest&, absl::Duration) {
    v1::ListTasksResponse response;
    for (uint64_t id = 12; id > 0; --id) *response.add_tasks() = Running(id, 1, "", 50);
    response.set_next_page_token("more");
    return absl::StatusOr<v1::ListTasksResponse>(response);
  };
  streams = {{{Tell({})}, absl::DeadlineExceededError("")}};
  EXPECT_EQ(Run({"watch", "--tag", "batch-7", "--timeout", "9s"}), ExitCode::kTimedOut);
  EXPECT_THAT(err.str(), HasSubstr(" task 10 resize RUNNING\n… and at least 2 more"));
  EXPECT_THAT(err.str(), Not(HasSubstr("task 11")));
}

TEST_F(WatchTest, WithoutAListBarsShowWhatWasTold) {
  terminal = true;
  streams = {{{Tell({Running(41, 1, "half", 50)}), Tell({Completed(41)})}, absl::DeadlineExceededError("")}};
  EXPECT_EQ(Run({"watch", "--timeout", "9s"}), ExitCode::kTimedOut);
  EXPECT_THAT(err.str(), HasSubstr(" 50% task 41 resize RUNNING, half"));
  broker.list_tasks = [](const v1::ListTasksRequest&, absl::Duration) -> absl::StatusOr<v1::ListTasksResponse> {
    ADD_FAILURE() << "what has ended does not run";
    return absl::InternalError("not reached");
  };
  streams = {{{Tell({Completed(41)})}, absl::DeadlineExceededError("")}};
  EXPECT_EQ(Run({"watch", "--state", "completed", "--timeout", "9s"}), ExitCode::kTimedOut);
}

TEST_F(WatchTest, WrongArguments) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"watch", "x"},
                                                    {"watch", "42", "--type", "a"},
                                                    {"watch", "--workflow"},
                                                    {"watch", "42", "--resume-token", "b"},
                                                    {"watch", "--state", "nonsense"}}) {
    EXPECT_EQ(Run(arguments), ExitCode::kBadInput) << arguments.back();
  }
  EXPECT_THAT(requests, ElementsAre());
}

}  // namespace
}  // namespace baton::cli
