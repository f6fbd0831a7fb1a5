// Deleting and bulk jobs, with every kind of wrong argument. What of the catalogue of errors this covers:
// wrong_arguments_test.cc.
#include "absl/strings/str_cat.h"
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

using grpc::StatusCode;

TEST_F(WrongRequestTest, DeleteTask) {
  const char* kDelete = "TaskAdmin.DeleteTask";
  SendAll({
      Row("no id", kDelete, "", kInvalid, "FIELD_REQUIRED", {"task_id is required", "Submit"}),
      Row("an unknown id", kDelete, "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("a child that is not sealed", kDelete, "task_id: <staged child>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <staged child>"}),
      Row("a pending task", kDelete, "task_id: <pending>", kPrecondition, "WORKFLOW_LIVE",
          {"task <pending> is PENDING", "cancel it"}),
      Row("a running task", kDelete, "task_id: <running>", kPrecondition, "WORKFLOW_LIVE",
          {"task <running> is RUNNING"}),
      Row("a suspended task", kDelete, "task_id: <suspended>", kPrecondition, "WORKFLOW_LIVE",
          {"task <suspended> is SUSPENDED"}),
      Row("a parent that waits", kDelete, "task_id: <waiting>", kPrecondition, "WORKFLOW_LIVE", {"task <waiting> is"}),
      Row("an overlong reason", kDelete, "task_id: <failed> reason: '<1025 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"reason has 1025", "1024"}),
  });
}

TEST_F(WrongRequestTest, StartJob) {  // B260, S65
  const char* kStart = "TaskAdmin.StartJob";
  const auto cancel = [](const std::string& rest) { return absl::StrCat("verb: JOB_VERB_CANCEL ", rest); };
  SendAll({
      Row("no verb", kStart, "filter { tag: 'x' }", kInvalid, "FIELD_REQUIRED", {"verb is required", "JobVerb"}),
      Row("an unknown verb", kStart, "verb: 99 filter { tag: 'x' }", kInvalid, "FIELD_REQUIRED", {"verb", "99"}),
      Row("no filter", kStart, cancel(""), kInvalid, "EMPTY_FILTER", {"filter", "every task", "all"}),
      Row("an empty filter", kStart, cancel("filter {}"), kInvalid, "EMPTY_FILTER", {"filter", "every task"}),
      Row("state 0", kStart, cancel("filter { states: 0 }"), kInvalid, "BAD_FILTER", {"filter.states has 0"}),
      Row("an unknown state", kStart, cancel("filter { states: 99 }"), kInvalid, "BAD_FILTER", {"99", "TaskState"}),
      Row("a state in which nothing can be done", kStart, cancel("filter { states: TASK_STATE_COMPLETED }"), kInvalid,
          "BAD_FILTER", {"filter.states has TASK_STATE_COMPLETED", "JOB_VERB_CANCEL", "TASK_STATE_PAUSED"}),
      Row("a badly spelt type", kStart, cancel("filter { type: 'a b' }"), kInvalid, "BAD_FILTER",
          {"filter.type is 'a b'"}),
      Row("an overlong tag", kStart, cancel("filter { tag: '<129 letters>' }"), kInvalid, "BAD_FILTER", {"filter.tag"}),
      Row("a start of something else than a retry", kStart, cancel("filter { tag: 'x' } from_start: true"), kInvalid,
          "BAD_JOB", {"from_start", "JOB_VERB_RETRY"}),
      Row("an overlong reason", kStart, cancel("filter { tag: 'x' } reason: '<1025 letters>'"), kInvalid,
          "FIELD_TOO_LONG", {"reason has 1025", "1024"}),
  });
}

TEST_F(WrongRequestTest, GetAndStopJobs) {
  SendAll({
      Row("no id", "TaskAdmin.GetJob", "", kInvalid, "FIELD_REQUIRED", {"job_id is required", "StartJob"}),
      Row("an unknown id", "TaskAdmin.GetJob", "job_id: 4711", StatusCode::NOT_FOUND, "JOB_NOT_FOUND",
          {"job 4711", "ListJobs"}),
      Row("no id", "TaskAdmin.StopJob", "", kInvalid, "FIELD_REQUIRED", {"job_id is required", "StartJob"}),
      Row("an unknown id", "TaskAdmin.StopJob", "job_id: 4711", StatusCode::NOT_FOUND, "JOB_NOT_FOUND", {"job 4711"}),
  });
}

}  // namespace
}  // namespace baton
