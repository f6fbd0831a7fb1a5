// How far a right goes: tasks of one's own, type prefixes, and payloads.
#include "broker/server/access/redact.h"
#include "tests/integration/access_fixture.h"

namespace baton {
namespace {

using ::testing::IsEmpty;

// A request that names one task.
template <typename Request>
Request About(uint64_t task) {
  Request request;
  request.set_task_id(task);
  return request;
}

// ── Tasks of one's own ──

TEST_F(AccessTest, ASubmitterReachesItsOwnTasksOnly) {
  Take("other", "submit");
  v1::NewTask waits;
  waits.set_type("x");
  waits.set_delay_us(kHour);
  waits.mutable_payload()->set_json("7");
  const uint64_t own = SubmitAs("submit", waits).task_id(), foreign = SubmitAs("other", waits).task_id();
  v1::GetRequest get = About<v1::GetRequest>(own);
  get.mutable_parts()->set_payload(true);
  v1::GetResponse got;
  ASSERT_THAT(Call("submit", "TaskBroker/Get", get, &got), IsOk());
  EXPECT_EQ(got.task().payload().json(), "7");
  v1::WaitRequest wait = About<v1::WaitRequest>(own);
  wait.set_timeout_us(1);
  v1::WaitResponse waited;
  ASSERT_THAT(Call("submit", "TaskBroker/Wait", wait, &waited), IsOk());
  EXPECT_TRUE(waited.timed_out());

  const auto refused = FailsWith(kDenied, "NOT_YOUR_TASK", "was not submitted with access token 'submit'");
  v1::CancelResponse cancelled;
  v1::ResumeResponse resumed;
  EXPECT_THAT(Call("submit", "TaskBroker/Get", About<v1::GetRequest>(foreign), &got), refused);
  EXPECT_THAT(Call("submit", "TaskBroker/Wait", About<v1::WaitRequest>(foreign), &waited), refused);
  EXPECT_THAT(Call("submit", "TaskBroker/Cancel", About<v1::CancelRequest>(foreign), &cancelled), refused);
  EXPECT_THAT(Call("submit", "TaskBroker/Resume", About<v1::ResumeRequest>(foreign), &resumed), refused);
  EXPECT_THAT(Call("submit", "TaskBroker/Get", About<v1::GetRequest>(foreign + 1), &got),
              FailsWith(grpc::StatusCode::NOT_FOUND, "TASK_NOT_FOUND", ""));
  // It stands as it was, and its own can be cancelled.
  ASSERT_THAT(Call("operate", "TaskBroker/Get", About<v1::GetRequest>(foreign), &got), IsOk());
  EXPECT_EQ(got.task().state(), v1::TASK_STATE_PENDING);
  EXPECT_THAT(Call("submit", "TaskBroker/Resume", About<v1::ResumeRequest>(own), &resumed),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "NOT_SUSPENDED", ""));
  ASSERT_THAT(Call("submit", "TaskBroker/Cancel", About<v1::CancelRequest>(own), &cancelled), IsOk());
  v1::ListEventsResponse events;
  ASSERT_THAT(Call("observe", "TaskAdmin/ListEvents", About<v1::ListEventsRequest>(own), &events), IsOk());
  for (const v1::Event& event : events.events()) EXPECT_EQ(event.actor(), "submit") << event.ShortDebugString();
}

TEST_F(AccessTest, TasksStayTheirSubmittersAfterARotation) {
  const uint64_t task = SubmitAs("submit", "x");
  v1::RotateTokenRequest rotate;
  v1::RotateTokenResponse rotated;
  rotate.set_name("submit");
  ASSERT_THAT(Call("operate", "AccessAdmin/RotateToken", rotate, &rotated), IsOk());
  texts_["submit"] = rotated.text();
  v1::GetResponse got;
  EXPECT_THAT(Call("submit", "TaskBroker/Get", About<v1::GetRequest>(task), &got), IsOk());
}

// ── Type prefixes ──

// Tokens of each role that are limited to "mail.", and a task of such a type and one of another.
class PrefixTest : public AccessTest {
 protected:
  void SetUp() override {
    AccessTest::SetUp();
    for (const char* role : server::kRoleNames) Add(std::string("mail-") + role, role, {"mail."});
    Reload();
    allowed_ = SubmitAs("operate", "mail.send", "1");
    other_ = SubmitAs("operate", "bank.pay", "2");
  }
  uint64_t allowed_ = 0, other_ = 0;
};

TEST_F(PrefixTest, LimitsWhatIsSubmitted) {
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  request.add_tasks()->set_type("mail.send");
  request.add_tasks()->set_type("bank.pay");
  ASSERT_THAT(Call("mail-submit", "TaskBroker/Submit", request, &response), IsOk());
  EXPECT_GT(response.results(0).task_id(), 0u);
  EXPECT_THAT(response.results(1).error(), IsError(kDenied, "TYPE_NOT_ALLOWED", "tasks[1].type is 'bank.pay'"));
  EXPECT_THAT(response.results(1).error(), IsError(kDenied, "TYPE_NOT_ALLOWED", "begin with 'mail.'"));
}

TEST_F(PrefixTest, LimitsTheTasksThatARequestNames) {
  const auto refused = FailsWith(kDenied, "TYPE_NOT_ALLOWED", "is of type 'bank.pay'");
  v1::GetResponse got;
  v1::ExplainResponse explained;
  v1::ListEventsResponse events;
  v1::ListAttemptsResponse attempts;
  v1::PauseTaskResponse paused;
  v1::CancelResponse cancelled;
  EXPECT_THAT(Call("mail-observe", "TaskBroker/Get", About<v1::GetRequest>(allowed_), &got), IsOk());
  EXPECT_THAT(Call("mail-observe", "TaskBroker/Get", About<v1::GetRequest>(other_), &got), refused);
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/Explain", About<v1::ExplainRequest>(allowed_), &explained), IsOk());
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/Explain", About<v1::ExplainRequest>(other_), &explained), refused);
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/ListEvents", About<v1::ListEventsRequest>(allowed_), &events), IsOk());
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/ListEvents", About<v1::ListEventsRequest>(other_), &events), refused);
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/ListAttempts", About<v1::ListAttemptsRequest>(other_), &attempts),
              refused);
  EXPECT_THAT(Call("mail-operate", "TaskAdmin/PauseTask", About<v1::PauseTaskRequest>(other_), &paused), refused);
  EXPECT_THAT(Call("mail-operate", "TaskAdmin/PauseTask", About<v1::PauseTaskRequest>(allowed_), &paused), IsOk());
  EXPECT_THAT(Call("mail-operate", "TaskBroker/Cancel", About<v1::CancelRequest>(other_), &cancelled), refused);
  v1::ListEventsRequest workflow;
  workflow.set_root_id(allowed_);
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/ListEvents", workflow, &events),
              FailsWith(kDenied, "TYPE_NOT_ALLOWED", "root_id is set"));
}

