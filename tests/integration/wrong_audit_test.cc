// Looking at histories, with every kind of wrong argument.
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

using grpc::StatusCode;

TEST_F(WrongRequestTest, ConditionsOnEvents) {  // B220, B224
  const char* kEvents = "TaskAdmin.ListEvents";
  SendAll({
      Row("a task and a workflow", kEvents, "task_id: <running> root_id: <waiting>", kInvalid, "BAD_FILTER",
          {"task_id is <running>", "root_id is <waiting>", "set task_id for one task"}),
      Row("a root that is a child", kEvents, "root_id: <deep>", kInvalid, "NOT_A_ROOT",
          {"root_id is <deep>, a child", "send <waiting>"}),
      Row("an unknown root", kEvents, "root_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>"}),
      Row("an unknown type", kEvents, "task_id: <running> types: 99", kInvalid, "BAD_FILTER",
          {"types has 99", "EventType"}),
      Row("a negative attempt", kEvents, "task_id: <running> attempt: -1", kInvalid, "BAD_FILTER", {"attempt is -1"}),
      Row("a negative stage", kEvents, "task_id: <running> stage: -1", kInvalid, "BAD_FILTER", {"stage is -1"}),
      Row("a time that cannot be", kEvents, "task_id: <running> since { nanos: -1 }", kInvalid, "BAD_FILTER",
          {"since.nanos is -1", "999999999"}),
      Row("times the wrong way round", kEvents, "task_id: <running> since { seconds: 2 } until { seconds: 1 }",
          kInvalid, "BAD_FILTER", {"since is after until", "exchange them"}),
      Row("a token of other conditions", kEvents, "task_id: <running> stage: 0 page_token: '<page of events>'",
          kInvalid, "BAD_PAGE_TOKEN", {"<page of events>", "same filter"}),
  });
}

TEST_F(WrongRequestTest, ConditionsOnAttempts) {  // B220, B225
  const char* kAttempts = "TaskAdmin.ListAttempts";
  SendAll({
      Row("a root that is a child", kAttempts, "root_id: <deep>", kInvalid, "NOT_A_ROOT",
          {"root_id is <deep>, a child", "send <waiting>"}),
      Row("an unknown outcome", kAttempts, "task_id: <running> outcomes: 99", kInvalid, "BAD_FILTER",
          {"outcomes has 99", "AttemptOutcome"}),
      Row("open ones that have ended", kAttempts, "task_id: <running> open_only: true ended_since { seconds: 1 }",
          kInvalid, "BAD_FILTER", {"open_only is set", "ended_since", "leave one of them out"}),
      Row("times the wrong way round", kAttempts,
          "task_id: <running> claimed_since { seconds: 2 } claimed_until { seconds: 1 }", kInvalid, "BAD_FILTER",
          {"claimed_since is after claimed_until"}),
      Row("a token of other conditions", kAttempts,
          "task_id: <running> worker_id: 'w1' page_token: "
          "'<page of attempts>'",
          kInvalid, "BAD_PAGE_TOKEN", {"<page of attempts>"}),
  });
}

TEST_F(WrongRequestTest, Summaries) {  // B229
  const char* kSummary = "TaskAdmin.GetWorkflowSummary";
  SendAll({
      Row("no id", kSummary, "", kInvalid, "FIELD_REQUIRED", {"task_id is required"}),
      Row("an unknown id", kSummary, "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND", {"task <unknown>"}),
      Row("a child that is only staged", kSummary, "task_id: <staged child>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <staged child>"}),
  });
}

}  // namespace
}  // namespace baton
