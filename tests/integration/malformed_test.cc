// Bytes that are no request, and requests that cannot be taken at all; nothing is changed by them. What can be wrong
// within a request: wrong_arguments_test.cc and its like.
#include "tests/integration/broker_fixture.h"
#include "tests/integration/raw_call.h"

namespace baton {
namespace {

using grpc::StatusCode;

class MalformedTest : public BrokerTest {
 protected:
  // Everything that a refused call could have changed.
  std::string State() {
    TestContext statistics_context, info_context, workers_context;
    v1::GetStatisticsResponse statistics;
    v1::GetServerInfoResponse info;
    v1::ListWorkersResponse workers;
    EXPECT_THAT(admin().GetStatistics(&statistics_context, v1::GetStatisticsRequest(), &statistics), IsOk());
    EXPECT_THAT(admin().GetServerInfo(&info_context, v1::GetServerInfoRequest(), &info), IsOk());
    EXPECT_THAT(admin().ListWorkers(&workers_context, v1::ListWorkersRequest(), &workers), IsOk());
    return statistics.counts().ShortDebugString() + " next id " + std::to_string(info.next_task_id()) + " commit " +
           std::to_string(info.commit_number()) + " workers " + std::to_string(workers.workers_size());
  }
};

TEST_F(MalformedTest, BadOutcomesNameTheFieldAndKeepTheAttempt) {
  Submit("render");
  auto worker = Connect("w1", "render");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  v1::Outcome outcome;
  EXPECT_THAT(Complete(*worker, outcome), IsError(3, "BAD_ATTEMPT_TOKEN", "outcomes[0].attempt_token"));
  outcome.set_attempt_token(std::string(20, 'x'));
  outcome.mutable_succeeded();
  EXPECT_THAT(Complete(*worker, outcome), IsError(10, "ATTEMPT_OVER", "outcomes[0].attempt_token"));
  outcome.set_attempt_token(delivery->attempt_token());
  outcome.mutable_succeeded()->mutable_result()->set_json("{");
  EXPECT_THAT(Complete(*worker, outcome), IsError(3, "MALFORMED_JSON", "outcomes[0].succeeded.result.json"));
  EXPECT_EQ(Get(delivery->task_id()).state(), v1::TASK_STATE_RUNNING);
  outcome.mutable_failed()->set_error("the result was refused");
  EXPECT_EQ(Complete(*worker, outcome).code(), 0);
  EXPECT_EQ(Get(delivery->task_id()).state(), v1::TASK_STATE_PERMANENTLY_FAILED);
}

TEST_F(MalformedTest, GarbageBytesAreRefused) {
  const std::string before = State();
  const std::string garbage("\x0a\xff\xff\xff\x7f garbage", 13);
  for (const char* method : {"Submit", "Complete", "Heartbeat", "Audit", "Progress", "SpawnChildren", "Get", "Wait",
                             "Cancel", "Resume", "ListChildOutcomes", "Claim"}) {
    const RawAnswer answer = RawCall(channel(), std::string("/baton.v1.TaskBroker/") + method, garbage);
    EXPECT_THAT(answer.status, FailsWith(StatusCode::INVALID_ARGUMENT, "MALFORMED_MESSAGE", "baton.v1.")) << method;
  }
  for (const char* method :
       {"Explain",        "ListTasks",       "Watch",         "ListEvents",    "ListAttempts",    "GetWorkflowSummary",
        "PauseTask",      "UnpauseTask",     "PauseType",     "UnpauseType",   "SetTypeLimit",    "DrainWorker",
        "CreateSchedule", "GetSchedule",     "ListSchedules", "PauseSchedule", "UnpauseSchedule", "TriggerSchedule",
        "DeleteSchedule", "PreviewSchedule", "ListWorkers",   "CountTasks"}) {
    const RawAnswer answer = RawCall(channel(), std::string("/baton.v1.TaskAdmin/") + method, garbage);
    EXPECT_THAT(answer.status, FailsWith(StatusCode::INVALID_ARGUMENT, "MALFORMED_MESSAGE", "baton.v1.")) << method;
  }
  const RawAnswer invalid_utf8 = RawCall(channel(), "/baton.v1.TaskBroker/Submit", "\x0a\x01\xff");
  EXPECT_THAT(invalid_utf8.status, FailsWith(StatusCode::INVALID_ARGUMENT, "MALFORMED_MESSAGE", "UTF-8"));
  EXPECT_EQ(State(), before);
}

TEST_F(MalformedTest, UnknownMethodsAreUnimplemented) {
  EXPECT_EQ(RawCall(channel(), "/baton.v1.TaskBroker/Nothing", "").status.error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(RawCall(channel(), "/baton.v2.TaskBroker/Submit", "").status.error_code(), StatusCode::UNIMPLEMENTED);
}

TEST_F(MalformedTest, AMessageOverTheLimitIsRefused) {
  const std::string before = State();
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  for (int i = 0; i < 5; ++i) {
    request.add_tasks()->set_type("render");
    request.mutable_tasks(i)->mutable_payload()->set_data(std::string(1 << 20, 'x'));
  }
  TestContext context;
  EXPECT_EQ(tasks().Submit(&context, request, &response).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(State(), before);
}

TEST_F(MalformedTest, ACallerThatHasGivenUpCostsNoWork) {
  const std::string before = State();
  TestContext context;
  context.set_deadline(gpr_inf_past(GPR_CLOCK_REALTIME));
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  request.add_tasks()->set_type("render");
  EXPECT_EQ(tasks().Submit(&context, request, &response).error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(State(), before);
}

}  // namespace
}  // namespace baton