TEST_F(PrefixTest, LimitsWhatIsAnswered) {
  v1::ListTasksResponse list;
  ASSERT_THAT(Call("mail-observe", "TaskAdmin/ListTasks", v1::ListTasksRequest(), &list), IsOk());
  ASSERT_EQ(list.tasks_size(), 1);
  EXPECT_EQ(list.tasks(0).id(), allowed_);
  v1::WatchRequest watch;
  v1::WatchResponse told;
  watch.set_initial(true);
  ASSERT_THAT(Call("mail-observe", "TaskAdmin/Watch", watch, &told), IsOk());
  ASSERT_EQ(told.tasks_size(), 1);
  EXPECT_EQ(told.tasks(0).id(), allowed_);
  v1::ListTypesResponse types;
  ASSERT_THAT(Call("mail-observe", "TaskAdmin/ListTypes", v1::ListTypesRequest(), &types), IsOk());
  ASSERT_EQ(types.types_size(), 1);
  EXPECT_EQ(types.types(0).type(), "mail.send");
  v1::CountTasksResponse counts;
  ASSERT_THAT(Call("mail-observe", "TaskAdmin/CountTasks", v1::CountTasksRequest(), &counts), IsOk());
  ASSERT_EQ(counts.counts_size(), 1);
  for (const char* type : {"mail.send", "bank.pay"}) {
    v1::NewTask tagged;
    tagged.set_type(type);
    tagged.set_tag("nightly");
    SubmitAs("operate", tagged);
  }
  v1::GetStatisticsResponse statistics;
  v1::GetStatisticsRequest by_tag;
  by_tag.set_by_tag(true);
  ASSERT_THAT(Call("mail-observe", "TaskAdmin/GetStatistics", by_tag, &statistics), IsOk());
  ASSERT_EQ(statistics.types_size(), 1);
  EXPECT_EQ(statistics.counts().pending(), 2u);
  EXPECT_EQ(statistics.due(), 2u);
  EXPECT_FALSE(statistics.has_activity());
  ASSERT_EQ(statistics.tags_size(), 1);
  EXPECT_EQ(statistics.tags(0).type(), "mail.send");
}

