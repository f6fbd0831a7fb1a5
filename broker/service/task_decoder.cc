#include "broker/service/task_decoder.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "baton/records/v1/records.pb.h"
#include "broker/service/check.h"
#include "broker/service/trace.h"
#include "broker/service/wire.h"

namespace baton::service {
namespace {

Error CheckJitter(const Field& field, double jitter) {
  if (jitter >= 0 && jitter <= 1) return {};
  return InvalidArgument(
      "OUT_OF_RANGE", absl::StrCat(field.Path(), " is ", jitter, ", allowed are 0 to 1: choose a value in that range"));
}

Error DecodeBackoff(const Field& field, v1::RetryBackoff wire, engine::Options* options) {
  switch (wire) {
    case v1::RETRY_BACKOFF_UNSPECIFIED:
      return {};
    case v1::RETRY_BACKOFF_FIXED:
      options->retry_backoff = engine::Backoff::kFixed;
      return {};
    case v1::RETRY_BACKOFF_EXPONENTIAL:
      options->retry_backoff = engine::Backoff::kExponential;
      return {};
    default:
      return InvalidArgument("OUT_OF_RANGE", absl::StrCat(field.Path(), " is ", static_cast<int>(wire),
                                                          ", known are 1 (FIXED) and 2 (EXPONENTIAL)"));
  }
}

Error DecodeStart(const Decoding& decoding, const Field& field, const v1::NewTask& wire, engine::NewTask* task) {
  if (wire.has_delay_us() && wire.has_run_at_us()) {
    return InvalidArgument("FIELDS_EXCLUDE_EACH_OTHER",
                           absl::StrCat(field.Path(), " sets both delay_us and run_at_us: set one of them"));
  }
  if (wire.has_delay_us()) {
    CHECK_FIELD(CheckDuration(Field(field, "delay_us"), wire.delay_us(), 0, kMaxDelay));
    task->delay = wire.delay_us();
  }
  if (wire.has_run_at_us() && wire.run_at_us() > decoding.now) {
    if (wire.run_at_us() - decoding.now > kMaxDelay) {
      return InvalidArgument("OUT_OF_RANGE", absl::StrCat(Field(field, "run_at_us").Path(), " is ", wire.run_at_us(),
                                                          ", more than 10 years ahead: give microseconds since 1970"));
    }
    task->due = wire.run_at_us();
  }
  return {};
}

Error DecodeDeadlines(const Field& field, const v1::NewTask& wire, engine::NewTask* task) {
  if (wire.has_start_timeout_us()) {
    CHECK_FIELD(CheckDuration(Field(field, "start_timeout_us"), wire.start_timeout_us(), kMinTimeout, kMaxDelay));
    task->start_timeout = wire.start_timeout_us();
  }
  if (wire.has_total_timeout_us()) {
    CHECK_FIELD(CheckDuration(Field(field, "total_timeout_us"), wire.total_timeout_us(), kMinTimeout, kMaxDelay));
    task->total_timeout = wire.total_timeout_us();
  }
  return {};
}

Error DecodeUniquePolicy(const Field& field, v1::UniquePolicy wire, engine::UniquePolicy* policy) {
  switch (wire) {
    case v1::UNIQUE_POLICY_UNSPECIFIED:
    case v1::UNIQUE_POLICY_RETURN_EXISTING:
      *policy = engine::UniquePolicy::kReturnExisting;
      return {};
    case v1::UNIQUE_POLICY_REJECT:
      *policy = engine::UniquePolicy::kReject;
      return {};
    case v1::UNIQUE_POLICY_REPLACE_PENDING:
      *policy = engine::UniquePolicy::kReplacePending;
      return {};
    default:
      return InvalidArgument("OUT_OF_RANGE",
                             absl::StrCat(field.Path(), " is ", static_cast<int>(wire), ", known are 0 to 3"));
  }
}

Error DecodeUniqueKey(const Field& field, TaskRole role, const v1::NewTask& wire, engine::NewTask* task) {
  const Field policy(field, "unique_policy"), key(field, "unique_key");
  CHECK_FIELD(DecodeUniquePolicy(policy, wire.unique_policy(), &task->policy));
  if (wire.unique_key().empty()) {
    if (wire.unique_policy() == v1::UNIQUE_POLICY_UNSPECIFIED) return {};
    const char* cure = role == TaskRole::kChild ? "leave it unset, as children have no key" : "set both, or neither";
    return InvalidArgument("FIELD_REQUIRED", absl::StrCat(policy.Path(),
                                                          " is set without unique_key, to which it belongs: ", cure));
  }
  if (role == TaskRole::kChild) {
    return InvalidArgument("UNIQUE_KEY_OF_CHILD",
                           absl::StrCat(key.Path(), " is set, which is not allowed for children: leave it empty"));
  }
  CHECK_FIELD(CheckLength(key, wire.unique_key(), Presence::kOptional, kUniqueKeyBytes));
  task->unique = UniqueHashOf(wire.type(), wire.unique_key());
  return {};
}

// TaskRow, fields 1–5, 7 and 8. The options and the trace of `task` must be set.
void EncodeRow(const v1::NewTask& wire, const std::string& actor, engine::NewTask* task) {
  task->row.reserve(wire.payload().data().size() + wire.payload().json().size() + wire.tag().size() + actor.size() +
                    32);
  WireWriter writer(&task->row);
  if (wire.has_payload()) writer.Message(1, wire.payload());
  writer.Bytes(2, wire.tag());
  if (task->options != nullptr) writer.Message(3, engine::ToRecord(*task->options));
  writer.Bytes(4, wire.unique_key());
  writer.Bytes(5, actor);
  if (task->trace == nullptr) return;
  writer.Bytes(7, task->trace->parent);
  writer.Bytes(8, task->trace->state);
}

}  // namespace

Error CheckPayload(const Decoding& decoding, const Field& field, const v1::Payload& payload) {
  const size_t size = payload.has_json() ? payload.json().size() : payload.data().size();
  if (size > decoding.limits.payload_bytes) {
    return InvalidArgument("PAYLOAD_TOO_LARGE",
                           absl::StrCat(field.Path(), " has ", size, " bytes, at most ", decoding.limits.payload_bytes,
                                        " are allowed (setting limits.payload_bytes): store it elsewhere and send a "
                                        "reference"));
  }
  CHECK_FIELD(
      CheckLength(Field(field, "content_type"), payload.content_type(), Presence::kOptional, kContentTypeBytes));
  return payload.has_json() ? CheckJson(Field(field, "json"), payload.json()) : Error{};
}

Error DecodeCapabilities(const Field& field, const google::protobuf::RepeatedPtrField<std::string>& wire, size_t limit,
                         engine::Capabilities* capabilities) {
  CHECK_FIELD(CheckCount(field, wire.size(), limit, "name fewer"));
  for (const std::string& name : wire) {
    CHECK_FIELD(CheckName(field, name, Presence::kRequired, kNameBytes));
  }
  capabilities->assign(wire.begin(), wire.end());
  std::sort(capabilities->begin(), capabilities->end());
  capabilities->erase(std::unique(capabilities->begin(), capabilities->end()), capabilities->end());
  return {};
}

Error DecodeOptions(const Field& field, const v1::TaskOptions& wire, engine::Options* options) {
  if (wire.has_priority()) {
    CHECK_FIELD(CheckRange(Field(field, "priority"), wire.priority(), kMinPriority, kMaxPriority));
    options->priority = wire.priority();
  }
  if (wire.has_timeout_us()) {
    CHECK_FIELD(CheckDuration(Field(field, "timeout_us"), wire.timeout_us(), kMinTimeout, kMaxTimeout));
    options->timeout = wire.timeout_us();
  }
  if (wire.has_progress_timeout_us()) {
    const Field progress(field, "progress_timeout_us");
    CHECK_FIELD(CheckDuration(progress, wire.progress_timeout_us(), kMinTimeout, kMaxTimeout, ZeroMeans::kNone));
    options->progress_timeout = wire.progress_timeout_us();
  }
  if (wire.has_required_capabilities()) {
    const Field set(field, "required_capabilities.names");
    CHECK_FIELD(DecodeCapabilities(set, wire.required_capabilities().names(), kRequiredCapabilities,
                                   &options->required_capabilities.emplace()));
  }
  return DecodeRetryStrategy(field, wire, options);
}

Error DecodeRetryStrategy(const Field& field, const v1::TaskOptions& wire, engine::Options* options) {
  if (wire.has_max_retries()) {
    CHECK_FIELD(CheckRange(Field(field, "max_retries"), wire.max_retries(), 1, kMaxRetries));
    options->max_retries = wire.max_retries();
  }
  if (wire.has_retry_interval_us()) {
    CHECK_FIELD(CheckDuration(Field(field, "retry_interval_us"), wire.retry_interval_us(), 0, kMaxRetryInterval));
    options->retry_interval = wire.retry_interval_us();
  }
  if (wire.has_retry_backoff()) {
    CHECK_FIELD(DecodeBackoff(Field(field, "retry_backoff"), wire.retry_backoff(), options));
  }
  if (wire.has_retry_interval_cap_us()) {
    const Field cap(field, "retry_interval_cap_us");
    CHECK_FIELD(CheckDuration(cap, wire.retry_interval_cap_us(), 0, kMaxRetryInterval));
    options->retry_interval_cap = wire.retry_interval_cap_us();
  }
  if (wire.has_retry_jitter()) {
    CHECK_FIELD(CheckJitter(Field(field, "retry_jitter"), wire.retry_jitter()));
    options->retry_jitter = wire.retry_jitter();
  }
  return {};
}

Error DecodeNewTask(const Decoding& decoding, const Field& field, TaskRole role, const std::string& actor,
                    const v1::NewTask& wire, engine::NewTask* task) {
  CHECK_FIELD(CheckName(Field(field, "type"), wire.type(), Presence::kRequired, kNameBytes));
  if (decoding.types != nullptr) CHECK_FIELD(decoding.types->Check(Field(field, "type"), wire.type()));
  CHECK_FIELD(CheckName(Field(field, "tag"), wire.tag(), Presence::kOptional, kNameBytes));
  if (wire.has_payload()) CHECK_FIELD(CheckPayload(decoding, Field(field, "payload"), wire.payload()));
  if (wire.has_options()) {
    engine::Options options;
    CHECK_FIELD(DecodeOptions(Field(field, "options"), wire.options(), &options));
    if (!options.empty()) task->options = std::make_shared<const engine::Options>(std::move(options));
  }
  CHECK_FIELD(DecodeStart(decoding, field, wire, task));
  CHECK_FIELD(DecodeDeadlines(field, wire, task));
  CHECK_FIELD(DecodeUniqueKey(field, role, wire, task));
  CHECK_FIELD(DecodeTrace(field, wire, &task->trace));
  if (task->trace == nullptr) task->trace = decoding.trace;
  task->type = wire.type();
  task->tag_hash = engine::TagHash(wire.tag());
  EncodeRow(wire, actor, task);
  return {};
}

Hash128 UniqueHashOf(absl::string_view type, absl::string_view unique_key) {
  return HashOf(absl::StrCat(type, absl::string_view("\0", 1), unique_key));
}

}  // namespace baton::service
