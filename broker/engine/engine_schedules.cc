// Schedules: tasks that are created again and again. Whatever a firing changes goes into one batch: its task, and how
// far the schedule is; so none is lost, and none happens twice.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/engine/engine.h"
#include "broker/engine/refusals.h"

namespace baton::engine {
namespace {

using records::v1::ScheduleRow;
using records::v1::ScheduleStateRow;
using storage::Family;

Error NoSuchSchedule(const std::string& name) {
  return NotFound("SCHEDULE_NOT_FOUND", absl::StrCat("there is no schedule '", name, "': see ListSchedules"));
}

bool IsDue(const Schedule& schedule, WallMicros now) {
  return !schedule.paused() && schedule.state.next_us() != 0 && schedule.state.next_us() <= now;
}

void SetPause(const std::string& actor, const std::string& reason, WallMicros now, ScheduleStateRow* state) {
  state->mutable_pause()->set_actor(actor);
  state->mutable_pause()->set_reason(reason);
  state->mutable_pause()->set_time_us(now);
}

}  // namespace

void Engine::RestoreSchedules(std::vector<std::unique_ptr<Schedule>> schedules) {
  for (std::unique_ptr<Schedule>& schedule : schedules) {
    absl::Status status = Prepare(schedule.get());
    if (!schedule->has_state) status = absl::DataLossError("a repair found that how far it was is lost");
    Schedule& restored = schedules_.Put(std::move(schedule));
    if (status.ok() || restored.paused()) continue;
    // A zone may have gone from the machine's time zone database. The others must not wait for it.
    SetPause("broker", std::string(status.message()), now_.wall, &restored.state);
    StoreState(restored);
  }
}

void Engine::CreateSchedule(std::unique_ptr<Command> owned) {
  auto& command = static_cast<CreateScheduleCommand&>(*owned);
  Schedule* before = schedules_.Find(command.schedule->name);
  if (before != nullptr && before->row.definition_hash() == command.schedule->row.definition_hash()) {
    command.existing = true;
    command.next = before->paused() ? 0 : before->state.next_us();
  } else if (before != nullptr && !command.replace) {
    command.error =
        AlreadyExists("SCHEDULE_EXISTS", absl::StrCat("there is a schedule '", command.schedule->name,
                                                      "' that is defined differently: set replace to change it"));
  } else if (const WallMicros end = command.schedule->row.end_us(); end != 0 && end <= now_.wall) {
    command.error = InvalidArgument("OUT_OF_RANGE", "schedule.end_at is over: give a time to come, or none");
  } else if (!KnowsType(*command.schedule)) {
    command.error = TooManyTypes(command.schedule->row.type());
  } else if (CheckRoomFor(command, before)) {
    // What is due by now is of the old definition.
    const size_t most = batch_.bytes() + settings_.work.open_batch_bytes;
    while (before != nullptr && IsDue(*before, now_.wall) && batch_.bytes() < most) Fire(*before);
    if (before != nullptr && IsDue(*before, now_.wall)) {
      command.error = ResourceExhausted(
          "OVERLOADED", "the schedule has much to make up for before it can be replaced: send the call again", kSecond);
    } else {
      command.next = PutSchedule(std::move(command.schedule), before);
    }
  }
  batch_.Answer(std::move(owned));
}

bool Engine::CheckRoomFor(CreateScheduleCommand& command, const Schedule* before) const {
  const size_t count = schedules_.count() + (before == nullptr ? 1 : 0);
  const size_t bytes = schedules_.bytes() + command.schedule->bytes() - (before == nullptr ? 0 : before->bytes());
  if (count <= settings_.max_schedules && bytes <= settings_.schedule_bytes) return true;
  command.error = ResourceExhausted(
      "TOO_MANY_SCHEDULES",
      absl::StrCat("it would make ", count, " schedules of ", bytes, " bytes: at most ", settings_.max_schedules,
                   " (setting limits.schedules) and ", settings_.schedule_bytes,
                   " bytes (limits.schedule_bytes) are allowed; delete some, or store payloads elsewhere"),
      0);
  return false;
}

WallMicros Engine::PutSchedule(std::unique_ptr<Schedule> schedule, const Schedule* before) {
  schedule->row.set_number(before != nullptr ? before->row.number() : NextStamp());
  schedule->row.set_created_us(now_.wall);
  if (before != nullptr) schedule->state = before->state;
  schedule->state.set_caught_up(0);
  schedule->state.set_next_us(NextFiring(*schedule, now_.wall, now_.wall));
  Schedule& stored = schedules_.Put(std::move(schedule));
  batch_.writes().Put(Family::kMeta, ScheduleMetaKey(stored.name), stored.row.SerializeAsString());
  StoreState(stored);
  return stored.paused() ? 0 : stored.state.next_us();
}

void Engine::ChangeSchedule(std::unique_ptr<Command> owned) {
  auto& command = static_cast<ChangeScheduleCommand&>(*owned);
  Schedule* schedule = schedules_.Find(command.name);
  if (schedule == nullptr) {
    command.error = NoSuchSchedule(command.name);
  } else {
    switch (command.verb) {
      case ChangeScheduleCommand::Verb::kPause:
        PauseSchedule(command, *schedule);
        break;
      case ChangeScheduleCommand::Verb::kUnpause:
        UnpauseSchedule(command, *schedule);
        break;
      case ChangeScheduleCommand::Verb::kTrigger:
        TriggerSchedule(command, *schedule);
        break;
      case ChangeScheduleCommand::Verb::kDelete:
        batch_.writes().Delete(Family::kMeta, ScheduleMetaKey(command.name));
        batch_.writes().Delete(Family::kMeta, ScheduleStateMetaKey(command.name));
        schedules_.Remove(*schedule);
        break;
    }
  }
  batch_.Answer(std::move(owned));
}

void Engine::PauseSchedule(const ChangeScheduleCommand& command, Schedule& schedule) {
  if (schedule.paused()) return;
  SetPause(command.actor, command.reason, now_.wall, &schedule.state);
  StoreState(schedule);
}

void Engine::UnpauseSchedule(ChangeScheduleCommand& command, Schedule& schedule) {
  if (!schedule.paused()) {
    command.error =
        FailedPrecondition("NOT_PAUSED", absl::StrCat("schedule '", command.name, "' is not paused: see GetSchedule"));
    return;
  }
  if (const absl::Status status = Prepare(&schedule); !status.ok()) {
    command.error = FailedPrecondition("BAD_SCHEDULE",
                                       absl::StrCat("schedule '", command.name, "' cannot go on: ", status.message()));
    return;
  }
  schedule.state.clear_pause();
  schedule.state.set_caught_up(0);
  schedule.state.set_next_us(NextFiring(schedule, now_.wall, now_.wall));
  StoreState(schedule);
  command.next = schedule.state.next_us();
}

void Engine::TriggerSchedule(ChangeScheduleCommand& command, Schedule& schedule) {
  if (schedule.row.overlap() == ScheduleRow::SKIP && schedule.state.last_lives()) {
    command.error = FailedPrecondition(
        "SCHEDULE_BUSY", absl::StrCat("task ", schedule.state.last_task(), " of schedule '", command.name,
                                      "' has not ended, and its overlap policy is SKIP: wait for it, or cancel it"));
    return;
  }
  command.task = CreateFiring(schedule, 0);
  if (command.task == 0) {
    command.error = TooManyTypes(schedule.row.type());
    return;
  }
  const uint64_t most = schedule.row.max_firings();
  if (most != 0 && schedule.state.fired() >= most) schedule.state.set_next_us(0);
  StoreState(schedule);
}

void Engine::FireSchedules() {
  const size_t most = MostBytes();  // What they create may be large.
  for (size_t fired = 0; fired < settings_.work.round_timers && batch_.bytes() < most; ++fired) {
    Schedule* schedule = schedules_.FirstDue(now_.wall);
    if (schedule == nullptr) return;
    Fire(*schedule);
  }
  if (schedules_.FirstDue(now_.wall) != nullptr) has_more_ = true;
}

void Engine::Fire(Schedule& schedule) {
  ScheduleStateRow& state = schedule.state;
  const WallMicros instant = state.next_us();
  if (schedule.row.catch_up() == ScheduleRow::NONE && now_.wall - instant > kInstantOver) {
    state.set_missed(state.missed() + 1);
  } else if (schedule.row.overlap() == ScheduleRow::SKIP && state.last_lives()) {
    state.set_skipped(state.skipped() + 1);
  } else if (CreateFiring(schedule, instant) == 0) {
    state.set_missed(state.missed() + 1);
  }
  state.set_next_us(NextFiring(schedule, instant, now_.wall));
  StoreState(schedule);
}

bool Engine::KnowsType(const Schedule& schedule) {
  NewTask task;
  task.type = schedule.row.type();
  task.options = schedule.options;
  return Place(task, nullptr).class_number != 0;
}

TaskId Engine::CreateFiring(Schedule& schedule, WallMicros instant) {
  NewTask task;
  task.type = schedule.row.type();
  task.options = schedule.options;
  const Placement placement = Place(task, nullptr);
  if (placement.class_number == 0) return 0;
  task.row = schedule.row.task_row();
  task.tag_hash = schedule.tag_hash;
  task.trace = schedule.trace;
  task.schedule = schedule.row.number();
  task.scheduled = instant;
  task.start_timeout = schedule.row.start_timeout_us();
  task.total_timeout = schedule.row.total_timeout_us();
  const TaskId id = Create(task, placement, {}, LiveState::PENDING);
  ScheduleStateRow& state = schedule.state;
  state.set_last_task(id);
  state.set_last_lives(true);
  state.set_last_us(instant);
  state.set_fired(state.fired() + 1);
  return id;
}

void Engine::FiringEnded(uint64_t number, TaskId id, LiveState state) {
  Schedule* schedule = schedules_.Find(number);
  if (schedule == nullptr) return;
  const bool newest = schedule->state.last_task() == id;
  const bool fails = state == LiveState::FAILED && !schedule->row.keep_going() && !schedule->paused();
  if (newest) schedule->state.set_last_lives(false);
  if (fails) SetPause("broker", absl::StrCat("task ", id, " has failed for good"), now_.wall, &schedule->state);
  if (newest || fails) StoreState(*schedule);
}

void Engine::FiringRevived(uint64_t number, TaskId id) {
  Schedule* schedule = schedules_.Find(number);
  if (schedule == nullptr || schedule->state.last_task() != id) return;
  schedule->state.set_last_lives(true);
  StoreState(*schedule);
}

void Engine::StoreState(Schedule& schedule) {
  schedules_.Arm(schedule);
  batch_.writes().Put(Family::kMeta, ScheduleStateMetaKey(schedule.name), schedule.state.SerializeAsString());
}

}  // namespace baton::engine
