#include "broker/service/read/convert.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace baton::service {
namespace {

using records::v1::LiveState;

v1::RetryBackoff WireBackoff(engine::Backoff backoff) {
  return backoff == engine::Backoff::kExponential ? v1::RETRY_BACKOFF_EXPONENTIAL : v1::RETRY_BACKOFF_FIXED;
}

}  // namespace

v1::TaskState WireState(LiveState state, bool paused) {
  if (paused) return v1::TASK_STATE_PAUSED;
  switch (state) {
    case LiveState::PENDING:
      return v1::TASK_STATE_PENDING;
    case LiveState::RUNNING:
      return v1::TASK_STATE_RUNNING;
    case LiveState::SUSPENDED:
    case LiveState::WAITING:
      return v1::TASK_STATE_SUSPENDED;
    case LiveState::COMPLETED:
      return v1::TASK_STATE_COMPLETED;
    case LiveState::FAILED:
      return v1::TASK_STATE_PERMANENTLY_FAILED;
    case LiveState::CANCELLED:
      return v1::TASK_STATE_CANCELLED;
    default:
      return v1::TASK_STATE_UNSPECIFIED;
  }
}

v1::Payload WirePayload(const records::v1::Payload& payload) {
  v1::Payload wire;
  if (payload.has_data()) wire.set_data(payload.data());
  if (payload.has_json()) wire.set_json(payload.json());
  wire.set_content_type(payload.content_type());
  return wire;
}

v1::Progress WireProgress(const records::v1::Progress& progress) {
  v1::Progress wire;
  wire.set_text(progress.text());
  wire.set_stage_name(progress.stage_name());
  if (progress.has_percent()) wire.set_percent(progress.percent());
  wire.set_metadata_json(progress.metadata_json());
  wire.set_at_us(progress.at_us());
  return wire;
}

v1::Checkpoint WireCheckpoint(const records::v1::Checkpoint& checkpoint) {
  v1::Checkpoint wire;
  wire.set_code(checkpoint.code());
  wire.set_message(checkpoint.message().empty() ? checkpoint.code() : checkpoint.message());
  wire.set_metadata_json(checkpoint.metadata_json());
  wire.set_at_us(checkpoint.at_us());
  return wire;
}

v1::WhenUndecided WireUndecided(records::v1::Mutable::Undecided when_undecided) {
  switch (when_undecided) {
    case records::v1::Mutable::RESUME:
      return v1::WHEN_UNDECIDED_RESUME;
    case records::v1::Mutable::CANCEL:
      return v1::WHEN_UNDECIDED_CANCEL;
    default:
      return v1::WHEN_UNDECIDED_FAIL;
  }
}

v1::TaskOptions WireOptions(const engine::Options& options) {
  v1::TaskOptions wire;
  if (options.priority) wire.set_priority(*options.priority);
  if (options.timeout) wire.set_timeout_us(*options.timeout);
  if (options.max_retries) wire.set_max_retries(*options.max_retries);
  if (options.retry_interval) wire.set_retry_interval_us(*options.retry_interval);
  if (options.retry_backoff) wire.set_retry_backoff(WireBackoff(*options.retry_backoff));
  if (options.retry_interval_cap) wire.set_retry_interval_cap_us(*options.retry_interval_cap);
  if (options.retry_jitter) wire.set_retry_jitter(*options.retry_jitter);
  if (options.progress_timeout) wire.set_progress_timeout_us(*options.progress_timeout);
  if (options.required_capabilities) {
    v1::CapabilitySet* set = wire.mutable_required_capabilities();
    for (const std::string& name : *options.required_capabilities) set->add_names(name);
  }
  return wire;
}

v1::TaskOptions OptionsInForce(const records::v1::TaskRow& row, const engine::ClassInfo& info,
                               engine::OptionsNumber options_number, const engine::Catalog& catalog,
                               const engine::DefaultOptions& defaults) {
  engine::Options options = engine::FromRecord(row.options());
  if (options_number != 0) {
    const engine::Settled settled =
        engine::Settle(options, engine::FromRecord(row.inherited()), catalog.OptionsAt(options_number), defaults);
    options.timeout = settled.timeout;
    options.max_retries = settled.max_retries;
    options.retry_interval = settled.retry_interval;
    options.retry_backoff = settled.retry_backoff;
    options.retry_interval_cap = settled.retry_interval_cap;
    options.retry_jitter = settled.retry_jitter;
    if (settled.progress_timeout != 0) options.progress_timeout = settled.progress_timeout;
  }
  options.priority = row.priority();
  options.required_capabilities = info.required_capabilities;
  return WireOptions(options);
}

google::protobuf::Timestamp WireTime(WallMicros time) {
  google::protobuf::Timestamp wire;
  int64_t seconds = time / kSecond;
  int64_t micros = time % kSecond;
  if (micros < 0) {
    --seconds;
    micros += kSecond;
  }
  wire.set_seconds(seconds);
  wire.set_nanos(static_cast<int32_t>(micros * 1000));
  return wire;
}

WallMicros FromWireTime(const google::protobuf::Timestamp& time) {
  return time.seconds() * kSecond + time.nanos() / 1000;
}

Error CheckTime(absl::string_view field, const google::protobuf::Timestamp& time) {
  // As everywhere in protobuf.
  constexpr int64_t kFirstSecond = -62'135'596'800;
  constexpr int64_t kLastSecond = 253'402'300'799;
  if (time.seconds() < kFirstSecond || time.seconds() > kLastSecond) {
    return InvalidArgument("BAD_FILTER", absl::StrCat(field, ".seconds is ", time.seconds(),
                                                      ": use seconds since 1970 of a time in the years 1 to 9999"));
  }
  if (time.nanos() >= 0 && time.nanos() < 1'000'000'000) return {};
  return InvalidArgument("BAD_FILTER", absl::StrCat(field, ".nanos is ", time.nanos(), ": use 0 to 999999999"));
}

google::protobuf::Duration WireDuration(Micros duration) {
  google::protobuf::Duration wire;
  wire.set_seconds(duration / kSecond);
  wire.set_nanos(static_cast<int32_t>(duration % kSecond * 1000));
  return wire;
}

std::string DurationText(Micros duration) {
  duration = std::max<Micros>(duration, 0);
  if (duration < kMinute) return absl::StrFormat("%.1f s", static_cast<double>(duration) / kSecond);
  if (duration < kHour) return absl::StrCat(duration / kMinute, " min ", duration % kMinute / kSecond, " s");
  if (duration < kDay) return absl::StrCat(duration / kHour, " h ", duration % kHour / kMinute, " min");
  return absl::StrCat(duration / kDay, " d ", duration % kDay / kHour, " h");
}

std::string TimeText(WallMicros time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMicros(time), absl::UTCTimeZone());
}

}  // namespace baton::service
