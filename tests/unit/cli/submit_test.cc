// baton submit: what is sent, what is printed, and what is refused before anything is sent.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SubmitTest : public CommandTest {
 protected:
  SubmitTest() {
    broker.submit = [this](const v1::SubmitRequest& request, absl::Duration) {
      requests.push_back(request);
      v1::SubmitResponse response;
      for (int i = 0; i < request.tasks_size(); ++i) {
        auto* result = response.add_results();
        result->set_task_id(next_id++);
        result->set_state(v1::TASK_STATE_PENDING);
        result->set_runnable(true);
      }
      return absl::StatusOr<v1::SubmitResponse>(response);
    };
  }

  // Answers every task with this error.
  void Refuse(int code, const std::string& reason, const std::string& message) {
    broker.submit = [=](const v1::SubmitRequest& request, absl::Duration) {
      v1::SubmitResponse response;
      for (int i = 0; i < request.tasks_size(); ++i) {
        v1::Error* error = response.add_results()->mutable_error();
        error->set_code(code);
        error->set_reason(reason);
        error->set_message(message);
      }
      return absl::StatusOr<v1::SubmitResponse>(response);
    };
  }

  const v1::NewTask& task() const { return requests.at(0).tasks(0); }

 public:
  std::vector<v1::SubmitRequest> requests;
  uint64_t next_id = 42;
};

TEST_F(SubmitTest, JustAType) {
  EXPECT_EQ(Run({"submit", "resize"}), ExitCode::kOk);
  EXPECT_EQ(task().type(), "resize");
  EXPECT_FALSE(task().has_payload());
  EXPECT_FALSE(task().has_options());
  EXPECT_EQ(requests[0].request_id(), "");
  EXPECT_EQ(out.str(), "Submitted task 42.\n");
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(connected_to, "127.0.0.1:7461");
}

