#include "broker/service/schedules.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/hash.h"
#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/limits.h"
#include "broker/service/read/convert.h"
#include "broker/service/task_decoder.h"
#include "broker/service/wire.h"

namespace baton::service {
namespace {

using records::v1::ScheduleRow;

constexpr int32_t kDefaultCatchUp = 100;
constexpr int32_t kMostCatchUp = 1000;
constexpr int32_t kDefaultPreview = 10;
constexpr int32_t kMostPreview = 1000;
// Years 1 … 9999, as protobuf has it.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

Error CheckCron(const Field& field, const std::string& cron, engine::CronExpression* expression) {
  // How long it may be is said below, as whatever else is wrong with it.
  CHECK_FIELD(CheckText(field, cron, Presence::kRequired, std::string::npos));
  absl::StatusOr<engine::CronExpression> parsed = engine::CronExpression::Parse(cron);
  if (!parsed.ok()) {
    return InvalidArgument("BAD_CRON", absl::StrCat(field.Path(), " is not right: ", parsed.status().message()));
  }
  *expression = *parsed;
  return {};
}

Error CheckTimeZone(const Field& field, const std::string& name, absl::TimeZone* zone) {
  CHECK_FIELD(CheckLength(field, name, Presence::kOptional, kNameBytes));
  absl::StatusOr<absl::TimeZone> found = engine::FindTimeZone(name.empty() ? "UTC" : name);
  if (!found.ok()) {
    return InvalidArgument("BAD_TIME_ZONE", absl::StrCat(field.Path(), ": ", found.status().message()));
  }
  *zone = *found;
  return {};
}

Error DecodeTime(const Field& field, const google::protobuf::Timestamp& wire, WallMicros* time) {
  CHECK_FIELD(CheckRange(Field(field, "seconds"), wire.seconds(), kFirstSecond, kLastSecond));
  CHECK_FIELD(CheckRange(Field(field, "nanos"), wire.nanos(), 0, 999'999'999));
  *time = wire.seconds() * kSecond + wire.nanos() / 1000;
  return {};
}

Error DecodePolicies(const Field& field, const v1::ScheduleDefinition& wire, ScheduleRow* row) {
  if (wire.overlap() < 0 || wire.overlap() > v1::OVERLAP_POLICY_ALLOW) {
    return InvalidArgument("OUT_OF_RANGE", absl::StrCat(Field(field, "overlap").Path(), " is ",
                                                        static_cast<int>(wire.overlap()), ", known are 0 to 2"));
  }
  if (wire.catch_up() < 0 || wire.catch_up() > v1::CATCH_UP_POLICY_ALL) {
    return InvalidArgument("OUT_OF_RANGE", absl::StrCat(Field(field, "catch_up").Path(), " is ",
                                                        static_cast<int>(wire.catch_up()), ", known are 0 to 3"));
  }
  const bool all = wire.catch_up() == v1::CATCH_UP_POLICY_ALL;
  if (all && wire.overlap() != v1::OVERLAP_POLICY_ALLOW) {
    return InvalidArgument("FIELDS_EXCLUDE_EACH_OTHER",
                           absl::StrCat(field.Path(),
                                        " has catch_up ALL, which needs overlap ALLOW: the late firings "
                                        "would skip each other"));
  }
  const Field limit(field, "catch_up_limit");
  CHECK_FIELD(CheckRange(limit, wire.catch_up_limit(), 0, kMostCatchUp));
  if (!all && wire.catch_up_limit() != 0) {
    return InvalidArgument("FIELDS_EXCLUDE_EACH_OTHER",
                           absl::StrCat(limit.Path(), " is set, but catch_up is not ALL: leave it 0"));
  }
  row->set_overlap(wire.overlap() == v1::OVERLAP_POLICY_ALLOW ? ScheduleRow::ALLOW : ScheduleRow::SKIP);
  row->set_catch_up(all                                           ? ScheduleRow::ALL
                    : wire.catch_up() == v1::CATCH_UP_POLICY_NONE ? ScheduleRow::NONE
                                                                  : ScheduleRow::ONE);
  if (all) row->set_catch_up_limit(wire.catch_up_limit() == 0 ? kDefaultCatchUp : wire.catch_up_limit());
  row->set_keep_going(wire.keep_going());
  row->set_max_firings(wire.max_firings());
  return {};
}

Error DecodeTask(const Decoding& decoding, const Field& field, const std::string& actor, const v1::NewTask& wire,
                 engine::NewTask* task) {
  const char* planned = wire.has_delay_us() ? "delay_us" : wire.has_run_at_us() ? "run_at_us" : nullptr;
  const char* unique = wire.unique_policy() != v1::UNIQUE_POLICY_UNSPECIFIED ? "unique_policy" : nullptr;
  if (!wire.unique_key().empty()) unique = "unique_key";
  const char* excluded = planned != nullptr ? planned : unique;
  if (excluded != nullptr) {
    return InvalidArgument("FIELDS_EXCLUDE_EACH_OTHER",
                           absl::StrCat(Field(field, excluded).Path(), " is set, which a schedule does not allow: ",
                                        planned != nullptr ? "the cron expression says when" : "see overlap"));
  }
  return DecodeNewTask(decoding, field, TaskRole::kSubmitted, actor, wire, task);
}

// Of what it means: the same however it is written, and whoever sends it. To be called before the row says who does.
Error HashDefinition(const Decoding& decoding, const v1::ScheduleDefinition& wire, ScheduleRow* row) {
  engine::NewTask anonymous;
  CHECK_FIELD(DecodeTask(decoding, Field("schedule"), "", wire.task(), &anonymous));
  ScheduleRow meaning = *row;
  meaning.clear_actor();
  meaning.set_task_row(anonymous.row);
  row->set_definition_hash(HashOf(meaning.SerializeAsString()).Bytes());
  return {};
}

}  // namespace

Error DecodeCreateSchedule(const Decoding& decoding, const v1::CreateScheduleRequest& request,
                           engine::CreateScheduleCommand* command) {
  const v1::ScheduleDefinition& wire = request.schedule();
  const Field field("schedule");
  auto schedule = std::make_unique<engine::Schedule>();
  ScheduleRow& row = schedule->row;
  CHECK_FIELD(CheckName(Field(field, "name"), wire.name(), Presence::kRequired, kNameBytes));
  CHECK_FIELD(CheckCron(Field(field, "cron"), wire.cron(), &schedule->cron));
  CHECK_FIELD(CheckTimeZone(Field(field, "time_zone"), wire.time_zone(), &schedule->zone));
  engine::NewTask task;
  CHECK_FIELD(DecodeTask(decoding, Field(field, "task"), command->actor, wire.task(), &task));
  CHECK_FIELD(DecodePolicies(field, wire, &row));
  WallMicros end = 0;
  if (wire.has_end_at()) CHECK_FIELD(DecodeTime(Field(field, "end_at"), wire.end_at(), &end));
  WireWriter(&task.row).Bytes(6, wire.name());
  schedule->name = wire.name();
  row.set_cron(wire.cron());
  row.set_time_zone(wire.time_zone().empty() ? "UTC" : wire.time_zone());
  row.set_type(task.type);
  row.set_task_row(std::move(task.row));
  row.set_start_timeout_us(task.start_timeout);
  row.set_total_timeout_us(task.total_timeout);
  row.set_actor(command->actor);
  row.set_end_us(end);
  CHECK_FIELD(HashDefinition(decoding, wire, &row));
  schedule->options = task.options;
  schedule->trace = task.trace;
  schedule->tag_hash = task.tag_hash;
  command->schedule = std::move(schedule);
  command->replace = request.replace();
  return {};
}

void EncodeCreateSchedule(const engine::CreateScheduleCommand& command, v1::CreateScheduleResponse* response) {
  response->set_existing(command.existing);
  if (command.next != 0) *response->mutable_next_at() = WireTime(command.next);
}

Error CheckScheduleName(const std::string& name) {
  return CheckName(Field("name"), name, Presence::kRequired, kNameBytes);
}

Error DecodeChangeSchedule(const std::string& name, const std::string& reason, engine::ChangeScheduleCommand* command) {
  CHECK_FIELD(CheckScheduleName(name));
  CHECK_FIELD(CheckLength(Field("reason"), reason, Presence::kOptional, kTextBytes));
  command->name = name;
  command->reason = reason;
  return {};
}

void EncodeUnpauseSchedule(const engine::ChangeScheduleCommand& command, v1::UnpauseScheduleResponse* response) {
  if (command.next != 0) *response->mutable_next_at() = WireTime(command.next);
}

Error PreviewSchedule(WallMicros now, const v1::PreviewScheduleRequest& request,
                      v1::PreviewScheduleResponse* response) {
  engine::CronExpression cron;
  absl::TimeZone zone;
  CHECK_FIELD(CheckCron(Field("cron"), request.cron(), &cron));
  CHECK_FIELD(CheckTimeZone(Field("time_zone"), request.time_zone(), &zone));
  CHECK_FIELD(CheckRange(Field("count"), request.count(), 0, kMostPreview));
  WallMicros after = now;
  if (request.has_after()) CHECK_FIELD(DecodeTime(Field("after"), request.after(), &after));
  std::optional<WallMicros> next = after;
  for (int32_t left = request.count() == 0 ? kDefaultPreview : request.count(); left > 0; --left) {
    next = cron.Next(*next, zone);
    if (!next.has_value() || *next > kLastSecond * kSecond) break;
    *response->add_instants() = WireTime(*next);
  }
  return {};
}

}  // namespace baton::service