TEST_F(PrefixTest, LimitsTypesAndSchedules) {
  v1::PauseTypeRequest type;
  v1::PauseTypeResponse paused;
  type.set_type("bank.pay");
  EXPECT_THAT(Call("mail-operate", "TaskAdmin/PauseType", type, &paused),
              FailsWith(kDenied, "TYPE_NOT_ALLOWED", "type is 'bank.pay'"));
  type.set_type("mail.send");
  EXPECT_THAT(Call("mail-operate", "TaskAdmin/PauseType", type, &paused), IsOk());

  v1::CreateScheduleRequest create;
  v1::CreateScheduleResponse created;
  create.mutable_schedule()->set_name("nightly");
  create.mutable_schedule()->set_cron("0 2 * * *");
  create.mutable_schedule()->mutable_task()->set_type("bank.pay");
  EXPECT_THAT(Call("mail-operate", "TaskAdmin/CreateSchedule", create, &created),
              FailsWith(kDenied, "TYPE_NOT_ALLOWED", "schedule.task.type is 'bank.pay'"));
  ASSERT_THAT(Call("operate", "TaskAdmin/CreateSchedule", create, &created), IsOk());
  const auto refused = FailsWith(kDenied, "TYPE_NOT_ALLOWED", "schedule 'nightly' creates tasks of type 'bank.pay'");
  // Not even replaced by one that is allowed.
  create.mutable_schedule()->mutable_task()->set_type("mail.send");
  create.set_replace(true);
  EXPECT_THAT(Call("mail-operate", "TaskAdmin/CreateSchedule", create, &created), refused);
  v1::DeleteScheduleRequest remove;
  v1::DeleteScheduleResponse removed;
  remove.set_name("nightly");
  EXPECT_THAT(Call("mail-operate", "TaskAdmin/DeleteSchedule", remove, &removed), refused);
  v1::GetScheduleRequest get;
  v1::GetScheduleResponse got;
  get.set_name("nightly");
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/GetSchedule", get, &got), refused);
  v1::ListSchedulesResponse list;
  ASSERT_THAT(Call("mail-observe", "TaskAdmin/ListSchedules", v1::ListSchedulesRequest(), &list), IsOk());
  EXPECT_THAT(list.schedules(), IsEmpty());
  create.mutable_schedule()->set_name("mails");
  ASSERT_THAT(Call("mail-operate", "TaskAdmin/CreateSchedule", create, &created), IsOk());
  get.set_name("mails");
  EXPECT_THAT(Call("mail-observe", "TaskAdmin/GetSchedule", get, &got), IsOk());
}

