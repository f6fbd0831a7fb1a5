#include "broker/engine/schedules/schedule_book.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/format/keys.h"

namespace baton::engine {

using records::v1::ScheduleRow;

absl::Status Prepare(Schedule* schedule) {
  const ScheduleRow& row = schedule->row;
  records::v1::TaskRow task;
  if (!task.ParseFromString(row.task_row())) return absl::DataLossError("the task that it creates is not readable");
  // Without a zone it may still be triggered.
  schedule->options = task.has_options() ? std::make_shared<const Options>(FromRecord(task.options())) : nullptr;
  schedule->trace = TraceOf(task);
  schedule->tag_hash = TagHash(task.tag());
  ASSIGN_OR_RETURN(schedule->cron, CronExpression::Parse(row.cron()));
  ASSIGN_OR_RETURN(schedule->zone, FindTimeZone(row.time_zone()));
  return absl::OkStatus();
}

WallMicros NextFiring(Schedule& schedule, WallMicros instant, WallMicros now) {
  const ScheduleRow& row = schedule.row;
  records::v1::ScheduleStateRow& state = schedule.state;
  if (row.max_firings() != 0 && state.fired() >= row.max_firings()) return 0;
  std::optional<WallMicros> next = schedule.cron.Next(instant, schedule.zone);
  const bool late = next.has_value() && *next <= now;
  const bool one_more = late && row.catch_up() == ScheduleRow::ALL && state.caught_up() + 1 < row.catch_up_limit();
  if (late && !one_more) {
    const bool leaves_out = row.catch_up() != ScheduleRow::NONE;
    next = schedule.cron.Next(leaves_out ? now : std::max(instant, now - kInstantOver), schedule.zone);
  }
  state.set_caught_up(one_more ? state.caught_up() + 1 : 0);
  if (!next.has_value() || (row.end_us() != 0 && *next > row.end_us())) return 0;
  return *next;
}

Schedule* ScheduleBook::Find(absl::string_view name) {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : Find(it->second);
}

Schedule* ScheduleBook::Find(uint64_t number) {
  const auto it = by_number_.find(number);
  return it == by_number_.end() ? nullptr : it->second.schedule.get();
}

Schedule& ScheduleBook::Put(std::unique_ptr<Schedule> schedule) {
  const uint64_t number = schedule->row.number();
  if (Schedule* before = Find(number); before != nullptr) Remove(*before);
  by_name_[schedule->name] = number;
  bytes_ += schedule->bytes();
  Entry& entry = by_number_[number];
  entry.schedule = std::move(schedule);
  Arm(*entry.schedule);
  return *entry.schedule;
}

void ScheduleBook::Remove(Schedule& schedule) {
  const auto it = by_number_.find(schedule.row.number());
  Disarm(it->first, it->second);
  bytes_ -= schedule.bytes();
  by_name_.erase(schedule.name);
  by_number_.erase(it);
}

void ScheduleBook::Arm(Schedule& schedule) {
  const uint64_t number = schedule.row.number();
  Entry& entry = by_number_[number];
  Disarm(number, entry);
  if (schedule.paused() || schedule.state.next_us() == 0) return;
  entry.armed = schedule.state.next_us();
  armed_.insert({entry.armed, number});
}

void ScheduleBook::Disarm(uint64_t number, Entry& entry) {
  if (entry.armed == 0) return;
  armed_.erase({entry.armed, number});
  entry.armed = 0;
}

Schedule* ScheduleBook::FirstDue(WallMicros now) {
  if (armed_.empty() || armed_.begin()->first > now) return nullptr;
  return Find(armed_.begin()->second);
}

}  // namespace baton::engine
