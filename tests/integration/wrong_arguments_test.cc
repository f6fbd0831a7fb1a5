// Submitting, looking and controlling, with every kind of wrong argument.
//
// The errors of the catalogue (B260), and the reasons that stand for them here and in the tables beside this one:
//
//   HANDLER_INVALID              FIELD_REQUIRED, BAD_NAME, DUPLICATE_HANDLER of Claim: wrong_reports_test.cc
//   BAD_CRON                     BAD_CRON, BAD_TIME_ZONE: wrong_schedules_test.cc
//   RECORD_INVALID               FIELD_REQUIRED, BAD_NAME, OUT_OF_RANGE, … of a new task
//   PARENT_NOT_FOUND             TASK_NOT_FOUND of Complete and SpawnChildren: wrong_reports_test.cc
//   PARENT_NOT_OWNED, NOT_OWNER  ATTEMPT_OVER: wrong_reports_test.cc
//   CHILD_NAME_MISSING           FIELD_REQUIRED of children[…].type: wrong_reports_test.cc
//   CLAIM_INVALID                FIELD_REQUIRED, BAD_NAME, OUT_OF_RANGE of Claim: wrong_reports_test.cc
//   INVALID_STATUS, INVALID_TYPE BAD_FILTER; of a bulk job also EMPTY_FILTER: wrong_jobs_test.cc
//   TASK_NOT_FOUND               TASK_NOT_FOUND, TASK_EXPIRED: expired_test.cc
//   ILLEGAL_TRANSITION           TASK_TERMINAL, NOT_SUSPENDED, WAITS_FOR_CHILDREN, STAGE_OVER, NOT_PAUSED, NOT_ENDED,
//                                TASK_COMPLETED, ATTEMPT_OVER; WORKFLOW_LIVE: wrong_jobs_test.cc
//   ID_REQUIRED, NAME_REQUIRED   FIELD_REQUIRED
//   BAD_PAGE                     PAGE_SIZE, BAD_PAGE_TOKEN, BAD_RESUME_TOKEN
//   SUSPEND_INVALID              FIELD_REQUIRED of suspended.reason: wrong_reports_test.cc
//   CHECKPOINT_INVALID           FIELD_REQUIRED, FIELD_TOO_LONG, MALFORMED_JSON of a checkpoint: wrong_reports_test.cc
//   PROGRESS_EMPTY               PROGRESS_EMPTY: wrong_reports_test.cc
//   PROGRESS_INVALID             OUT_OF_RANGE, FIELD_TOO_LONG, MALFORMED_JSON of a progress: wrong_reports_test.cc
//   WORKER_INVALID               FIELD_REQUIRED, BAD_NAME, FIELD_TOO_LONG of Claim and Heartbeat: wrong_reports_test.cc
//
// And those that cannot occur:
//
//   NO_HANDLER, TASK_TYPE_UNKNOWN, CHILD_HANDLER_UNKNOWN: a type that no worker has registered yet is legal; it waits.
//   STATUS_REQUIRED, TAG_REQUIRED: a filter without a state or tag means every one.
//   HANDLER_SCHEMA: handlers have no schemas here, and unknown fields of a message are ignored by contract.
//   EVENT_INVALID: no call writes an event; the broker does, with what it decides.
//   RETENTION_INVALID, CONFIG_NO_STORE, CANNOT_RESTART: no request has such arguments; the settings of batond and its
//   start are tested where they are read (unit/server, process/).
#include "absl/strings/str_cat.h"
#include "tests/integration/wrong_request.h"

