// Schedules, through ClientCore.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker_sdk/src/client_call.h"
#include "worker_sdk/src/text.h"

namespace baton::inline sdk {
namespace internal {
namespace {

v1::CatchUpPolicy WireCatchUp(CatchUpPolicy policy) {
  switch (policy) {
    case CatchUpPolicy::kOne:
      return v1::CATCH_UP_POLICY_ONE;
    case CatchUpPolicy::kNone:
      return v1::CATCH_UP_POLICY_NONE;
    case CatchUpPolicy::kAll:
      return v1::CATCH_UP_POLICY_ALL;
  }
  return v1::CATCH_UP_POLICY_UNSPECIFIED;
}

google::protobuf::Timestamp WireTimestamp(absl::Time time) {
  google::protobuf::Timestamp wire;
  const int64_t seconds = absl::ToUnixSeconds(time);
  wire.set_seconds(seconds);
  wire.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return wire;
}

absl::Status RequireText(const char* field, const std::string& text) {
  if (IsUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is not UTF-8: encode it"));
}

absl::Status FillDefinition(ScheduleDefinition schedule, v1::ScheduleDefinition* proto) {
  absl::Status status = RequireText("schedule: name", schedule.name);
  status.Update(RequireText("schedule: cron", schedule.cron));
  status.Update(RequireText("schedule: time_zone", schedule.time_zone));
  if (status.ok()) status = ToProto("schedule: task", std::move(schedule.task), proto->mutable_task());
  if (!status.ok()) return status;
  proto->set_name(std::move(schedule.name));
  proto->set_cron(std::move(schedule.cron));
  proto->set_time_zone(std::move(schedule.time_zone));
  proto->set_overlap(schedule.overlap == OverlapPolicy::kAllow ? v1::OVERLAP_POLICY_ALLOW : v1::OVERLAP_POLICY_SKIP);
  proto->set_catch_up(WireCatchUp(schedule.catch_up));
  // 0 would mean the default; the broker refuses what is negative with its own words.
  if (schedule.catch_up_limit) proto->set_catch_up_limit(*schedule.catch_up_limit == 0 ? -1 : *schedule.catch_up_limit);
  proto->set_keep_going(schedule.keep_going);
  proto->set_max_firings(schedule.max_firings);
  if (schedule.end_at) *proto->mutable_end_at() = WireTimestamp(*schedule.end_at);
  return absl::OkStatus();
}

template <typename Request>
absl::StatusOr<Request> NamedRequest(const std::string& name) {
  if (absl::Status status = RequireText("schedule: name", name); !status.ok()) return status;
  Request request;
  request.set_name(name);
  return request;
}

}  // namespace

absl::StatusOr<CreatedSchedule> ClientCore::CreateSchedule(ScheduleDefinition schedule, bool replace) {
  v1::CreateScheduleRequest request;
  request.set_replace(replace);
  absl::Status status = FillDefinition(std::move(schedule), request.mutable_schedule());
  if (!status.ok()) return status;
  absl::StatusOr<v1::CreateScheduleResponse> answer =
      Call("CreateSchedule", request, options_.timeout, kCallTimeout, &BrokerConnection::CreateSchedule);
  if (!answer.ok()) return answer.status();
  CreatedSchedule created{.existing = answer->existing()};
  if (answer->has_next_at()) {
    created.next_at =
        absl::FromUnixSeconds(answer->next_at().seconds()) + absl::Nanoseconds(answer->next_at().nanos());
  }
  return created;
}

absl::Status ClientCore::PauseSchedule(const std::string& name, const std::string& reason) {
  auto request = NamedRequest<v1::PauseScheduleRequest>(name);
  if (!request.ok()) return request.status();
  if (absl::Status status = RequireText("PauseSchedule: reason", reason); !status.ok()) return status;
  request->set_reason(reason);
  return Call("PauseSchedule", *request, options_.timeout, kCallTimeout, &BrokerConnection::PauseSchedule).status();
}

absl::Status ClientCore::UnpauseSchedule(const std::string& name) {
  auto request = NamedRequest<v1::UnpauseScheduleRequest>(name);
  if (!request.ok()) return request.status();
  return Call("UnpauseSchedule", *request, options_.timeout, kCallTimeout, &BrokerConnection::UnpauseSchedule,
              /*done_reason=*/"NOT_PAUSED")
      .status();
}

absl::StatusOr<uint64_t> ClientCore::TriggerSchedule(const std::string& name) {
  auto request = NamedRequest<v1::TriggerScheduleRequest>(name);
  if (!request.ok()) return request.status();
  absl::StatusOr<v1::TriggerScheduleResponse> answer =
      Call("TriggerSchedule", *request, options_.timeout, kCallTimeout, &BrokerConnection::TriggerSchedule);
  if (!answer.ok()) return answer.status();
  return answer->task_id();
}

absl::Status ClientCore::DeleteSchedule(const std::string& name) {
  auto request = NamedRequest<v1::DeleteScheduleRequest>(name);
  if (!request.ok()) return request.status();
  return Call("DeleteSchedule", *request, options_.timeout, kCallTimeout, &BrokerConnection::DeleteSchedule,
              /*done_reason=*/"SCHEDULE_NOT_FOUND")
      .status();
}

}  // namespace internal
}  // namespace baton::inline sdk
