#include "worker_sdk/src/convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "baton/error.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/text.h"

namespace baton::inline sdk {

namespace {
constexpr char kReasonUrl[] = "baton/reason";
constexpr char kRetryAfterUrl[] = "baton/retry-after-us";
}  // namespace

std::string ErrorReason(const absl::Status& status) {
  const absl::optional<absl::Cord> reason = status.GetPayload(kReasonUrl);
  return reason ? std::string(*reason) : "";
}

absl::Duration RetryAfter(const absl::Status& status) {
  const absl::optional<absl::Cord> micros = status.GetPayload(kRetryAfterUrl);
  int64_t value = 0;
  if (!micros || !absl::SimpleAtoi(std::string(*micros), &value)) return absl::ZeroDuration();
  return absl::Microseconds(value);
}

const char* TaskStateName(TaskState state) {
  switch (state) {
    case TaskState::kPending:
      return "PENDING";
    case TaskState::kRunning:
      return "RUNNING";
    case TaskState::kSuspended:
      return "SUSPENDED";
    case TaskState::kCompleted:
      return "COMPLETED";
    case TaskState::kPermanentlyFailed:
      return "PERMANENTLY_FAILED";
    case TaskState::kCancelled:
      return "CANCELLED";
    case TaskState::kPaused:
      return "PAUSED";
    case TaskState::kUnknown:
      break;
  }
  return "UNKNOWN";
}

bool IsTerminal(TaskState state) {
  return state == TaskState::kCompleted || state == TaskState::kPermanentlyFailed || state == TaskState::kCancelled;
}

namespace internal {
namespace {

absl::Status RequireUtf8(const std::string& where, const char* field, const std::string& text) {
  if (IsUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", field, " is not UTF-8: encode it, or send it as bytes"));
}

v1::UniquePolicy WirePolicy(UniquePolicy policy) {
  switch (policy) {
    case UniquePolicy::kReject:
      return v1::UNIQUE_POLICY_REJECT;
    case UniquePolicy::kReplacePending:
      return v1::UNIQUE_POLICY_REPLACE_PENDING;
    case UniquePolicy::kReturnExisting:
      break;
  }
  return v1::UNIQUE_POLICY_RETURN_EXISTING;
}

v1::RetryBackoff WireBackoff(RetryBackoff backoff) {
  return backoff == RetryBackoff::kFixed ? v1::RETRY_BACKOFF_FIXED : v1::RETRY_BACKOFF_EXPONENTIAL;
}

absl::Time FromMicros(int64_t micros) { return absl::FromUnixMicros(micros); }

}  // namespace

absl::Status MakeStatus(int code, const std::string& message, const std::string& reason, absl::Duration retry_after) {
  absl::Status status(static_cast<absl::StatusCode>(code), message);
  if (!reason.empty()) status.SetPayload(kReasonUrl, absl::Cord(reason));
  if (retry_after > absl::ZeroDuration()) {
    status.SetPayload(kRetryAfterUrl, absl::Cord(absl::StrCat(absl::ToInt64Microseconds(retry_after))));
  }
  return status;
}

absl::Status FromError(const v1::Error& error) {
  // Code 0 never appears on the wire; a broker that sends it has still reported an error.
  const int code = error.code() == 0 ? static_cast<int>(absl::StatusCode::kUnknown) : error.code();
  return MakeStatus(code, error.message(), error.reason(), absl::Microseconds(error.retry_after_us()));
}

int64_t Micros(absl::Duration duration) {
  return std::clamp<int64_t>(absl::ToInt64Microseconds(duration), 0, int64_t{1} << 62);
}

absl::Status ToProto(const std::string& field, Payload payload, int64_t limit, v1::Payload* proto) {
  const int64_t size = static_cast<int64_t>(payload.bytes().size());
  if (size > limit) {
    return absl::InvalidArgumentError(absl::StrCat(field, " has ", size, " bytes; at most ", limit,
                                                   " are allowed: store it elsewhere and send a reference to it"));
  }
  if (payload.is_json() && !IsUtf8(payload.bytes())) {
    return absl::InvalidArgumentError(absl::StrCat(field, " is JSON but not UTF-8: encode it"));
  }
  if (!IsUtf8(payload.content_type())) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": content_type is not UTF-8: encode it"));
  }
  if (payload.content_type().size() > kContentTypeBytes) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": content_type has ", payload.content_type().size(),
                                                   " bytes; at most ", kContentTypeBytes,
                                                   " are allowed: shorten it"));
  }
  proto->set_content_type(payload.content_type());
  if (payload.is_json()) {
    proto->set_json(std::move(payload).bytes());
  } else if (payload.is_bytes()) {
    proto->set_data(std::move(payload).bytes());
  }
  return absl::OkStatus();
}

