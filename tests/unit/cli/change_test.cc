// Commands that change a task: cancel, resume, pause and unpause.
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

TEST_F(CommandTest, PauseShowsWhatIsBeneath) {
  std::vector<v1::PauseTaskRequest> requests;
  broker.pause = [&](const v1::PauseTaskRequest& request, absl::Duration) -> absl::StatusOr<v1::PauseTaskResponse> {
    requests.push_back(request);
    v1::PauseTaskResponse response;
    response.set_state(request.task_id() == 7 ? v1::TASK_STATE_RUNNING : v1::TASK_STATE_PENDING);
    return response;
  };
  EXPECT_EQ(Run({"pause", "7", "8", "--cascade", "--reason", "mail is down"}), ExitCode::kOk);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests[0].cascade());
  EXPECT_EQ(requests[0].reason(), "mail is down");
  EXPECT_EQ(out.str(), "ID  STATE   BENEATH\n7   PAUSED  RUNNING\n8   PAUSED  PENDING\n");
}

TEST_F(CommandTest, UnpauseGoesOnAfterARefusal) {
  broker.unpause = [&](const v1::UnpauseTaskRequest& request,
                       absl::Duration) -> absl::StatusOr<v1::UnpauseTaskResponse> {
    if (request.task_id() == 7) {
      return MakeStatus(absl::StatusCode::kFailedPrecondition, "task 7 is not paused but RUNNING", "NOT_PAUSED");
    }
    EXPECT_FALSE(request.cascade());
    v1::UnpauseTaskResponse response;
    response.set_state(v1::TASK_STATE_PENDING);
    return response;
  };
  EXPECT_EQ(Run({"unpause", "7", "8", "-o", "jsonl"}), ExitCode::kRefused);
  EXPECT_EQ(out.str(), "{\"task_id\":8,\"state\":\"PENDING\",\"beneath\":\"PENDING\"}\n");
  EXPECT_THAT(err.str(), HasSubstr("task 7 is not paused but RUNNING (NOT_PAUSED)"));
}

