#include "broker/service/read/schedules.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "broker/service/check.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using records::v1::ScheduleRow;
using records::v1::ScheduleStateRow;
using storage::Family;

constexpr absl::string_view kList = "schedules";

Error ReadState(const engine::View& view, const std::string& name, ScheduleStateRow* state) {
  bool found = false;
  CHECK_FIELD(ReadRow(view.store(), Family::kMeta, engine::ScheduleStateMetaKey(name), state, &found));
  return found ? Error() : StoreDamaged(absl::StrCat("schedule '", name, "' has no state"));
}

}  // namespace

v1::Schedule WireSchedule(const std::string& name, const ScheduleRow& row, const ScheduleStateRow& state,
                          bool with_payload) {
  v1::Schedule wire;
  v1::ScheduleDefinition* definition = wire.mutable_definition();
  definition->set_name(name);
  definition->set_cron(row.cron());
  definition->set_time_zone(row.time_zone());
  records::v1::TaskRow task;
  task.ParseFromString(row.task_row());
  definition->mutable_task()->set_type(row.type());
  definition->mutable_task()->set_tag(task.tag());
  if (with_payload && task.has_payload()) *definition->mutable_task()->mutable_payload() = WirePayload(task.payload());
  if (row.start_timeout_us() != 0) definition->mutable_task()->set_start_timeout_us(row.start_timeout_us());
  if (row.total_timeout_us() != 0) definition->mutable_task()->set_total_timeout_us(row.total_timeout_us());
  definition->mutable_task()->set_trace_parent(task.trace_parent());
  definition->mutable_task()->set_trace_state(task.trace_state());
  if (task.has_options()) {
    *definition->mutable_task()->mutable_options() = WireOptions(engine::FromRecord(task.options()));
  }
  definition->set_overlap(row.overlap() == ScheduleRow::ALLOW ? v1::OVERLAP_POLICY_ALLOW : v1::OVERLAP_POLICY_SKIP);
  definition->set_catch_up(row.catch_up() == ScheduleRow::ALL    ? v1::CATCH_UP_POLICY_ALL
                           : row.catch_up() == ScheduleRow::NONE ? v1::CATCH_UP_POLICY_NONE
                                                                 : v1::CATCH_UP_POLICY_ONE);
  definition->set_catch_up_limit(static_cast<int32_t>(row.catch_up_limit()));
  definition->set_keep_going(row.keep_going());
  definition->set_max_firings(row.max_firings());
  if (row.end_us() != 0) *definition->mutable_end_at() = WireTime(row.end_us());
  wire.set_state(state.has_pause()      ? v1::SCHEDULE_STATE_PAUSED
                 : state.next_us() == 0 ? v1::SCHEDULE_STATE_ENDED
                                        : v1::SCHEDULE_STATE_ACTIVE);
  if (wire.state() == v1::SCHEDULE_STATE_ACTIVE) *wire.mutable_next_at() = WireTime(state.next_us());
  wire.set_last_task_id(state.last_task());
  wire.set_last_task_lives(state.last_lives());
  if (state.last_us() != 0) *wire.mutable_last_at() = WireTime(state.last_us());
  wire.set_fired(state.fired());
  wire.set_skipped(state.skipped());
  wire.set_missed(state.missed());
  *wire.mutable_created_at() = WireTime(row.created_us());
  wire.set_actor(row.actor());
  if (!state.has_pause()) return wire;
  wire.set_pause_actor(state.pause().actor());
  wire.set_pause_reason(state.pause().reason());
  *wire.mutable_paused_at() = WireTime(state.pause().time_us());
  return wire;
}

Error GetSchedule(const engine::View& view, const v1::GetScheduleRequest& request, v1::GetScheduleResponse* response) {
  ScheduleRow row;
  ScheduleStateRow state;
  bool found = false;
  if (request.name().empty()) return InvalidArgument("FIELD_REQUIRED", "name is required and empty: name a schedule");
  CHECK_FIELD(ReadRow(view.store(), Family::kMeta, engine::ScheduleMetaKey(request.name()), &row, &found));
  if (!found) {
    return NotFound("SCHEDULE_NOT_FOUND",
                    absl::StrCat("there is no schedule '", request.name(), "': see ListSchedules"));
  }
  CHECK_FIELD(ReadState(view, request.name(), &state));
  *response->mutable_schedule() = WireSchedule(request.name(), row, state, /*with_payload=*/true);
  return {};
}

Error ListSchedules(const engine::View& view, const v1::ListSchedulesRequest& request, size_t page_size,
                    size_t page_bytes, v1::ListSchedulesResponse* response) {
  std::string after;
  if (!request.page_token().empty()) CHECK_FIELD(DecodePageToken(kList, request.page_token(), &after));
  // The key after that of a name is the same with a zero byte.
  const std::string first = engine::ScheduleMetaKey(after) + (after.empty() ? "" : std::string(1, '\0'));
  std::string last;
  bool more = false;
  size_t bytes = 0;
  Error error;
  const absl::Status status =
      view.store().Scan(Family::kMeta, first, "i", [&](absl::string_view key, absl::string_view value) {
        more = static_cast<size_t>(response->schedules_size()) == page_size || bytes >= page_bytes;
        if (more) return false;
        last = std::string(key.substr(1));
        ScheduleRow row;
        ScheduleStateRow state;
        error = ParseRow(value, absl::StrCat("record of schedule ", last), &row);
        if (error.ok()) error = ReadState(view, last, &state);
        if (!error.ok()) return false;
        *response->add_schedules() = WireSchedule(last, row, state, /*with_payload=*/false);
        bytes += response->schedules().rbegin()->ByteSizeLong();
        return true;
      });
  if (!status.ok()) return StoreDamaged(std::string(status.message()));
  if (more) response->set_next_page_token(EncodePageToken(kList, last));
  return error;
}

}  // namespace baton::service