TEST_F(PrefixTest, LimitsWhatAWorkerHandlesAndReports) {
  const auto claim = [this](const std::string& token, const std::string& type) {
    v1::ClaimRequest request;
    *request.mutable_hello() = HelloOf("w", type);
    return RawCall(channel(), "/baton.v1.TaskBroker/Claim", request.SerializeAsString(), 2, "Bearer " + TextOf(token));
  };
  EXPECT_THAT(claim("mail-work", "bank.pay").status,
              FailsWith(kDenied, "TYPE_NOT_ALLOWED", "hello.worker.handlers[0].type is 'bank.pay'"));
  const RawAnswer mail = claim("mail-work", "mail.send");
  ASSERT_EQ(mail.messages.size(), 2u) << mail.status.error_message();
  const RawAnswer bank = claim("work", "bank.pay");
  ASSERT_EQ(bank.messages.size(), 2u) << bank.status.error_message();
  v1::ClaimResponse welcome, deliveries;
  ASSERT_TRUE(welcome.ParseFromString(bank.messages[0]) && deliveries.ParseFromString(bank.messages[1]));
  // With the attempt token of a task of another type.
  v1::CompleteRequest complete;
  v1::CompleteResponse completed;
  complete.set_session(welcome.welcome().session());
  v1::Outcome& outcome = *complete.add_outcomes();
  outcome.set_attempt_token(deliveries.deliveries().deliveries(0).attempt_token());
  outcome.mutable_succeeded();
  EXPECT_THAT(Call("mail-work", "TaskBroker/Complete", complete, &completed),
              FailsWith(kDenied, "TYPE_NOT_ALLOWED", "is of type 'bank.pay'"));
  v1::ClaimRequest resume;
  *resume.mutable_hello() = HelloOf("w", "mail.send");
  resume.mutable_hello()->add_held_attempt_tokens(outcome.attempt_token());
  EXPECT_THAT(
      RawCall(channel(), "/baton.v1.TaskBroker/Claim", resume.SerializeAsString(), 2, "Bearer " + TextOf("mail-work"))
          .status,
      FailsWith(kDenied, "TYPE_NOT_ALLOWED", "is of type 'bank.pay'"));
}

TEST_F(PrefixTest, LimitsTheChildrenOfAnAllowedTask) {
  v1::ClaimRequest hello;
  *hello.mutable_hello() = HelloOf("w", "mail.send");
  const RawAnswer claim =
      RawCall(channel(), "/baton.v1.TaskBroker/Claim", hello.SerializeAsString(), 2, "Bearer " + TextOf("mail-work"));
  v1::ClaimResponse welcome, deliveries;
  ASSERT_EQ(claim.messages.size(), 2u) << claim.status.error_message();
  ASSERT_TRUE(welcome.ParseFromString(claim.messages[0]) && deliveries.ParseFromString(claim.messages[1]));
  v1::CompleteRequest complete;
  v1::CompleteResponse completed;
  complete.set_session(welcome.welcome().session());
  v1::Outcome& outcome = *complete.add_outcomes();
  outcome.set_attempt_token(deliveries.deliveries().deliveries(0).attempt_token());
  outcome.mutable_spawned()->add_children()->set_type("bank.pay");
  ASSERT_THAT(Call("mail-work", "TaskBroker/Complete", complete, &completed), IsOk());
  EXPECT_THAT(completed.results(0).error(),
              IsError(kDenied, "TYPE_NOT_ALLOWED", "outcomes[0].spawned.children[0].type is 'bank.pay'"));
}

