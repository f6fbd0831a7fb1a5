// For tests: what the engine knows, and whether it is consistent.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/engine/engine.h"

namespace baton::engine {

std::vector<LiveEntry> Engine::LiveForTest() const {
  std::vector<LiveEntry> live;
  absl::flat_hash_map<TaskId, WallMicros> alarms;
  for (const auto& [alarm, id] : alarms_) alarms[id] = alarm;
  for (const auto& [alarm, id] : ringing_) alarms[id] = alarm;
  order_.ForEach([&](ClassNumber class_number, const OrderKey& key) {
    if (tasks_.contains(key.id)) return;
    LiveEntry entry;
    entry.id = key.id;
    entry.state = LiveState::PENDING;
    entry.class_number = class_number;
    entry.priority = -key.negated_priority;
    entry.due = order_.DueOf(key);
    if (const auto alarm = alarms.find(key.id); alarm != alarms.end()) entry.alarm = alarm->second;
    live.push_back(entry);
  });
  for (const auto& [id, placed] : staged_) {
    if (tasks_.contains(id)) continue;
    const bool sealed = std::any_of(seals_.begin(), seals_.end(), [id = id](const IdRange& range) {
      return id >= range.first && id < range.first + range.count;
    });
    LiveEntry entry;
    entry.id = id;
    entry.state = sealed ? LiveState::PENDING : LiveState::STAGED;
    entry.class_number = placed.class_number;
    entry.priority = -placed.key.negated_priority;
    entry.due = order_.DueOf(placed.key);
    entry.alarm = placed.alarm;
    live.push_back(entry);
  }
  for (const auto& [id, damaged] : set_aside_) {
    if (damaged.entry.state == LiveState::PENDING && !damaged.entry.paused) live.push_back(damaged.entry);
  }
  for (const auto& [id, task] : tasks_) {
    if (!waiting_.contains(id)) live.push_back(EntryOf(*task));
  }
  for (const auto& [id, waiting] : waiting_) live.push_back(EntryOfWaiting(id, waiting));
  std::sort(live.begin(), live.end(), [](const LiveEntry& a, const LiveEntry& b) { return a.id < b.id; });
  return live;
}

std::vector<std::string> Engine::SchedulesForTest() const {
  std::vector<std::string> all;
  schedules_.ForEach([&](const Schedule& schedule) {
    all.push_back(
        absl::StrCat(schedule.name, ": ", schedule.row.ShortDebugString(), " | ", schedule.state.ShortDebugString()));
  });
  std::sort(all.begin(), all.end());
  return all;
}

Overdue Engine::OverdueForTest() const {
  Overdue overdue;
  for (const auto& [time, session] : session_timers_) {
    if (time <= lease_now_) overdue.sessions.insert(session);
  }
  for (const auto& [time, id] : timeouts_) {
    if (time <= lease_now_ || overdue.sessions.contains(tasks_.at(id)->session)) overdue.tasks.insert(id);
  }
  return overdue;
}

std::string Engine::BrokenInvariantForTest() const {
  size_t running = 0, body_bytes = 0, staged_ranges = 0;
  absl::flat_hash_map<SessionNumber, uint32_t> attempts;
  std::map<std::string, uint32_t> by_type;
  for (ClassNumber number = 1; number <= catalog_->class_count(); ++number) by_type[catalog_->Class(number).type] = 0;
  for (const auto& [id, task] : tasks_) {
    body_bytes += task->body != nullptr ? task->body_bytes : 0;
    const bool armed = alarms_.contains({task->alarm, id}) || ringing_.contains({task->alarm, id});
    if (task->alarm != AlarmOf(*task) || armed != (task->alarm != 0 && !staged_.contains(id))) {
      return absl::StrCat("the alarm of task ", id, " is wrong");
    }
    if (task->state != LiveState::RUNNING) continue;
    ++running;
    staged_ranges += task->staged.size();
    if (staging_.contains(id) == task->staged.empty()) return absl::StrCat("task ", id, " is among the wrong parents");
    ++attempts[task->session];
    ++by_type[catalog_->Class(task->class_number).type];
    if (!timeouts_.contains(TimeoutOf(*task))) return absl::StrCat("running task ", id, " has no timeout armed");
    const auto session = sessions_.find(task->session);
    if (session == sessions_.end()) return absl::StrCat("running task ", id, " has no session");
  }
  if (running != running_) return absl::StrCat(running, " tasks run, ", running_, " are counted");
  for (const auto& [type, count] : by_type) {
    if (dispatcher_.RunningOf(type) != count) {
      return absl::StrCat(count, " tasks of type ", type, " run, ", dispatcher_.RunningOf(type), " are counted");
    }
  }
  if (staged_ranges != staged_ranges_) return absl::StrCat(staged_ranges, " staged runs, ", staged_ranges_, " counted");
  if (timeouts_.size() != running_) return absl::StrCat(timeouts_.size(), " timeouts for ", running_, " attempts");
  if (body_bytes != resident_bytes_) return absl::StrCat(body_bytes, " bytes of bodies, ", resident_bytes_, " counted");
  for (const auto& [number, session] : sessions_) {
    if (session->attempts != attempts[number]) {
      return absl::StrCat("session ", number, " counts ", session->attempts, " attempts, has ", attempts[number]);
    }
    TypeSlots taken_of = session->taken_of;
    for (const auto& [attempt, held] : session->held) {
      const std::string type = held.class_number == 0 ? "" : catalog_->Class(held.class_number).type;
      if (const auto taken = taken_of.find(type); taken != taken_of.end()) --taken->second;
    }
    for (const auto& [type, count] : taken_of) {
      if (count != 0) return absl::StrCat("session ", number, " counts slots of type ", type, " wrongly");
    }
    if (!session_timers_.contains({session->timer, number})) return absl::StrCat("session ", number, " has no timer");
  }
  if (session_timers_.size() != sessions_.size()) return "a timer of a session that is gone";
  std::string broken;
  schedules_.ForEach([&](const Schedule& schedule) {
    const bool fires = !schedule.paused() && schedule.state.next_us() != 0;
    if (fires != schedules_.IsArmed(schedule)) broken = absl::StrCat("schedule ", schedule.name, " is armed wrongly");
  });
  if (!broken.empty()) return broken;
  for (const auto& [id, waiting] : waiting_) {
    if (waiting.remaining == 0 && !IsDoomed(waiting)) return absl::StrCat("task ", id, " waits for no child");
  }
  return "";
}

}  // namespace baton::engine
