// Bad input: the code, the reason, a message that names the field; and nothing is changed by it.
#include <functional>

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

TEST_F(MalformedTest, WholeCallsAreRefusedAndChangeNothing) {
  Submit("render");
  const std::string before = State();
  v1::SubmitRequest submit;
  v1::SubmitResponse submitted;
  {
    TestContext context;
    EXPECT_THAT(tasks().Submit(&context, submit, &submitted),
                FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_REQUIRED", "tasks"));
  }
  for (int i = 0; i < 1001; ++i) submit.add_tasks()->set_type("render");
  {
    TestContext context;
    EXPECT_THAT(tasks().Submit(&context, submit, &submitted),
                FailsWith(StatusCode::INVALID_ARGUMENT, "TOO_MANY_ITEMS", "tasks has 1001"));
  }
  {
    TestContext context;
    v1::CancelResponse cancelled;
    EXPECT_THAT(tasks().Cancel(&context, v1::CancelRequest(), &cancelled),
                FailsWith(StatusCode::INVALID_ARGUMENT, "FIELD_REQUIRED", "task_id"));
  }
  {
    TestContext context;
    v1::ListChildOutcomesResponse outcomes;
    EXPECT_THAT(tasks().ListChildOutcomes(&context, v1::ListChildOutcomesRequest(), &outcomes),
                FailsWith(StatusCode::INVALID_ARGUMENT, "BAD_ATTEMPT_TOKEN", "attempt_token"));
  }
  {
    TestContext context;
    v1::ListTasksRequest list;
    v1::ListTasksResponse listed;
    list.set_page_token("invented");
    EXPECT_THAT(admin().ListTasks(&context, list, &listed),
                FailsWith(StatusCode::INVALID_ARGUMENT, "BAD_PAGE_TOKEN", "page_token"));
  }
  EXPECT_EQ(State(), before);
}

TEST_F(MalformedTest, BadTasksAreRefusedOneByOneAndChangeNothing) {
  const std::string before = State();
  const struct {
    const char* reason;
    const char* named;
    std::function<void(v1::NewTask*)> change;
  } kBad[] = {
      {"FIELD_REQUIRED", "tasks[0].type", [](auto* t) { t->clear_type(); }},
      {"BAD_NAME", "tasks[0].tag", [](auto* t) { t->set_tag("ü"); }},
      {"PAYLOAD_TOO_LARGE", "tasks[0].payload",
       [](auto* t) { t->mutable_payload()->set_data(std::string((1 << 20) + 1, 'x')); }},
      {"MALFORMED_JSON", "tasks[0].payload.json", [](auto* t) { t->mutable_payload()->set_json("{]"); }},
      {"OUT_OF_RANGE", "tasks[0].options.priority", [](auto* t) { t->mutable_options()->set_priority(1000); }},
      {"OUT_OF_RANGE", "tasks[0].options.timeout_us",
       [](auto* t) { t->mutable_options()->set_timeout_us(365 * kDay); }},
      {"OUT_OF_RANGE", "tasks[0].delay_us", [](auto* t) { t->set_delay_us(-1); }},
  };
  for (const auto& bad : kBad) {
    v1::NewTask task;
    task.set_type("render");
    bad.change(&task);
    EXPECT_THAT(TrySubmit(task).error(), IsError(3, bad.reason, bad.named));
  }
  EXPECT_EQ(State(), before);
}

TEST_F(MalformedTest, BadSchedulesAreRefusedAndChangeNothing) {
  const std::string before = State();
  const struct {
    const char* reason;
    const char* named;
    std::function<void(v1::ScheduleDefinition*)> change;
  } kBad[] = {
      {"FIELD_REQUIRED", "schedule.name", [](auto* s) { s->clear_name(); }},
      {"BAD_NAME", "schedule.name", [](auto* s) { s->set_name("every night"); }},
      {"BAD_CRON", "schedule.cron", [](auto* s) { s->set_cron("99 * * * *"); }},
      {"BAD_CRON", "is never due", [](auto* s) { s->set_cron("0 0 30 2 *"); }},
      {"BAD_TIME_ZONE", "schedule.time_zone", [](auto* s) { s->set_time_zone("Mars/Olympus"); }},
      {"FIELD_REQUIRED", "schedule.task.type", [](auto* s) { s->mutable_task()->clear_type(); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "schedule.task.delay_us", [](auto* s) { s->mutable_task()->set_delay_us(1); }},
      {"FIELDS_EXCLUDE_EACH_OTHER", "catch_up ALL", [](auto* s) { s->set_catch_up(v1::CATCH_UP_POLICY_ALL); }},
      {"OUT_OF_RANGE", "schedule.end_at", [](auto* s) { s->mutable_end_at()->set_seconds(1); }},
  };
  for (const auto& bad : kBad) {
    TestContext context;
    v1::CreateScheduleRequest request;
    v1::CreateScheduleResponse response;
    request.mutable_schedule()->set_name("nightly");
    request.mutable_schedule()->set_cron("@daily");
    request.mutable_schedule()->mutable_task()->set_type("render");
    bad.change(request.mutable_schedule());
    EXPECT_THAT(admin().CreateSchedule(&context, request, &response),
                FailsWith(StatusCode::INVALID_ARGUMENT, bad.reason, bad.named));
  }
  EXPECT_EQ(State(), before);
}

TEST_F(MalformedTest, BadHellosEndTheStream) {
  const std::string before = State();
  const struct {
    StatusCode code;
    const char* reason;
    const char* named;
    std::function<void(v1::ClaimRequest*)> change;
  } kBad[] = {
      {StatusCode::FAILED_PRECONDITION, "PROTOCOL_VERSION", "is 99",
       [](auto* m) { m->mutable_hello()->set_protocol_version(99); }},
      {StatusCode::INVALID_ARGUMENT, "FIELD_REQUIRED", "hello.worker_id",
       [](auto* m) { m->mutable_hello()->clear_worker_id(); }},
      {StatusCode::INVALID_ARGUMENT, "OUT_OF_RANGE", "hello.worker.slots",
       [](auto* m) { m->mutable_hello()->mutable_worker()->set_slots(-1); }},
      {StatusCode::INVALID_ARGUMENT, "BAD_ATTEMPT_TOKEN", "hello.held_attempt_tokens[0]",
       [](auto* m) { m->mutable_hello()->add_held_attempt_tokens("short"); }},
      {StatusCode::INVALID_ARGUMENT, "HELLO_EXPECTED", "hello", [](auto* m) { m->mutable_update(); }},
      {StatusCode::INVALID_ARGUMENT, "HELLO_EXPECTED", "hello", [](auto* m) { m->clear_message(); }},
  };
  for (const auto& bad : kBad) {
    v1::ClaimRequest message;
    *message.mutable_hello() = HelloOf("w1", "render");
    bad.change(&message);
    WorkerStream stream(&tasks(), message);
    EXPECT_FALSE(stream.ReadWelcome());
    EXPECT_THAT(stream.Finish(), FailsWith(bad.code, bad.reason, bad.named));
  }
  EXPECT_EQ(State(), before);
}

TEST_F(MalformedTest, ABadUpdateEndsTheStream) {
  auto worker = Connect("w1", "render");
  v1::WorkerUpdate update;
  update.add_capabilities("not a name");
  ASSERT_TRUE(worker->Update(update));
  EXPECT_FALSE(worker->NextDelivery().has_value());
  EXPECT_THAT(worker->Finish(), FailsWith(StatusCode::INVALID_ARGUMENT, "BAD_NAME", "update.capabilities"));
}

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
  const std::string garbage("\x0a\xff\xff\xff\x7f garbage", 14);
  for (const char* method : {"Submit", "Complete", "Heartbeat", "Audit", "Progress", "SpawnChildren", "Get", "Wait",
                             "Cancel", "Resume", "ListChildOutcomes", "Claim"}) {
    const RawAnswer answer = RawCall(channel(), std::string("/baton.v1.TaskBroker/") + method, garbage);
    EXPECT_THAT(answer.status, FailsWith(StatusCode::INVALID_ARGUMENT, "MALFORMED_MESSAGE", "baton.v1.")) << method;
  }
  for (const char* method : {"ListTasks", "ListEvents", "ListAttempts", "PauseTask", "UnpauseTask",
                             "PauseType", "UnpauseType", "CreateSchedule", "GetSchedule", "ListSchedules",
                             "PauseSchedule", "UnpauseSchedule", "TriggerSchedule", "DeleteSchedule",
                             "PreviewSchedule"}) {
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