TEST_F(PrefixTest, LimitsTheChildrenThatAreExplained) {
  v1::ClaimRequest hello;
  *hello.mutable_hello() = HelloOf("w", "mail.send");
  const RawAnswer claim =
      RawCall(channel(), "/baton.v1.TaskBroker/Claim", hello.SerializeAsString(), 2, "Bearer " + TextOf("work"));
  v1::ClaimResponse welcome, deliveries;
  ASSERT_EQ(claim.messages.size(), 2u) << claim.status.error_message();
  ASSERT_TRUE(welcome.ParseFromString(claim.messages[0]) && deliveries.ParseFromString(claim.messages[1]));
  v1::CompleteRequest complete;
  v1::CompleteResponse completed;
  complete.set_session(welcome.welcome().session());
  v1::Outcome& outcome = *complete.add_outcomes();
  outcome.set_attempt_token(deliveries.deliveries().deliveries(0).attempt_token());
  for (const char* type : {"bank.pay", "mail.read"}) outcome.mutable_spawned()->add_children()->set_type(type);
  ASSERT_THAT(Call("work", "TaskBroker/Complete", complete, &completed), IsOk());
  ASSERT_FALSE(completed.results(0).has_error()) << completed.results(0).error().message();

  v1::ExplainResponse explained;
  ASSERT_THAT(Call("observe", "TaskAdmin/Explain", About<v1::ExplainRequest>(allowed_), &explained), IsOk());
  EXPECT_EQ(explained.unfinished_children_size(), 2);
  ASSERT_THAT(Call("mail-observe", "TaskAdmin/Explain", About<v1::ExplainRequest>(allowed_), &explained), IsOk());
  ASSERT_EQ(explained.unfinished_children_size(), 1);
  EXPECT_EQ(explained.unfinished_children(0).type(), "mail.read");
  EXPECT_EQ(explained.task().children_remaining(), 2u);
}

// ── Payloads ──

TEST_F(AccessTest, AnObserverSeesPayloadsIfItsTokenSaysSo) {
  Take("auditor", "observe", {}, /*payloads=*/true);
  const uint64_t task = SubmitAs("submit", "mail.send", "\"hush\"");
  v1::CreateScheduleRequest create;
  v1::CreateScheduleResponse created;
  create.mutable_schedule()->set_name("nightly");
  create.mutable_schedule()->set_cron("0 2 * * *");
  create.mutable_schedule()->mutable_task()->set_type("mail.send");
  create.mutable_schedule()->mutable_task()->mutable_payload()->set_json("\"hush\"");
  ASSERT_THAT(Call("operate", "TaskAdmin/CreateSchedule", create, &created), IsOk());
  v1::ClaimRequest hello;
  *hello.mutable_hello() = HelloOf("w", "mail.send");
  const RawAnswer claim =
      RawCall(channel(), "/baton.v1.TaskBroker/Claim", hello.SerializeAsString(), 2, "Bearer " + TextOf("work"));
  v1::ClaimResponse welcome, deliveries;
  ASSERT_EQ(claim.messages.size(), 2u) << claim.status.error_message();
  ASSERT_TRUE(welcome.ParseFromString(claim.messages[0]) && deliveries.ParseFromString(claim.messages[1]));
  EXPECT_EQ(deliveries.deliveries().deliveries(0).payload().json(), "\"hush\"");
  v1::CompleteRequest complete;
  v1::CompleteResponse completed;
  complete.set_session(welcome.welcome().session());
  v1::Outcome& outcome = *complete.add_outcomes();
  outcome.set_attempt_token(deliveries.deliveries().deliveries(0).attempt_token());
  outcome.mutable_succeeded()->mutable_result()->set_json("\"hush\"");
  outcome.add_checkpoints()->set_code("half");
  outcome.mutable_checkpoints(0)->set_metadata_json("{\"a\":\"hush\"}");
  outcome.mutable_progress()->set_text("done");
  outcome.mutable_progress()->set_metadata_json("{\"a\":\"hush\"}");
  ASSERT_THAT(Call("work", "TaskBroker/Complete", complete, &completed), IsOk());
  ASSERT_FALSE(completed.results(0).has_error()) << completed.results(0).error().message();

  v1::GetRequest get = About<v1::GetRequest>(task);
  get.mutable_parts()->set_payload(true);
  get.mutable_parts()->set_result(true);
  v1::WaitRequest wait = About<v1::WaitRequest>(task);
  *wait.mutable_parts() = get.parts();
  v1::WatchRequest watch;
  watch.set_initial(true);
  v1::GetScheduleRequest schedule;
  schedule.set_name("nightly");
  const std::vector<std::pair<std::string, std::string>> reads = {
      {"TaskBroker/Get", get.SerializeAsString()},
      {"TaskBroker/Wait", wait.SerializeAsString()},
      {"TaskAdmin/ListTasks", ""},
      {"TaskAdmin/Watch", watch.SerializeAsString()},
      {"TaskAdmin/ListEvents", About<v1::ListEventsRequest>(task).SerializeAsString()},
      {"TaskAdmin/Explain", About<v1::ExplainRequest>(task).SerializeAsString()},
      {"TaskAdmin/GetWorkflowSummary", About<v1::GetWorkflowSummaryRequest>(task).SerializeAsString()},
      {"TaskAdmin/GetSchedule", schedule.SerializeAsString()}};
  const auto ask = [this](const std::string& token, const std::string& method, const std::string& request) {
    const RawAnswer answer = RawCall(channel(), "/baton.v1." + method, request, 1, "Bearer " + TextOf(token));
    EXPECT_EQ(answer.messages.size(), 1u) << method << answer.status.error_message();
    return answer.messages.empty() ? "" : answer.messages[0];
  };
  for (const auto& [method, request] : reads) {
    EXPECT_EQ(ask("observe", method, request).find("hush"), std::string::npos) << method;
    EXPECT_NE(ask("auditor", method, request).find("hush"), std::string::npos) << method;
    EXPECT_NE(ask("operate", method, request).find("hush"), std::string::npos) << method;
  }
  v1::GetResponse got;
  ASSERT_TRUE(got.ParseFromString(ask("observe", "TaskBroker/Get", get.SerializeAsString())));
  EXPECT_EQ(got.task().payload().content_type(), server::kHiddenContentType);
  EXPECT_EQ(got.task().result().content_type(), server::kHiddenContentType);
  EXPECT_EQ(got.task().progress().text(), "done");
}

