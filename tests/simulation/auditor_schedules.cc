// Schedules: when they must fire, and what is stored of it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

using records::v1::ScheduleRow;
using records::v1::ScheduleStateRow;
using Verb = engine::ChangeScheduleCommand::Verb;

// The instant after `instant`, when the clock shows `now`.
WallMicros InstantAfter(const engine::Schedule& schedule, WallMicros instant, WallMicros now, ScheduleStateRow* state) {
  const ScheduleRow& row = schedule.row;
  if (row.max_firings() != 0 && state->fired() >= row.max_firings()) return 0;
  WallMicros next = schedule.cron.Next(instant, schedule.zone).value_or(0);
  if (next <= now) {
    // It is behind.
    const bool makes_up = row.catch_up() == ScheduleRow::ALL && state->caught_up() < row.catch_up_limit() - 1;
    state->set_caught_up(makes_up ? state->caught_up() + 1 : 0);
    // Without making up for anything, what is less than a minute old is still in time.
    const WallMicros from = row.catch_up() == ScheduleRow::NONE ? std::max(instant, now - kMinute) : now;
    if (!makes_up) next = schedule.cron.Next(from, schedule.zone).value_or(0);
  } else {
    state->set_caught_up(0);
  }
  return row.end_us() != 0 && next > row.end_us() ? 0 : next;
}

void SetPause(const std::string& actor, const std::string& reason, WallMicros now, ScheduleStateRow* state) {
  state->mutable_pause()->set_actor(actor);
  state->mutable_pause()->set_reason(reason);
  state->mutable_pause()->set_time_us(now);
}

}  // namespace

void Auditor::AppliesCreateSchedule(const engine::CreateScheduleCommand& command) {
  Waiting& waiting = waiting_[&command];
  const std::string& name = command.schedule->name;
  const auto before = model_.schedules.find(name);
  const bool exists = before != model_.schedules.end();
  if (exists && before->second.row.definition_hash() == command.schedule->row.definition_hash()) {
    coverage_->Count("CreateSchedule: existing");
    return;
  }
  const WallMicros end = command.schedule->row.end_us();
  if (exists && !command.replace) {
    waiting.reason = "SCHEDULE_EXISTS";
  } else if (end != 0 && end <= now_.wall) {
    waiting.reason = "OUT_OF_RANGE";
  } else if (!exists && model_.schedules.size() == settings_.max_schedules) {
    waiting.reason = "TOO_MANY_SCHEDULES";
  } else {
    // Made when it is written: what is due of the old one comes before.
    defined_ = *command.schedule;
    if (exists) coverage_->Count("CreateSchedule: replaced");
  }
}

void Auditor::AppliesChangeSchedule(const engine::ChangeScheduleCommand& command) {
  Waiting& waiting = waiting_[&command];
  const auto found = model_.schedules.find(command.name);
  if (found == model_.schedules.end()) {
    waiting.reason = "SCHEDULE_NOT_FOUND";
    return;
  }
  engine::Schedule& schedule = found->second;
  ScheduleStateRow& state = schedule.state;
  switch (command.verb) {
    case Verb::kPause:
      if (!state.has_pause()) SetPause(command.actor, command.reason, now_.wall, &state);
      return;
    case Verb::kUnpause:
      if (!state.has_pause()) {
        waiting.reason = "NOT_PAUSED";
        return;
      }
      state.clear_pause();
      state.set_next_us(InstantAfter(schedule, now_.wall, now_.wall, &state));
      state.set_caught_up(0);
      return;
    case Verb::kTrigger:
      if (schedule.row.overlap() == ScheduleRow::SKIP && state.last_lives()) {
        waiting.reason = "SCHEDULE_BUSY";
        return;
      }
      ExpectFiring(schedule, 0);
      if (schedule.row.max_firings() != 0 && state.fired() >= schedule.row.max_firings()) state.set_next_us(0);
      return;
    case Verb::kDelete:
      deleted_schedules_.insert(command.name);
      model_.schedules.erase(found);
      return;
  }
}

// Its task is the next one that is created.
engine::NewTask Auditor::ExpectFiring(engine::Schedule& schedule, WallMicros instant) {
  engine::NewTask task;
  task.type = schedule.row.type();
  task.row = schedule.row.task_row();
  task.options = schedule.options;
  task.schedule = schedule.row.number();
  task.scheduled = instant;
  schedule.state.set_last_task(model_.next_id());
  schedule.state.set_last_lives(true);
  schedule.state.set_last_us(instant);
  schedule.state.set_fired(schedule.state.fired() + 1);
  firing_ = task;
  return task;
}

void Auditor::CheckSchedule(const engine::Command& command, const Waiting& waiting) {
  static constexpr const char* kCalls[] = {"PauseSchedule", "UnpauseSchedule", "TriggerSchedule", "DeleteSchedule"};
  const auto* change = command.kind == engine::Command::Kind::kChangeSchedule
                           ? static_cast<const engine::ChangeScheduleCommand*>(&command)
                           : nullptr;
  const std::string call = change == nullptr ? "CreateSchedule" : kCalls[static_cast<int>(change->verb)];
  if (defined_.has_value() && std::string(command.error.reason) == "OVERLOADED") {
    const auto before = model_.schedules.find(std::exchange(defined_, std::nullopt)->name);
    REQUIRE(before != model_.schedules.end() && IsDue(before->second), call, " is refused, and nothing is due before");
    return coverage_->Count("CreateSchedule: OVERLOADED");
  }
  ExpectError(call, command.error, waiting.reason);
  if (firing_.has_value()) {
    REQUIRE(change != nullptr && change->task == model_.next_id(), "TriggerSchedule does not tell of task ",
            model_.next_id());
    TakeFiring();
  }
  REQUIRE(deleted_schedules_.empty(), "a deleted schedule is still stored");
  REQUIRE(!defined_.has_value(), "a schedule was not stored");
}