namespace baton {
namespace {

using grpc::StatusCode;

TEST_F(WrongRequestTest, Submit) {  // B27, B68, B260, S31, S32
  const auto submit = [](const std::string& task) { return "tasks { type: 'idle' " + task + " }"; };
  const auto options = [](const std::string& set) { return "tasks { type: 'idle' options { " + set + " } }"; };
  const char* kSubmit = "TaskBroker.Submit";
  const char* kTraced = "trace_parent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'";
  SendAll({
      Row("no tasks", kSubmit, "", kInvalid, "FIELD_REQUIRED", {"tasks is required", "at least one"}),
      Row("too many tasks", kSubmit, "<1001 tasks>", kInvalid, "TOO_MANY_ITEMS", {"tasks has 1001", "1000", "cut"}),
      Row("an overlong request id", kSubmit, "request_id: '<129 letters>' tasks { type: 'idle' }", kInvalid,
          "FIELD_TOO_LONG", {"request_id has 129", "128"}),
      Row("a request id of other tasks", kSubmit, "request_id: 'used' tasks { type: 'work' }", kInvalid,
          "REQUEST_ID_REUSED", {"request_id", "24 h", "use a new one"}),
      Row("bytes that are not UTF-8", kSubmit, "tasks { type: '\\377' }", kInvalid, "MALFORMED_MESSAGE",
          {"baton.v1.SubmitRequest", "UTF-8"}),
      Row("no type", kSubmit, "tasks {}", kInvalid, "FIELD_REQUIRED", {"tasks[0].type", "set it"}),
      Row("an overlong type", kSubmit, "tasks { type: '<129 letters>' }", kInvalid, "FIELD_TOO_LONG",
          {"tasks[0].type has 129", "128"}),
      Row("a badly spelt type", kSubmit, "tasks { type: 'a b' }", kInvalid, "BAD_NAME",
          {"tasks[0].type is 'a b'", "contains ' '", "only letters"}),
      Row("a badly spelt tag", kSubmit, submit("tag: 'ü'"), kInvalid, "BAD_NAME", {"tasks[0].tag", "'ü'"}),
      Row("an overlong tag", kSubmit, submit("tag: '<129 letters>'"), kInvalid, "FIELD_TOO_LONG",
          {"tasks[0].tag has 129", "128"}),
      Row("too large a payload", kSubmit, submit("payload { data: '<1 MiB and a byte>' }"), kInvalid,
          "PAYLOAD_TOO_LARGE", {"tasks[0].payload has 1048577", "1048576", "limits.payload_bytes", "send a reference"}),
      Row("a payload that is not JSON", kSubmit, submit("payload { json: '{]' }"), kInvalid, "MALFORMED_JSON",
          {"tasks[0].payload.json is '{]'", "at byte 2", "send it as bytes"}),
      Row("a number that is too large", kSubmit, submit("payload { json: '[1, 1e999]' }"), kInvalid, "MALFORMED_JSON",
          {"tasks[0].payload.json has a number out of range, '1e999' at byte 9", "write it as text"}),
      Row("an empty JSON text", kSubmit, submit("payload { json: '' }"), kInvalid, "MALFORMED_JSON",
          {"tasks[0].payload.json is ''"}),
      Row("an overlong content type", kSubmit, submit("payload { data: 'x' content_type: '<129 letters>' }"), kInvalid,
          "FIELD_TOO_LONG", {"tasks[0].payload.content_type has 129", "128"}),
      Row("a priority above the range", kSubmit, options("priority: 21"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.priority is 21", "-20 to 20"}),
      Row("a priority below the range", kSubmit, options("priority: -21"), kInvalid, "OUT_OF_RANGE", {"-21"}),
      Row("no time at all", kSubmit, options("timeout_us: 0"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.timeout_us is 0", "1ms to 30d"}),
      Row("a timeout above the range", kSubmit, options("timeout_us: 2592000000001"), kInvalid, "OUT_OF_RANGE",
          {"2592000000001"}),
      Row("no attempts", kSubmit, options("max_retries: 0"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.max_retries is 0", "1 to 1000"}),
      Row("too many attempts", kSubmit, options("max_retries: 1001"), kInvalid, "OUT_OF_RANGE", {"1001"}),
      Row("a negative retry interval", kSubmit, options("retry_interval_us: -1"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.retry_interval_us is -1", "0s to 30d"}),
      Row("a negative cap", kSubmit, options("retry_interval_cap_us: -1"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.retry_interval_cap_us is -1"}),
      Row("an unknown backoff", kSubmit, options("retry_backoff: 3"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.retry_backoff is 3", "EXPONENTIAL"}),
      Row("a jitter above 1", kSubmit, options("retry_jitter: 1.5"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.retry_jitter is 1.5", "0 to 1"}),
      Row("a jitter that is no number", kSubmit, options("retry_jitter: nan"), kInvalid, "OUT_OF_RANGE",
          {"retry_jitter is nan"}),
      Row("too many required capabilities", kSubmit, options("required_capabilities { <17 names> }"), kInvalid,
          "TOO_MANY_ITEMS", {"tasks[0].options.required_capabilities.names has 17", "16"}),
      Row("an empty required capability", kSubmit, options("required_capabilities { names: '' }"), kInvalid,
          "FIELD_REQUIRED", {"tasks[0].options.required_capabilities.names"}),
      Row("a negative delay", kSubmit, submit("delay_us: -1"), kInvalid, "OUT_OF_RANGE", {"tasks[0].delay_us is -1"}),
      Row("a delay of more than ten years", kSubmit, submit("delay_us: 315360000000001"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].delay_us", "3650d"}),
      Row("a start more than ten years ahead", kSubmit, submit("run_at_us: 9223372036854775807"), kInvalid,
          "OUT_OF_RANGE", {"tasks[0].run_at_us", "10 years"}),
      Row("delay and start", kSubmit, submit("delay_us: 1 run_at_us: 1"), kInvalid, "FIELDS_EXCLUDE_EACH_OTHER",
          {"tasks[0]", "delay_us and run_at_us", "set one"}),
      Row("no time to begin", kSubmit, submit("start_timeout_us: 0"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].start_timeout_us is 0", "1ms to 3650d"}),
      Row("more than ten years to end", kSubmit, submit("total_timeout_us: 315360000000001"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].total_timeout_us is 315360000000001"}),
      Row("no time for progress", kSubmit, options("progress_timeout_us: 1"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.progress_timeout_us is 1", "allowed are 0 (none) or 1000 to", "1ms to 30d"}),
      Row("a negative time for progress", kSubmit, options("progress_timeout_us: -1"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].options.progress_timeout_us is -1"}),
      Row("an overlong unique key", kSubmit, submit("unique_key: '<257 letters>'"), kInvalid, "FIELD_TOO_LONG",
          {"tasks[0].unique_key has 257", "256"}),
      Row("an unknown policy", kSubmit, submit("unique_key: 'k' unique_policy: 4"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].unique_policy is 4", "0 to 3"}),
      Row("an unknown policy without a key", kSubmit, submit("unique_policy: 4"), kInvalid, "OUT_OF_RANGE",
          {"tasks[0].unique_policy is 4", "0 to 3"}),
      Row("a policy without a key", kSubmit, submit("unique_policy: UNIQUE_POLICY_REJECT"), kInvalid, "FIELD_REQUIRED",
          {"tasks[0].unique_policy", "set both, or neither"}),
      Row("a malformed trace parent", kSubmit, submit("trace_parent: '00-1-2-3'"), kInvalid, "BAD_TRACE_CONTEXT",
          {"tasks[0].trace_parent is '00-1-2-3'", "00-<32 hex digits>", "lower case"}),
      Row("a trace state without a parent", kSubmit, submit("trace_state: 'a=1'"), kInvalid, "FIELD_REQUIRED",
          {"tasks[0].trace_state", "set both, or neither"}),
      Row("an overlong trace state", kSubmit, submit(absl::StrCat(kTraced, " trace_state: '<513 letters>'")), kInvalid,
          "FIELD_TOO_LONG", {"tasks[0].trace_state has 513", "512"}),
      Row("a trace state that is not ASCII", kSubmit, submit(absl::StrCat(kTraced, " trace_state: 'ü'")), kInvalid,
          "BAD_TRACE_CONTEXT", {"tasks[0].trace_state is 'ü'", "printable"}),
      Row("a unique key in use", kSubmit, submit("unique_key: 'once' unique_policy: UNIQUE_POLICY_REJECT"),
          StatusCode::ALREADY_EXISTS, "UNIQUE_KEY_IN_USE", {"unique_key", "task <pending>", "another key"}),
  });
}

TEST_F(WrongRequestTest, Look) {  // B260
  SendAll({
      Row("no id", "TaskBroker.Get", "", kInvalid, "FIELD_REQUIRED", {"task_id", "Submit"}),
      Row("an unknown id", "TaskBroker.Get", "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("no id", "TaskBroker.Wait", "", kInvalid, "FIELD_REQUIRED", {"task_id", "Submit"}),
      Row("an unknown id", "TaskBroker.Wait", "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("a negative time", "TaskBroker.Wait", "task_id: <pending> timeout_us: -1", kInvalid, "WAIT_TIMEOUT",
          {"timeout_us is -1", "use 1 to 3600000000"}),
      Row("more than an hour", "TaskBroker.Wait", "task_id: <pending> timeout_us: 3600000001", kInvalid, "WAIT_TIMEOUT",
          {"timeout_us is 3600000001"}),
      Row("a negative page size", "TaskAdmin.ListTasks", "page_size: -1", kInvalid, "PAGE_SIZE",
          {"page_size is -1", "1 to 1000"}),
      Row("too large a page size", "TaskAdmin.ListTasks", "page_size: 1001", kInvalid, "PAGE_SIZE",
          {"page_size is 1001"}),
      Row("an invented token", "TaskAdmin.ListTasks", "page_token: 'invented'", kInvalid, "BAD_PAGE_TOKEN",
          {"page_token 'invented'", "start over"}),
      Row("a huge token", "TaskAdmin.ListTasks", "page_token: '<16000 letters>'", kInvalid, "BAD_PAGE_TOKEN",
          {"page_token 'xxx"}),
      Row("the token of another filter", "TaskAdmin.ListTasks", "filter { type: 'idle' } page_token: '<page of tasks>'",
          kInvalid, "BAD_PAGE_TOKEN", {"the same filter"}),
      Row("the token of another list", "TaskAdmin.ListTasks", "page_token: '<page of events>'", kInvalid,
          "BAD_PAGE_TOKEN", {"<page of events>", "not from this list"}),
      Row("state 0", "TaskAdmin.ListTasks", "filter { states: 0 }", kInvalid, "BAD_FILTER", {"filter.states has 0"}),
      Row("an unknown state", "TaskAdmin.ListTasks", "filter { states: 1 states: 99 }", kInvalid, "BAD_FILTER",
          {"filter.states has 99", "TaskState"}),
      Row("a badly spelt type", "TaskAdmin.ListTasks", "filter { type: 'a b' }", kInvalid, "BAD_FILTER",
          {"filter.type is 'a b'", "128"}),
      Row("an overlong type", "TaskAdmin.ListTasks", "filter { type: '<16000 letters>' }", kInvalid, "BAD_FILTER",
          {"filter.type is 'xxx", "128"}),
      Row("an overlong tag", "TaskAdmin.ListTasks", "filter { tag: '<129 letters>' }", kInvalid, "BAD_FILTER",
          {"filter.tag is 'xxx", "128"}),
      Row("a badly spelt schedule", "TaskAdmin.ListTasks", "filter { schedule: 'a b' }", kInvalid, "BAD_FILTER",
          {"filter.schedule is 'a b'", "128"}),
      Row("a badly spelt worker", "TaskAdmin.ListTasks", "filter { worker_id: 'a b' }", kInvalid, "BAD_FILTER",
          {"filter.worker_id is 'a b'", "128"}),
      Row("a time that cannot be", "TaskAdmin.ListTasks", "filter { ended_since { seconds: 253402300800 } }", kInvalid,
          "BAD_FILTER", {"filter.ended_since.seconds is 253402300800", "years 1 to 9999"}),
      Row("times the wrong way round", "TaskAdmin.ListTasks",
          "filter { created_since { seconds: 9 } created_before { seconds: 8 } }", kInvalid, "BAD_FILTER",
          {"filter.created_since is not before filter.created_before", "exchange them"}),
      Row("an overlong error", "TaskAdmin.ListTasks", "filter { error: '<16000 letters>' }", kInvalid, "BAD_FILTER",
          {"filter.error has 16000 bytes", "1024"}),
      Row("an overlong reason", "TaskAdmin.ListTasks", "filter { suspend_reason: '<16000 letters>' }", kInvalid,
          "BAD_FILTER", {"filter.suspend_reason has 16000 bytes", "1024"}),
      Row("state 0", "TaskAdmin.Watch", "filter { states: 0 }", kInvalid, "BAD_FILTER", {"filter.states has 0"}),
      Row("an unknown id", "TaskAdmin.Watch", "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>"}),
      Row("an invented token", "TaskAdmin.Watch", "resume_token: 'invented'", kInvalid, "BAD_RESUME_TOKEN",
          {"resume_token", "leave it empty"}),
      Row("the token of a list", "TaskAdmin.Watch", "resume_token: '<page of tasks>'", kInvalid, "BAD_RESUME_TOKEN",
          {"resume_token", "the same filter"}),
      Row("no id", "TaskAdmin.Explain", "", kInvalid, "FIELD_REQUIRED", {"task_id"}),
      Row("an unknown id", "TaskAdmin.Explain", "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>"}),
      Row("no id", "TaskAdmin.ListEvents", "", kInvalid, "FIELD_REQUIRED", {"task_id"}),
      Row("an unknown id", "TaskAdmin.ListEvents", "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>"}),
      Row("too large a page size", "TaskAdmin.ListEvents", "task_id: <running> page_size: 1001", kInvalid, "PAGE_SIZE",
          {"page_size is 1001"}),
      Row("the token of another task", "TaskAdmin.ListEvents", "task_id: <completed> page_token: '<page of events>'",
          kInvalid, "BAD_PAGE_TOKEN", {"<page of events>"}),
      Row("no id", "TaskAdmin.ListAttempts", "", kInvalid, "FIELD_REQUIRED", {"task_id"}),
      Row("an unknown id", "TaskAdmin.ListAttempts", "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>"}),
      Row("a negative page size", "TaskAdmin.ListAttempts", "task_id: <running> page_size: -1", kInvalid, "PAGE_SIZE",
          {"page_size is -1"}),
      Row("the token of another task", "TaskAdmin.ListAttempts",
          "task_id: <completed> page_token: '<page of attempts>'", kInvalid, "BAD_PAGE_TOKEN", {"<page of attempts>"}),
  });
}

TEST_F(WrongRequestTest, Cancel) {  // B260
  const char* kCancel = "TaskBroker.Cancel";
  SendAll({
      Row("no id", kCancel, "", StatusCode::INVALID_ARGUMENT, "FIELD_REQUIRED", {"task_id is required", "Submit"}),
      Row("an unknown id", kCancel, "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("the largest id there is", kCancel, "task_id: 18446744073709551615", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"18446744073709551615"}),
      Row("a child that is not sealed", kCancel, "task_id: <staged child>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <staged child>"}),
      Row("a completed task", kCancel, "task_id: <completed>", StatusCode::FAILED_PRECONDITION, "TASK_TERMINAL",
          {"task <completed>", "COMPLETED", "nothing to cancel"}),
      Row("a failed task", kCancel, "task_id: <failed>", StatusCode::FAILED_PRECONDITION, "TASK_TERMINAL",
          {"task <failed>", "PERMANENTLY_FAILED"}),
      Row("an overlong reason", kCancel, "task_id: <pending> reason: '<1025 letters>'", StatusCode::INVALID_ARGUMENT,
          "FIELD_TOO_LONG", {"reason has 1025", "1024"}),
      Row("a reason that is not UTF-8", kCancel, "task_id: <pending> reason: '\\377'", StatusCode::INVALID_ARGUMENT,
          "MALFORMED_MESSAGE", {"baton.v1.CancelRequest", "UTF-8"}),
  });
}

TEST_F(WrongRequestTest, Resume) {  // B96, B260
  const char* kResume = "TaskBroker.Resume";
  SendAll({
      Row("no id", kResume, "", kInvalid, "FIELD_REQUIRED", {"task_id is required", "Submit"}),
      Row("an unknown id", kResume, "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("a pending task", kResume, "task_id: <pending>", kPrecondition, "NOT_SUSPENDED",
          {"task <pending>", "PENDING"}),
      Row("a paused task", kResume, "task_id: <paused>", kPrecondition, "NOT_SUSPENDED",
          {"task <paused>", "paused: UnpauseTask"}),
      Row("a running task", kResume, "task_id: <running>", kPrecondition, "NOT_SUSPENDED",
          {"task <running>", "RUNNING"}),
      Row("a completed task", kResume, "task_id: <completed>", kPrecondition, "NOT_SUSPENDED",
          {"task <completed>", "COMPLETED"}),
      Row("a failed task", kResume, "task_id: <failed>", kPrecondition, "NOT_SUSPENDED",
          {"task <failed>", "PERMANENTLY_FAILED"}),
      Row("a cancelled task", kResume, "task_id: <cancelled>", kPrecondition, "NOT_SUSPENDED",
          {"task <cancelled>", "CANCELLED"}),
      Row("a task that waits for children", kResume, "task_id: <waiting>", kPrecondition, "WAITS_FOR_CHILDREN",
          {"task <waiting>", "1 children"}),
      Row("another stage", kResume, "task_id: <suspended> stage: 1", kPrecondition, "STAGE_OVER",
          {"stage 1", "task <suspended>", "stage 0", "look"}),
      Row("a negative stage", kResume, "task_id: <suspended> stage: -1", kInvalid, "OUT_OF_RANGE", {"stage is -1"}),
      Row("an overlong reason", kResume, "task_id: <suspended> reason: '<1025 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"reason has 1025", "1024"}),
      Row("a decision that is not JSON", kResume, "task_id: <suspended> decision { json: 'yes' }", kInvalid,
          "MALFORMED_JSON", {"decision.json is 'yes'"}),
      Row("too large a decision", kResume, "task_id: <suspended> decision { data: '<1 MiB and a byte>' }", kInvalid,
          "PAYLOAD_TOO_LARGE", {"decision has 1048577", "1048576"}),
  });
}

TEST_F(WrongRequestTest, RetryTask) {  // B260
  const char* kRetry = "TaskAdmin.RetryTask";
  SendAll({
      Row("no id", kRetry, "", StatusCode::INVALID_ARGUMENT, "FIELD_REQUIRED", {"task_id is required", "Submit"}),
      Row("an unknown id", kRetry, "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("a child that is not sealed", kRetry, "task_id: <staged child>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <staged child>"}),
      Row("a completed task", kRetry, "task_id: <completed>", kPrecondition, "TASK_COMPLETED",
          {"task <completed>", "submit a new task"}),
      Row("a pending task", kRetry, "task_id: <pending>", kPrecondition, "NOT_ENDED", {"task <pending> is PENDING"}),
      Row("a running task", kRetry, "task_id: <running>", kPrecondition, "NOT_ENDED", {"task <running> is RUNNING"}),
      Row("a suspended task", kRetry, "task_id: <suspended>", kPrecondition, "NOT_ENDED",
          {"task <suspended> is SUSPENDED", "only one that has failed or was cancelled"}),
      Row("a parent that waits", kRetry, "task_id: <waiting>", kPrecondition, "NOT_ENDED",
          {"task <waiting> is SUSPENDED, for its children"}),
      Row("an overlong reason", kRetry, "task_id: <failed> reason: '<1025 letters>'", StatusCode::INVALID_ARGUMENT,
          "FIELD_TOO_LONG", {"reason has 1025", "1024"}),
  });
}

TEST_F(WrongRequestTest, PauseAndUnpauseTasks) {  // B96
  const char *kPause = "TaskAdmin.PauseTask", *kUnpause = "TaskAdmin.UnpauseTask";
  SendAll({
      Row("no id", kPause, "", kInvalid, "FIELD_REQUIRED", {"task_id is required"}),
      Row("an unknown id", kPause, "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("a completed task", kPause, "task_id: <completed>", kPrecondition, "TASK_TERMINAL",
          {"task <completed>", "COMPLETED"}),
      Row("a failed task, with all below", kPause, "task_id: <failed> cascade: true", kPrecondition, "TASK_TERMINAL",
          {"task <failed>", "PERMANENTLY_FAILED"}),
      Row("a cancelled task", kPause, "task_id: <cancelled>", kPrecondition, "TASK_TERMINAL",
          {"task <cancelled>", "CANCELLED"}),
      Row("an overlong reason", kPause, "task_id: <pending> reason: '<1025 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"reason has 1025", "1024"}),
      Row("no id", kUnpause, "", kInvalid, "FIELD_REQUIRED", {"task_id is required"}),
      Row("an unknown id", kUnpause, "task_id: <unknown>", StatusCode::NOT_FOUND, "TASK_NOT_FOUND",
          {"task <unknown>", "check the id"}),
      Row("a pending task", kUnpause, "task_id: <pending>", kPrecondition, "NOT_PAUSED", {"task <pending>", "PENDING"}),
      Row("a running task", kUnpause, "task_id: <running>", kPrecondition, "NOT_PAUSED", {"task <running>", "RUNNING"}),
      Row("a suspended task", kUnpause, "task_id: <suspended>", kPrecondition, "NOT_PAUSED",
          {"task <suspended>", "SUSPENDED", "Resume"}),
      Row("a task that waits for children", kUnpause, "task_id: <waiting>", kPrecondition, "NOT_PAUSED",
          {"task <waiting>", "SUSPENDED", "children"}),
      Row("a completed task", kUnpause, "task_id: <completed>", kPrecondition, "TASK_TERMINAL",
          {"task <completed>", "COMPLETED"}),
      Row("a failed task, with all below", kUnpause, "task_id: <failed> cascade: true", kPrecondition, "TASK_TERMINAL",
          {"task <failed>", "PERMANENTLY_FAILED"}),
      Row("an overlong reason", kUnpause, "task_id: <paused> reason: '<1025 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"reason has 1025", "1024"}),
  });
}

TEST_F(WrongRequestTest, PauseAndUnpauseTypes) {
  const char *kPause = "TaskAdmin.PauseType", *kUnpause = "TaskAdmin.UnpauseType";
  SendAll({
      Row("no type", kPause, "", kInvalid, "FIELD_REQUIRED", {"type is required"}),
      Row("a badly spelt type", kPause, "type: 'a b'", kInvalid, "BAD_NAME", {"type is 'a b'", "only letters"}),
      Row("an overlong type", kPause, "type: '<129 letters>'", kInvalid, "FIELD_TOO_LONG", {"type has 129", "128"}),
      Row("an overlong reason", kPause, "type: 'work' reason: '<1025 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"reason has 1025", "1024"}),
      Row("no type", kUnpause, "", kInvalid, "FIELD_REQUIRED", {"type is required"}),
      Row("a badly spelt type", kUnpause, "type: 'a b'", kInvalid, "BAD_NAME", {"type is 'a b'"}),
      Row("an overlong type", kUnpause, "type: '<129 letters>'", kInvalid, "FIELD_TOO_LONG", {"type has 129"}),
      Row("a type that is not paused", kUnpause, "type: 'work'", StatusCode::FAILED_PRECONDITION, "NOT_PAUSED",
          {"type 'work'", "ListTypes"}),
      Row("a type that nobody knows", kUnpause, "type: 'nobody'", StatusCode::FAILED_PRECONDITION, "NOT_PAUSED",
          {"type 'nobody'"}),
  });
}

TEST_F(WrongRequestTest, SetTypeLimit) {
  const char* kLimit = "TaskAdmin.SetTypeLimit";
  SendAll({
      Row("no type", kLimit, "max_running: 1", kInvalid, "FIELD_REQUIRED", {"type is required"}),
      Row("a badly spelt type", kLimit, "type: 'a b'", kInvalid, "BAD_NAME", {"type is 'a b'", "only letters"}),
      Row("an overlong type", kLimit, "type: '<129 letters>'", kInvalid, "FIELD_TOO_LONG", {"type has 129", "128"}),
      Row("a negative limit", kLimit, "type: 'work' max_running: -1", kInvalid, "OUT_OF_RANGE", {"max_running is -1"}),
      Row("too large a limit", kLimit, "type: 'work' max_running: 1000001", kInvalid, "OUT_OF_RANGE",
          {"max_running is 1000001", "1000000"}),
      Row("an overlong reason", kLimit, "type: 'work' max_running: 1 reason: '<1025 letters>'", kInvalid,
          "FIELD_TOO_LONG", {"reason has 1025", "1024"}),
  });
}

TEST_F(WrongRequestTest, DrainWorker) {
  const char* kDrain = "TaskAdmin.DrainWorker";
  SendAll({
      Row("no worker", kDrain, "", kInvalid, "FIELD_REQUIRED", {"worker_id is required"}),
      Row("a badly spelt worker", kDrain, "worker_id: 'a b'", kInvalid, "BAD_NAME", {"worker_id is 'a b'"}),
      Row("an overlong worker", kDrain, "worker_id: '<129 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"worker_id has 129", "128"}),
      Row("an overlong reason", kDrain, "worker_id: 'w1' reason: '<1025 letters>'", kInvalid, "FIELD_TOO_LONG",
          {"reason has 1025", "1024"}),
      Row("a worker that nobody knows", kDrain, "worker_id: 'nobody'", StatusCode::NOT_FOUND, "WORKER_NOT_FOUND",
          {"no live worker 'nobody'", "ListWorkers"}),
  });
}

}  // namespace
}  // namespace baton
