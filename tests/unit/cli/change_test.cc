// Commands that change a task: cancel and resume.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;

TEST_F(CommandTest, CancelTakesSeveralAndAReason) {
  std::vector<v1::CancelRequest> requests;
  broker.cancel = [&](const v1::CancelRequest& request, absl::Duration) -> absl::StatusOr<v1::CancelResponse> {
    requests.push_back(request);
    if (request.task_id() == 8) {
      return MakeStatus(absl::StatusCode::kFailedPrecondition, "task 8 is COMPLETED", "TASK_TERMINAL");
    }
    v1::CancelResponse response;
    response.set_state(v1::TASK_STATE_CANCELLED);
    return response;
  };
  EXPECT_EQ(Run({"cancel", "7", "8", "9", "--reason", "ordered twice"}), ExitCode::kRefused);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[2].reason(), "ordered twice");
  EXPECT_EQ(out.str(), "ID  STATE\n7   CANCELLED\n9   CANCELLED\n");
  EXPECT_THAT(err.str(), HasSubstr("task 8 is COMPLETED (TASK_TERMINAL)"));
}

TEST_F(CommandTest, CancelStopsWhenTheBrokerIsGone) {
  int calls = 0;
  broker.cancel = [&](const v1::CancelRequest&, absl::Duration) -> absl::StatusOr<v1::CancelResponse> {
    ++calls;
    return absl::UnavailableError("Connection refused");
  };
  EXPECT_EQ(Run({"cancel", "7", "8"}), ExitCode::kUnavailable);
  EXPECT_EQ(calls, 1);
}

TEST_F(CommandTest, CancelChecksAllIdsFirst) { EXPECT_EQ(Run({"cancel", "7", "x"}), ExitCode::kBadInput); }

TEST_F(CommandTest, ResumeCarriesADecision) {
  v1::ResumeRequest sent;
  broker.resume = [&](const v1::ResumeRequest& request, absl::Duration) {
    sent = request;
    v1::ResumeResponse response;
    response.set_state(v1::TASK_STATE_PENDING);
    return absl::StatusOr<v1::ResumeResponse>(response);
  };
  EXPECT_EQ(Run({"resume", "7", "--decision", "{\"ok\": true}", "--reason", "fine"}), ExitCode::kOk);
  EXPECT_EQ(sent.task_id(), 7u);
  EXPECT_EQ(sent.decision().json(), "{\"ok\": true}");
  EXPECT_EQ(sent.reason(), "fine");
  EXPECT_EQ(out.str(), "Resumed task 7: it is PENDING.\n");
  EXPECT_EQ(Run({"resume", "7", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_FALSE(sent.has_decision());
  EXPECT_EQ(out.str(), "{\"task_id\":7,\"state\":\"PENDING\"}\n");
  EXPECT_EQ(Run({"resume", "7", "--data", "yes"}), ExitCode::kOk);
  EXPECT_EQ(sent.decision().data(), "yes");
}

TEST_F(CommandTest, ResumeRefusesBadInputAndReportsTheState) {
  EXPECT_EQ(Run({"resume", "7", "--decision", "yes"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("--decision: not well-formed JSON at line 1, column 1"));
  broker.resume = [](const v1::ResumeRequest&, absl::Duration) -> absl::StatusOr<v1::ResumeResponse> {
    return MakeStatus(absl::StatusCode::kFailedPrecondition, "task 7 is RUNNING", "NOT_SUSPENDED");
  };
  EXPECT_EQ(Run({"resume", "7"}), ExitCode::kRefused);
}

}  // namespace
}  // namespace baton::cli
