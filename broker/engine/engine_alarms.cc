// Deadlines of tasks, by the wall clock: until when the first attempt must have begun, the task must have ended, or a
// decision must have come. Each live task has at most one alarm, the first instant at which any of them matters; what
// is to happen then is found out when it rings.
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/engine/engine.h"

namespace baton::engine {
namespace {

std::string TimeText(WallMicros time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixMicros(time), absl::UTCTimeZone());
}

}  // namespace

void Engine::SetAlarm(Task& task) {
  const WallMicros alarm = AlarmOf(task);
  if (alarm == task.alarm) return;
  DisarmAlarm(task.id, task.alarm);
  task.alarm = alarm;
  ArmAlarm(task.id, alarm);
}

void Engine::ArmAlarm(TaskId id, WallMicros alarm) {
  if (alarm != 0) alarms_.insert({alarm, id});
}

void Engine::DisarmAlarm(TaskId id, WallMicros alarm) {
  if (alarm == 0) return;
  alarms_.erase({alarm, id});
  ringing_.erase({alarm, id});
}

void Engine::RingAlarms() {
  // Those that are being fetched go on when they have come.
  for (size_t rung = 0; !RingsEnough() && !alarms_.empty() && alarms_.begin()->first <= now_.wall; ++rung) {
    if (rung == settings_.work.round_timers) {
      has_more_ = true;
      return;
    }
    const auto [alarm, id] = *alarms_.begin();
    alarms_.erase(alarms_.begin());
    ringing_.insert({alarm, id});
    WithTask(id, [this, alarm = alarm, id = id](Task* task, const LoadedTask&) {
      // It may have gone on while it was fetched, or ended. Whatever it did, it is no longer being fetched.
      const bool rings = ringing_.erase({alarm, id}) > 0;
      if (task == nullptr || !rings) return;
      ArmAlarm(task->id, alarm);
      if (alarm <= now_.wall) return Ring(*task);
      DropBeyondRoom(*task);
    });
  }
}

bool Engine::RingsEnough() const { return ringing_.size() >= 4 * settings_.work.round_timers; }

void Engine::Ring(Task& task) {
  if (task.end_by != 0 && task.end_by <= now_.wall) {
    Expire(task, absl::StrCat("expired: it had to end by ", TimeText(task.end_by)));
  } else if (task.attempt == 0 && task.start_by != 0 && task.start_by <= now_.wall) {
    Expire(task, absl::StrCat("expired: it had to begin by ", TimeText(task.start_by)));
  } else {
    DecideByDefault(task);
  }
}

void Engine::Expire(Task& task, const std::string& error) {
  CallOff(task, "broker", error, 0);
  Step content;
  content.set_error(error);
  Advance(task, Event::kExpired, {content.SerializeAsString()}, "broker");
}

void Engine::DecideByDefault(Task& task) {
  const std::string reason = absl::StrCat("no decision came by ", TimeText(task.decide_by));
  switch (task.when_undecided) {
    case records::v1::Mutable::RESUME: {
      Step content;
      content.set_reason(reason);
      Advance(task, Event::kResumed, {content.SerializeAsString(), false, false, false, true}, "broker");
      return;
    }
    case records::v1::Mutable::CANCEL:
      return CancelTask(task, "broker", reason, 0);
    default:
      return Expire(task, absl::StrCat("expired: ", reason));
  }
}

}  // namespace baton::engine