TEST_F(CommandTest, RetryGoesOnAfterARefusal) {
  std::vector<v1::RetryTaskRequest> sent;
  broker.retry = [&](const v1::RetryTaskRequest& request, absl::Duration) -> absl::StatusOr<v1::RetryTaskResponse> {
    sent.push_back(request);
    if (request.task_id() == 7) {
      return MakeStatus(absl::StatusCode::kFailedPrecondition, "task 7 is RUNNING", "NOT_ENDED");
    }
    v1::RetryTaskResponse response;
    response.set_state(v1::TASK_STATE_PENDING);
    return response;
  };
  EXPECT_EQ(Run({"retry", "7", "8", "--from-start", "--reason", "mail is back"}), ExitCode::kRefused);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(sent[1].from_start());
  EXPECT_EQ(sent[1].reason(), "mail is back");
  EXPECT_EQ(out.str(), "ID  STATE\n8   PENDING\n");
  EXPECT_THAT(err.str(), HasSubstr("task 7 is RUNNING (NOT_ENDED)"));
  EXPECT_EQ(Run({"retry", "8", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_FALSE(sent[2].from_start());
  EXPECT_EQ(out.str(), "{\"task_id\":8,\"state\":\"PENDING\"}\n");
}

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

TEST_F(CommandTest, TypesArePausedAndUnpaused) {
  broker.pause_type = [](const v1::PauseTypeRequest& request) {
    EXPECT_EQ(request.reason(), "mail is down");
    return absl::OkStatus();
  };
  broker.unpause_type = [](const v1::UnpauseTypeRequest& request) {
    if (request.type() == "mail") return absl::OkStatus();
    return MakeStatus(absl::StatusCode::kFailedPrecondition, "type 'fax' is not paused", "NOT_PAUSED");
  };
  EXPECT_EQ(Run({"types", "pause", "mail", "fax", "--reason", "mail is down"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "TYPE  PAUSED\nmail  yes\nfax   yes\n");
  EXPECT_EQ(Run({"types", "unpause", "fax", "mail", "-o", "jsonl"}), ExitCode::kRefused);
  EXPECT_EQ(out.str(), "{\"type\":\"mail\",\"paused\":false}\n");
  EXPECT_THAT(err.str(), HasSubstr("type 'fax' is not paused (NOT_PAUSED)"));
  EXPECT_EQ(Run({"types", "pause"}), ExitCode::kBadInput);
}

TEST_F(CommandTest, WhoHoldsATypeBackThatNothingUsesIsTold) {
  broker.pause_type = [](const v1::PauseTypeRequest&) { return absl::OkStatus(); };
  broker.list_types = [] {
    v1::ListTypesResponse response;
    for (const char* type : {"fax", "letter", "mail", "mial"}) response.add_types()->set_type(type);
    response.mutable_types(0)->mutable_counts()->set_pending(1);
    response.mutable_types(2)->mutable_options();
    return absl::StatusOr<v1::ListTypesResponse>(response);
  };
  EXPECT_EQ(Run({"types", "pause", "mail", "fax"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(Run({"types", "pause", "mial"}), ExitCode::kOk);
  EXPECT_EQ(err.str(),
            "No worker ever registered type mial, and there is no task of it: `baton types` lists all types.\n");
}

TEST_F(CommandTest, TypesAreLimited) {
  std::vector<v1::SetTypeLimitRequest> sent;
  broker.set_type_limit = [&](const v1::SetTypeLimitRequest& request) {
    sent.push_back(request);
    v1::SetTypeLimitResponse response;
    response.set_running(7);
    return absl::StatusOr<v1::SetTypeLimitResponse>(response);
  };
  EXPECT_EQ(Run({"types", "limit", "mail", "5", "--reason", "no more"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "TYPE  LIMIT  RUNNING\nmail  5      7\n");
  EXPECT_EQ(Run({"types", "limit", "mail", "none", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "{\"type\":\"mail\",\"max_running\":0,\"running\":7}\n");
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(sent[0].type() == "mail" && sent[0].max_running() == 5 && sent[0].reason() == "no more");
  EXPECT_FALSE(sent[1].has_max_running());
  for (const char* bad : {"0", "many", "5.5", "9999999999"}) {
    EXPECT_EQ(Run({"types", "limit", "mail", bad}), ExitCode::kBadInput) << bad;
    EXPECT_THAT(err.str(), HasSubstr(std::string("LIMIT is '") + bad + "'"));
  }
  EXPECT_EQ(Run({"types", "limit", "mail"}), ExitCode::kBadInput);
  broker.set_type_limit = [](const v1::SetTypeLimitRequest&) -> absl::StatusOr<v1::SetTypeLimitResponse> {
    return MakeStatus(absl::StatusCode::kInvalidArgument, "max_running is 1000001", "OUT_OF_RANGE");
  };
  EXPECT_NE(Run({"types", "limit", "mail", "1000001"}), ExitCode::kOk);
  EXPECT_THAT(err.str(), HasSubstr("max_running is 1000001 (OUT_OF_RANGE)"));
}

TEST_F(CommandTest, WorkersAreDrained) {
  broker.drain_worker = [](const v1::DrainWorkerRequest& request) -> absl::StatusOr<v1::DrainWorkerResponse> {
    EXPECT_EQ(request.reason(), "retired");
    if (request.worker_id() == "w2") {
      return MakeStatus(absl::StatusCode::kNotFound, "there is no live worker 'w2'", "WORKER_NOT_FOUND");
    }
    v1::DrainWorkerResponse response;
    response.set_attempts(4);
    return response;
  };
  EXPECT_EQ(Run({"workers", "drain", "w1", "--reason", "retired"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "WORKER  STATE     HOLDS\nw1      DRAINING  4\n");
  EXPECT_EQ(Run({"workers", "drain", "w2", "w1", "--reason", "retired", "-o", "jsonl"}), ExitCode::kNotFound);
  EXPECT_EQ(out.str(), "{\"worker_id\":\"w1\",\"state\":\"DRAINING\",\"attempts\":4}\n");
  EXPECT_THAT(err.str(), HasSubstr("there is no live worker 'w2' (WORKER_NOT_FOUND)"));
  EXPECT_EQ(Run({"workers", "drain"}), ExitCode::kBadInput);
}

TEST_F(CommandTest, ApproveAndRejectDecide) {
  std::vector<v1::ResumeRequest> sent;
  broker.resume = [&](const v1::ResumeRequest& request, absl::Duration) -> absl::StatusOr<v1::ResumeResponse> {
    sent.push_back(request);
    if (request.stage() == 3) {
      return MakeStatus(absl::StatusCode::kFailedPrecondition, "task 9 waits at stage 4", "STAGE_OVER");
    }
    v1::ResumeResponse response;
    response.set_state(v1::TASK_STATE_PENDING);
    return response;
  };
  EXPECT_EQ(Run({"approve", "7", "8", "--comment", "looks right"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "ID  DECISION  STATE\n7   approved  PENDING\n8   approved  PENDING\n");
  EXPECT_EQ(Run({"reject", "9", "-o", "jsonl"}), ExitCode::kOk);
  EXPECT_EQ(out.str(), "{\"task_id\":9,\"decision\":\"rejected\",\"state\":\"PENDING\"}\n");
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].decision().json(), "{\"approved\":true,\"comment\":\"looks right\"}");
  EXPECT_EQ(sent[0].reason(), "looks right");
  EXPECT_FALSE(sent[0].has_stage());
  EXPECT_EQ(sent[2].decision().json(), "{\"approved\":false}");
  EXPECT_EQ(sent[2].reason(), "rejected");
  EXPECT_EQ(Run({"approve", "9", "--stage", "3"}), ExitCode::kRefused);
  EXPECT_THAT(err.str(), HasSubstr("task 9 waits at stage 4 (STAGE_OVER)"));
  EXPECT_EQ(Run({"approve", "9", "--stage", ""}), ExitCode::kBadInput) << "any stage would do";
  EXPECT_EQ(sent.size(), 4u);
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