// Attempts stay with workers that are gone.
class HeldAttemptTest : public AccessTest {
 protected:
  HeldAttemptTest() { settings_.engine.grace = settings_.engine.beat_window = kDay; }
};

TEST_F(HeldAttemptTest, WhatTheEngineExplainsTooIsHidden) {
  const uint64_t task = SubmitAs("submit", "mail.send");
  v1::ClaimRequest hello;
  *hello.mutable_hello() = HelloOf("w", "mail.send");
  const RawAnswer claim =
      RawCall(channel(), "/baton.v1.TaskBroker/Claim", hello.SerializeAsString(), 2, "Bearer " + TextOf("work"));
  v1::ClaimResponse deliveries;
  ASSERT_EQ(claim.messages.size(), 2u) << claim.status.error_message();
  ASSERT_TRUE(deliveries.ParseFromString(claim.messages[1]));
  v1::ProgressRequest report;
  v1::ProgressResponse reported;
  report.add_items()->set_attempt_token(deliveries.deliveries().deliveries(0).attempt_token());
  report.mutable_items(0)->mutable_progress()->set_text("half");
  report.mutable_items(0)->mutable_progress()->set_metadata_json("{\"a\":\"hush\"}");
  ASSERT_THAT(Call("work", "TaskBroker/Progress", report, &reported), IsOk());
  ASSERT_FALSE(reported.results(0).has_error()) << reported.results(0).error().message();

  for (const std::string token : {"observe", "operate"}) {
    v1::ExplainResponse explained;
    ASSERT_THAT(Call(token, "TaskAdmin/Explain", About<v1::ExplainRequest>(task), &explained), IsOk());
    EXPECT_EQ(explained.holder().worker_id(), "w");
    EXPECT_TRUE(explained.holder().has_times_out_in()) << "the engine was asked";
    EXPECT_EQ(explained.task().progress().text(), "half");
    EXPECT_EQ(explained.task().progress().metadata_json().empty(), token == "observe");
  }
}

}  // namespace
}  // namespace baton