TEST_F(SubmitTest, EveryOption) {
  EXPECT_EQ(Run({"submit",
                 "resize",
                 "--json",
                 "[1, 2]",
                 "--content-type",
                 "application/json; v=2",
                 "--priority",
                 "-5",
                 "--timeout",
                 "5m",
                 "--max-retries",
                 "7",
                 "--retry-interval",
                 "1.5s",
                 "--retry-backoff",
                 "exponential",
                 "--retry-cap",
                 "1h",
                 "--retry-jitter",
                 "0.25",
                 "--progress-timeout",
                 "30s",
                 "--start-timeout",
                 "1h",
                 "--total-timeout",
                 "1d",
                 "--require",
                 "GPU",
                 "--require",
                 "fast",
                 "--tag",
                 "b7",
                 "--delay",
                 "2h",
                 "--unique-key",
                 "k",
                 "--unique-policy",
                 "replace-pending",
                 "--request-id",
                 "r1",
                 "--trace-parent",
                 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                 "--trace-state",
                 "rojo=1"}),
            ExitCode::kOk)
      << err.str();
  EXPECT_EQ(task().payload().json(), "[1, 2]");
  EXPECT_EQ(task().payload().content_type(), "application/json; v=2");
  const v1::TaskOptions& options = task().options();
  EXPECT_EQ(options.priority(), -5);
  EXPECT_EQ(options.timeout_us(), 300'000'000);
  EXPECT_EQ(options.max_retries(), 7);
  EXPECT_EQ(options.retry_interval_us(), 1'500'000);
  EXPECT_EQ(options.retry_backoff(), v1::RETRY_BACKOFF_EXPONENTIAL);
  EXPECT_EQ(options.retry_interval_cap_us(), 3'600'000'000);
  EXPECT_EQ(options.retry_jitter(), 0.25);
  EXPECT_EQ(options.progress_timeout_us(), 30'000'000);
  EXPECT_EQ(task().start_timeout_us(), 3'600'000'000);
  EXPECT_EQ(task().total_timeout_us(), 86'400'000'000);
  EXPECT_THAT(options.required_capabilities().names(), ElementsAre("GPU", "fast"));
  EXPECT_EQ(task().tag(), "b7");
  EXPECT_EQ(task().delay_us(), 7'200'000'000);
  EXPECT_FALSE(task().has_run_at_us());
  EXPECT_EQ(task().unique_key(), "k");
  EXPECT_EQ(task().unique_policy(), v1::UNIQUE_POLICY_REPLACE_PENDING);
  EXPECT_EQ(requests[0].request_id(), "r1");
  EXPECT_EQ(task().trace_parent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  EXPECT_EQ(task().trace_state(), "rojo=1");
}

TEST_F(SubmitTest, OptionsThatAreSetToTheirDefaultAreSent) {  // B63
  EXPECT_EQ(Run({"submit", "t", "--priority", "0", "--retry-interval", "0", "--delay", "0"}), ExitCode::kOk);
  EXPECT_TRUE(task().options().has_priority());
  EXPECT_TRUE(task().options().has_retry_interval_us());
  EXPECT_TRUE(task().has_delay_us());
}

TEST_F(SubmitTest, StartAtATime) {
  EXPECT_EQ(Run({"submit", "t", "--at", "2026-11-23T17:00:00Z"}), ExitCode::kOk);
  EXPECT_EQ(task().run_at_us(), 1'795'453'200'000'000);
  EXPECT_FALSE(task().has_delay_us());
}

TEST_F(SubmitTest, NoCapabilityNeededIsNotTheSameAsNothingSaid) {
  EXPECT_EQ(Run({"submit", "t", "--require-none"}), ExitCode::kOk);
  EXPECT_TRUE(task().options().has_required_capabilities());
  EXPECT_THAT(task().options().required_capabilities().names(), IsEmpty());
}

TEST_F(SubmitTest, ACapabilityDoesNotSwallowTheType) {
  EXPECT_EQ(Run({"submit", "--require", "GPU", "resize"}), ExitCode::kOk);
  EXPECT_EQ(task().type(), "resize");
}

TEST_F(SubmitTest, ATypeMayBeCalledLikeACommand) {
  EXPECT_EQ(Run({"submit", "list"}), ExitCode::kOk);
  EXPECT_EQ(task().type(), "list");
}

TEST_F(SubmitTest, PayloadFromFileAndStandardInput) {  // B13
  std::string bytes("\x00\xff\n[", 4);
  EXPECT_EQ(Run({"submit", "t", "--data", "@" + File(bytes)}), ExitCode::kOk);
  EXPECT_EQ(task().payload().data(), bytes);
  requests.clear();
  input = "{\"a\": 1}\n";
  EXPECT_EQ(Run({"submit", "t", "--json", "-"}), ExitCode::kOk);
  EXPECT_EQ(task().payload().json(), "{\"a\": 1}\n");
  requests.clear();
  EXPECT_EQ(Run({"submit", "t", "--data", "@" + File("")}), ExitCode::kOk);
  EXPECT_TRUE(task().payload().has_data());
  EXPECT_EQ(task().payload().data(), "");
}

TEST_F(SubmitTest, BadInputIsFoundBeforeTheBrokerIsAsked) {
  struct Case {
    std::vector<std::string> arguments;
    const char* message;
  };
  for (const Case& c : {Case{{"--json", "{\"a\":\n x}"}, "line 2, column 2"},
                        {{"--json", "@" + File("[1,")}, "not well-formed JSON at line 1, column 4"},
                        {{"--json", "@/nonexistent/file"}, "cannot read /nonexistent/file: No such file or directory"},
                        {{"--data", "@" + testing::TempDir()}, "Is a directory"},
                        {{"--jsonl", File("1\n\n{]\n")}, "line 3, column 2"},
                        {{"--jsonl", File("\n \n")}, "it has no lines"},
                        {{"--jsonl", "/nonexistent"}, "cannot read /nonexistent"},
                        {{"--data", "@" + File(std::string(5'000'000, 'x'))}, "submit a reference"},
                        {{"--count", "0"}, "--count: \"0\" is not a whole number between 1 and 10000000"},
                        {{"--count", "-1"}, "--count: \"-1\""},
                        {{"--timeout", "5"}, "--timeout: \"5\" is not a duration: a unit is missing"},
                        {{"--delay", "-5s"}, "--delay"},
                        {{"--retry-cap", "x"}, "--retry-cap"},
                        {{"--retry-interval", ""}, "--retry-interval"},
                        {{"--unique-key", ""}, "--unique-key: it is empty; leave it out"},
                        {{"--request-id", ""}, "--request-id: it is empty; leave it out"},
                        {{"--max-retries", ""}, "--max-retries: it is empty; leave it out"},
                        {{"--at", "noon"}, "--at"},
                        {{"--retry-backoff", "cubic"}, "FIXED, EXPONENTIAL"},
                        {{"--unique-key", "k", "--unique-policy", "x"}, "RETURN_EXISTING, REJECT, REPLACE_PENDING"},
                        {{"--unique-policy", "reject"}, "--unique-key"},
                        {{"--trace-state", "rojo=1"}, "--trace-parent"},
                        {{"--json", "1", "--data", "2"}, "--json"},
                        {{"--delay", "1s", "--at", "2026-11-23T17:00:00Z"}, "--delay"},
                        {{"--priority", "high"}, "--priority"},
                        {{"--wait", "--wait-timeout", "5"}, "--wait-timeout"},
                        {{"--nonsense"}, "--nonsense"},
                        {{"second"}, "second"}}) {
    std::vector<std::string> arguments = {"submit", "t"};
    arguments.insert(arguments.end(), c.arguments.begin(), c.arguments.end());
    EXPECT_EQ(Run(arguments), ExitCode::kBadInput) << c.message;
    EXPECT_THAT(err.str(), HasSubstr(c.message));
    EXPECT_EQ(out.str(), "");
  }
  EXPECT_EQ(Run({"submit"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("type"));
  EXPECT_THAT(requests, IsEmpty());
}

TEST_F(SubmitTest, ManyAreCutIntoCallsWithTheirOwnRequestIds) {
  EXPECT_EQ(Run({"submit", "t", "--count", "2500", "--request-id", "r"}), ExitCode::kOk);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].tasks_size(), 1000);
  EXPECT_EQ(requests[2].tasks_size(), 500);
  EXPECT_EQ(requests[0].request_id(), "r.1");
  EXPECT_EQ(requests[2].request_id(), "r.3");
  EXPECT_EQ(out.str(), "Submitted 2500 tasks, ids 42 to 2541.\n");
}

TEST_F(SubmitTest, ManyAreCutByBytesToo) {
  EXPECT_EQ(Run({"submit", "t", "--count", "10", "--data", "@" + File(std::string(1'000'000, 'x'))}), ExitCode::kOk);
  ASSERT_EQ(requests.size(), 3u);
  for (const auto& request : requests) EXPECT_LT(request.ByteSizeLong(), 4u * 1024 * 1024);
}

TEST_F(SubmitTest, EachLineIsAPayload) {
  EXPECT_EQ(Run({"submit", "t", "--jsonl", File("{\"n\": 1}\n\n[2]"), "--tag", "x", "-q"}), ExitCode::kOk);
  ASSERT_EQ(requests.size(), 1u);
  ASSERT_EQ(requests[0].tasks_size(), 2);
  EXPECT_EQ(requests[0].tasks(0).payload().json(), "{\"n\": 1}");
  EXPECT_EQ(requests[0].tasks(1).payload().json(), "[2]");
  EXPECT_EQ(requests[0].tasks(1).tag(), "x");
  EXPECT_EQ(out.str(), "42\n43\n");
}

TEST_F(SubmitTest, JsonOutput) {
  EXPECT_EQ(Run({"submit", "t", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "{\"task_id\":42,\"existing\":false,\"state\":\"PENDING\",\"runnable\":true}\n");
  EXPECT_EQ(Run({"submit", "t", "-o", "json", "--count", "2"}), ExitCode::kOk);
  nlohmann::json list = nlohmann::json::parse(out.str());
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1]["task_id"], 44);
}

TEST_F(SubmitTest, SaysWhenItWaitsForAWorkerOrExistsAlready) {
  v1::SubmitResponse response;
  auto* result = response.add_results();
  result->set_task_id(7);
  broker.submit = [&](const v1::SubmitRequest&, absl::Duration) {
    return absl::StatusOr<v1::SubmitResponse>(response);
  };
  EXPECT_EQ(Run({"submit", "t"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("No live worker can run it yet"));
  result->set_existing(true);
  result->set_state(v1::TASK_STATE_RUNNING);
  EXPECT_EQ(Run({"submit", "t", "--unique-key", "k"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("Task 7 has this unique key already (RUNNING)"));
}

TEST_F(SubmitTest, OfManyOnlyThoseThatWereCreatedAreCalledSubmitted) {
  v1::SubmitResponse response;
  for (int i = 0; i < 3; ++i) {
    response.add_results()->set_task_id(26);
    response.mutable_results(i)->set_existing(true);
    response.mutable_results(i)->set_runnable(true);
  }
  broker.submit = [&](const v1::SubmitRequest&, absl::Duration) {
    return absl::StatusOr<v1::SubmitResponse>(response);
  };
  EXPECT_EQ(Run({"submit", "t", "--unique-key", "k1", "--count", "3"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "Submitted no task. 3 had a unique key that is in use (id 26): nothing new was created.\n");
  response.mutable_results(0)->set_existing(false);
  EXPECT_EQ(Run({"submit", "t", "--unique-key", "k1", "--count", "3"}), ExitCode::kOk);
  EXPECT_EQ(out.str(),
            "Submitted 1 task, id 26. 2 had a unique key that is in use (id 26): nothing new was created.\n");
  response.mutable_results(0)->set_task_id(30);
  response.mutable_results(1)->set_task_id(28);
  EXPECT_EQ(Run({"submit", "t", "--unique-key", "k1", "--count", "3"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("Submitted 1 task, id 30. 2 had a unique key that is in use (ids 26 to 28)"));
}

TEST_F(SubmitTest, RefusedTasksDecideTheExitCode) {
  Refuse(6, "UNIQUE_KEY_IN_USE", "unique_key: task 7 has it");
  EXPECT_EQ(Run({"submit", "t"}), ExitCode::kRefused);
  EXPECT_EQ(err.str(), "baton: unique_key: task 7 has it (UNIQUE_KEY_IN_USE)\n");
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(Run({"submit", "t", "--wait"}), ExitCode::kRefused);
  Refuse(3, "BAD_NAME", "type: bad");
  EXPECT_EQ(Run({"submit", "t", "--count", "12"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("task 1 of 12: type: bad (BAD_NAME)"));
  EXPECT_THAT(err.str(), HasSubstr("task 10 of 12"));
  EXPECT_THAT(err.str(), Not(HasSubstr("task 11 of 12")));
  EXPECT_THAT(err.str(), HasSubstr("2 more tasks were refused"));
}

TEST_F(SubmitTest, AFailureHalfwayTellsWhatWasStored) {
  auto accept = broker.submit;
  broker.submit = [&](const v1::SubmitRequest& request, absl::Duration timeout) -> absl::StatusOr<v1::SubmitResponse> {
    if (requests.size() == 1) return absl::UnavailableError("Connection reset by peer");
    return accept(request, timeout);
  };
  EXPECT_EQ(Run({"submit", "t", "--count", "1500"}), ExitCode::kUnavailable);
  EXPECT_THAT(err.str(), HasSubstr("Stored before that: 1000 of 1500 tasks. With --request-id"));
  EXPECT_THAT(out.str(), HasSubstr("Submitted 1000 tasks, ids 42 to 1041."));
}

TEST_F(SubmitTest, AnAnswerOfTheWrongLengthIsNotTrusted) {
  broker.submit = [](const v1::SubmitRequest&, absl::Duration) {
    return absl::StatusOr<v1::SubmitResponse>(v1::SubmitResponse());
  };
  EXPECT_EQ(Run({"submit", "t"}), ExitCode::kOther);
  EXPECT_THAT(err.str(), HasSubstr("0 results for 1 tasks"));
}

}  // namespace
}  // namespace baton::cli