absl::Status ToProto(const std::string& where, NewTask task, v1::NewTask* proto) {
  absl::Status status = RequireUtf8(where, "type", task.type);
  status.Update(RequireUtf8(where, "tag", task.tag));
  status.Update(RequireUtf8(where, "unique_key", task.unique_key));
  status.Update(RequireUtf8(where, "trace_parent", task.trace_parent));
  status.Update(RequireUtf8(where, "trace_state", task.trace_state));
  for (const std::string& name : task.options.required_capabilities.value_or(std::vector<std::string>())) {
    status.Update(RequireUtf8(where, "required_capabilities", name));
  }
  if (!status.ok()) return status;
  proto->set_type(std::move(task.type));
  proto->set_tag(std::move(task.tag));
  proto->set_unique_key(std::move(task.unique_key));
  if (!proto->unique_key().empty()) proto->set_unique_policy(WirePolicy(task.unique_policy));
  // A negative delay is passed on: the broker refuses it with its own words.
  if (task.delay) proto->set_delay_us(absl::ToInt64Microseconds(*task.delay));
  if (task.run_at) proto->set_run_at_us(absl::ToUnixMicros(*task.run_at));
  if (task.start_timeout) proto->set_start_timeout_us(absl::ToInt64Microseconds(*task.start_timeout));
  if (task.total_timeout) proto->set_total_timeout_us(absl::ToInt64Microseconds(*task.total_timeout));
  proto->set_trace_parent(std::move(task.trace_parent));
  proto->set_trace_state(std::move(task.trace_state));
  ToProto(task.options, proto->mutable_options());
  if (proto->options().ByteSizeLong() == 0) proto->clear_options();
  if (!task.payload.has_value()) return absl::OkStatus();
  return ToProto(absl::StrCat(where, ": payload"), std::move(task.payload), kMessageBytes - kMessageOverhead,
                 proto->mutable_payload());
}

void ToProto(const TaskOptions& options, v1::TaskOptions* proto) {
  if (options.priority) proto->set_priority(*options.priority);
  if (options.timeout) proto->set_timeout_us(absl::ToInt64Microseconds(*options.timeout));
  if (options.max_retries) proto->set_max_retries(*options.max_retries);
  if (options.retry_interval) proto->set_retry_interval_us(absl::ToInt64Microseconds(*options.retry_interval));
  if (options.retry_backoff) proto->set_retry_backoff(WireBackoff(*options.retry_backoff));
  if (options.retry_interval_cap) {
    proto->set_retry_interval_cap_us(absl::ToInt64Microseconds(*options.retry_interval_cap));
  }
  if (options.retry_jitter) proto->set_retry_jitter(*options.retry_jitter);
  if (options.progress_timeout) proto->set_progress_timeout_us(absl::ToInt64Microseconds(*options.progress_timeout));
  if (options.required_capabilities) {
    auto* names = proto->mutable_required_capabilities()->mutable_names();
    names->Assign(options.required_capabilities->begin(), options.required_capabilities->end());
  }
}

void ToProto(const RetryStrategy& retry, v1::TaskOptions* proto) {
  TaskOptions options;
  options.max_retries = retry.max_attempts;
  options.retry_backoff = retry.backoff;
  options.retry_interval = retry.interval;
  options.retry_interval_cap = retry.cap;
  options.retry_jitter = retry.jitter;
  ToProto(options, proto);
}

void ToProto(const TaskParts& parts, v1::TaskParts* proto) {
  proto->set_payload(parts.payload);
  proto->set_result(parts.result);
  proto->set_context(parts.context);
}