void Auditor::TakeFiring() {
  const ModelTask task = TakeCreation(*firing_, nullptr, LiveState::PENDING);
  coverage_->Count(firing_->scheduled == 0 ? "schedule: triggered" : "schedule: fired");
  firing_.reset();
  model_.Add(task);
  model_.live.insert(task.id);
}

void Auditor::Define(engine::Schedule schedule) {
  const auto before = model_.schedules.find(schedule.name);
  if (before != model_.schedules.end()) {
    REQUIRE(!IsDue(before->second), "schedule ", schedule.name, " is replaced before it has fired");
    schedule.state = before->second.state;
    schedule.row.set_number(before->second.row.number());
  }
  schedule.row.set_created_us(now_.wall);
  const WallMicros next = InstantAfter(schedule, now_.wall, now_.wall, &schedule.state);
  schedule.state.set_next_us(next);
  schedule.state.set_caught_up(0);
  model_.schedules[schedule.name] = schedule;
}

void Auditor::ReadSchedule(const std::string& name, const ScheduleRow& row) {
  if (defined_.has_value()) Define(*std::exchange(defined_, std::nullopt));
  const auto found = model_.schedules.find(name);
  REQUIRE(found != model_.schedules.end(), "schedule ", name, " was stored for nobody");
  ScheduleRow& expected = found->second.row;
  if (expected.number() == 0) {
    REQUIRE(row.number() > model_.last_schedule, "schedule ", name, " has number ", row.number(), " after ",
            model_.last_schedule);
    model_.last_schedule = row.number();
    expected.set_number(row.number());
  }
  REQUIRE(row.SerializeAsString() == expected.SerializeAsString(), "schedule ", name, " is stored as ",
          row.ShortDebugString(), ", not ", expected.ShortDebugString());
}

void Auditor::ReadScheduleState(const std::string& name, const ScheduleStateRow& state) {
  const auto found = model_.schedules.find(name);
  REQUIRE(found != model_.schedules.end(), "how far schedule ", name, " is was stored for nobody");
  engine::Schedule& schedule = found->second;
  // Either it is what something else has led to, or it has fired now.
  const std::string stored = state.SerializeAsString();
  const bool may_fire = finishing_ || (defined_.has_value() && defined_->name == name);
  if (may_fire && schedule.state.SerializeAsString() != stored) Fire(name, schedule);
  REQUIRE(schedule.state.SerializeAsString() == stored, "schedule ", name, " is at ", state.ShortDebugString(),
          ", not at ", schedule.state.ShortDebugString());
}

bool Auditor::IsDue(const engine::Schedule& schedule) const {
  return !schedule.state.has_pause() && schedule.state.next_us() != 0 && schedule.state.next_us() <= now_.wall;
}

void Auditor::Fire(const std::string& name, engine::Schedule& schedule) {
  ScheduleStateRow& state = schedule.state;
  REQUIRE(IsDue(schedule), "schedule ", name, " fires and is not due: ", state.ShortDebugString());
  const WallMicros instant = state.next_us();
  if (schedule.row.catch_up() == ScheduleRow::NONE && now_.wall - instant > kMinute) {
    state.set_missed(state.missed() + 1);
    coverage_->Count("schedule: missed");
  } else if (schedule.row.overlap() == ScheduleRow::SKIP && state.last_lives()) {
    state.set_skipped(state.skipped() + 1);
    coverage_->Count("schedule: skipped");
  } else {
    ExpectFiring(schedule, instant);
    TakeFiring();
  }
  const WallMicros planned = schedule.cron.Next(instant, schedule.zone).value_or(0);
  state.set_next_us(InstantAfter(schedule, instant, now_.wall, &state));
  if (state.next_us() == 0) coverage_->Count("schedule: ended");
  if (planned > now_.wall || state.next_us() == 0) return;
  const bool makes_up = state.next_us() == planned;
  coverage_->Count(makes_up ? "schedule: makes up for one more" : "schedule: leaves out what is over");
}

void Auditor::FiringEnded(const ModelTask& task) {
  for (auto& [name, schedule] : model_.schedules) {
    if (schedule.row.number() != task.schedule) continue;
    if (schedule.state.last_task() == task.id) schedule.state.set_last_lives(false);
    if (task.state != LiveState::FAILED || schedule.row.keep_going() || schedule.state.has_pause()) continue;
    SetPause("broker", absl::StrCat("task ", task.id, " has failed for good"), now_.wall, &schedule.state);
    coverage_->Count("schedule: paused by a failure");
  }
}

void Auditor::FiringRevived(const ModelTask& task) {
  for (auto& [name, schedule] : model_.schedules) {
    if (schedule.row.number() != task.schedule || schedule.state.last_task() != task.id) continue;
    schedule.state.set_last_lives(true);
  }
}

void Auditor::ReadScheduleDelete(const std::string& name) {
  REQUIRE(deleted_schedules_.erase(name) > 0, "schedule ", name, " was deleted by nobody");
}

void Auditor::CheckSchedules(const storage::Snapshot& store) const {
  std::map<std::string, std::string> stored;
  const absl::Status status =
      store.Scan(storage::Family::kMeta, "f", "g", [&](absl::string_view key, absl::string_view value) {
        stored[std::string(key.substr(1))] = std::string(value);
        return true;
      });
  REQUIRE(status.ok(), status.ToString());
  for (const auto& [name, schedule] : model_.schedules) {
    REQUIRE(stored[name] == schedule.state.SerializeAsString(), "the store differs about schedule ", name);
  }
  REQUIRE(stored.size() == model_.schedules.size(), "the store has ", stored.size(), " schedules");
}

}  // namespace baton::simulation