Payload TakePayload(v1::Payload* proto) {
  switch (proto->value_case()) {
    case v1::Payload::kData:
      return Payload::Bytes(std::move(*proto->mutable_data()), std::move(*proto->mutable_content_type()));
    case v1::Payload::kJson:
      return Payload::Json(std::move(*proto->mutable_json()), std::move(*proto->mutable_content_type()));
    case v1::Payload::VALUE_NOT_SET:
      break;
  }
  return Payload();
}

TaskState FromProto(v1::TaskState state) {
  switch (state) {
    case v1::TASK_STATE_PENDING:
      return TaskState::kPending;
    case v1::TASK_STATE_RUNNING:
      return TaskState::kRunning;
    case v1::TASK_STATE_SUSPENDED:
      return TaskState::kSuspended;
    case v1::TASK_STATE_COMPLETED:
      return TaskState::kCompleted;
    case v1::TASK_STATE_PERMANENTLY_FAILED:
      return TaskState::kPermanentlyFailed;
    case v1::TASK_STATE_CANCELLED:
      return TaskState::kCancelled;
    case v1::TASK_STATE_PAUSED:
      return TaskState::kPaused;
    default:
      return TaskState::kUnknown;
  }
}

absl::StatusOr<Submitted> FromProto(const v1::SubmitResult& result) {
  if (result.has_error()) return FromError(result.error());
  return Submitted{result.task_id(), result.existing(), FromProto(result.state()), result.runnable()};
}

ChildOutcome TakeChildOutcome(v1::ChildOutcome* proto) {
  ChildOutcome child;
  child.id = proto->task_id();
  child.type = std::move(*proto->mutable_type());
  child.tag = std::move(*proto->mutable_tag());
  child.state = FromProto(proto->state());
  if (proto->has_result()) child.result = TakePayload(proto->mutable_result());
  child.error = std::move(*proto->mutable_error());
  child.index = proto->index();
  if (proto->has_missing()) child.missing = absl::StrCat(proto->missing().reason(), ": ", proto->missing().message());
  return child;
}

TaskInfo TakeTask(v1::Task* proto) {
  TaskInfo task;
  task.id = proto->id();
  task.type = std::move(*proto->mutable_type());
  task.state = FromProto(proto->state());
  task.tag = std::move(*proto->mutable_tag());
  task.parent_id = proto->parent_id();
  task.root_id = proto->root_id();
  task.priority = proto->priority();
  task.created_at = FromMicros(proto->created_at_us());
  task.schedule = std::move(*proto->mutable_schedule());
  if (proto->scheduled_at_us() != 0) task.scheduled_at = FromMicros(proto->scheduled_at_us());
  if (proto->start_by_us() != 0) task.start_by = FromMicros(proto->start_by_us());
  if (proto->end_by_us() != 0) task.end_by = FromMicros(proto->end_by_us());
  if (proto->decide_by_us() != 0) task.decide_by = FromMicros(proto->decide_by_us());
  task.trace_parent = std::move(*proto->mutable_trace_parent());
  task.trace_state = std::move(*proto->mutable_trace_state());
  task.due_at = FromMicros(proto->due_at_us());
  if (proto->ended_at_us() != 0) task.ended_at = FromMicros(proto->ended_at_us());
  task.attempt = proto->attempt();
  task.stage = proto->stage();
  task.failed_attempts = proto->failed_attempts();
  task.worker_id = std::move(*proto->mutable_worker_id());
  task.suspend_reason = std::move(*proto->mutable_suspend_reason());
  task.children_remaining = proto->children_remaining();
  task.children_failed = proto->children_failed();
  task.children_total = proto->children_total();
  task.last_error = std::move(*proto->mutable_last_error());
  task.cancel_reason = std::move(*proto->mutable_cancel_reason());
  if (proto->progress().has_percent()) task.progress.percent = proto->progress().percent();
  task.progress.text = proto->progress().text();
  task.progress.stage_name = proto->progress().stage_name();
  task.progress.metadata_json = proto->progress().metadata_json();
  if (proto->has_payload()) task.payload = TakePayload(proto->mutable_payload());
  if (proto->has_result()) task.result = TakePayload(proto->mutable_result());
  if (proto->has_context()) task.context = TakePayload(proto->mutable_context());
  task.runnable = proto->runnable();
  task.waiting_for = std::move(*proto->mutable_waiting_for());
  task.version = proto->version();
  return task;
}

}  // namespace internal
}  // namespace baton::inline sdk
