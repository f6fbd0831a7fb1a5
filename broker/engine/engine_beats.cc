// Signs of life, and their absence.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/engine/engine.h"

namespace baton::engine {

void Engine::Heartbeat(std::unique_ptr<Command> owned) {
  auto& beat = static_cast<HeartbeatCommand&>(*owned);
  Session* session = FindSession(beat.session);
  if (session == nullptr || session->instance_id != beat.instance_id) {
    beat.reconnect = true;
  } else if (beat.number > session->last_beat) {
    session->last_beat = beat.number;
    const bool accepted = session->accepts();
    Renew(*session);
    if (!beat.stream_open) {
      // The worker knows that it has to come back: the beat window counts from here.
      session->open = false;
      session->grace_deadline = 0;
    }
    TakeIn(beat, *session, &beat);
    JudgeMissing(beat, *session);
    if (session->accepts() != accepted) UpdateLiveness(*session);
    UpdateSlots(*session);
    RecallUnstarted(beat, *session);
  }
  batch_.Answer(std::move(owned));
}

void Engine::Renew(Session& session) {
  session.silent = false;
  session.last_heard = lease_now_;
  session.lease_deadline = lease_now_ + settings_.beat_window;
  Arm(session);
}

void Engine::Arm(Session& session) {
  SteadyMicros next = session.lease_deadline;
  if (session.grace_deadline != 0) next = std::min(next, session.grace_deadline);
  // A deadline that moved away is found out when the timer fires.
  if (session.timer != 0 && session.timer <= next) return;
  session_timers_.erase({session.timer, session.number});
  session.timer = next;
  session_timers_.insert({next, session.number});
}

void Engine::Disarm(Session& session) {
  session_timers_.erase({session.timer, session.number});
  session.timer = 0;
}

void Engine::TakeIn(const HeartbeatCommand& beat, Session& session, HeartbeatCommand* answer) {
  for (uint32_t i = 0; i < beat.held.size(); ++i) {
    const HeldAttempt& held = beat.held[i];
    Task* task = FindAttempt(held.attempt);
    if (task == nullptr || task->session != session.number) {
      const auto slot = session.held.find(held.attempt);
      const bool cancelled = slot != session.held.end() && slot->second.cancelled;
      (cancelled ? answer->cancelled : answer->over).push_back(i);
      continue;
    }
    // The timeouts count from the handler's start.
    if (task->started) continue;
    const Settled& options = SettledFor(*task);
    const Micros ran = std::clamp<Micros>(held.running.value_or(0), 0, options.timeout);
    timeouts_.erase(TimeoutOf(*task));
    task->deadline = lease_now_ - ran + options.timeout;
    if (task->report_deadline != 0) {
      task->report_deadline = std::max(task->report_deadline, lease_now_ - ran + options.progress_timeout);
    }
    task->started = held.running.has_value();
    timeouts_.insert(TimeoutOf(*task));
  }
}

void Engine::JudgeMissing(const HeartbeatCommand& beat, Session& session) {
  if (session.restored) return;
  absl::flat_hash_set<AttemptId> listed;
  for (const HeldAttempt& held : beat.held) listed.insert(held.attempt);
  std::vector<AttemptId> missing;
  for (const auto& [attempt, held] : session.held) {
    if (held.delivery <= beat.last_delivery && !listed.contains(attempt)) missing.push_back(attempt);
  }
  std::sort(missing.begin(), missing.end(), [](const AttemptId& a, const AttemptId& b) { return a.task < b.task; });
  for (const AttemptId& attempt : missing) {
    DropSlot(session, attempt);
    Task* task = FindAttempt(attempt);
    if (task != nullptr && task->session == session.number) InterruptWith(*task, "its worker does not have it");
  }
}

void Engine::RecallUnstarted(const HeartbeatCommand& beat, const Session& session) {
  if (draining_ || !session.accepts()) return;
  std::vector<std::pair<uint64_t, const Task*>> unstarted;  // By delivery: the last of them would begin last.
  for (const HeldAttempt& held : beat.held) {
    if (held.running.has_value()) continue;
    const Task* task = FindAttempt(held.attempt);
    const auto slot = session.held.find(held.attempt);
    const bool waits =
        task != nullptr && task->session == session.number && !task->started && slot != session.held.end();
    if (waits) unstarted.emplace_back(slot->second.delivery, task);
  }
  if (unstarted.empty()) return;
  std::sort(unstarted.begin(), unstarted.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first, a.second->id) > std::pair(b.first, b.second->id);
  });
  // As long as there is something to hand out, the others have enough to do.
  const bool idle = !dispatcher_.Next(order_).has_value();
  absl::flat_hash_map<ClassNumber, uint32_t> room;
  uint32_t moved = 0;
  Order recall{Order::Kind::kRecall, {}, ""};
  for (const auto& [delivery, task] : unstarted) {
    bool goes = task->paused || dispatcher_.IsPaused(task->class_number);
    if (!goes && idle && order_.QueueAt(task->class_number).empty()) {
      const auto [known, added] = room.try_emplace(task->class_number);
      if (added) known->second = dispatcher_.RoomElsewhere(task->class_number, session.number);
      goes = moved < known->second;
      moved += goes ? 1 : 0;
    }
    if (goes) recall.attempts.push_back({task->id, task->attempt});
  }
  if (!recall.attempts.empty()) batch_.OutputFor(session.number).orders.push_back(std::move(recall));
}

// Or else one that is not lost yet would be given what was taken from another.
void Engine::SilenceOverdue() {
  for (auto timer = session_timers_.begin(); timer != session_timers_.end() && timer->first <= lease_now_; ++timer) {
    Session& session = *sessions_[timer->second];
    if (!session.open || session.silent || !Due(session.lease_deadline)) continue;
    session.silent = true;
    UpdateLiveness(session);
  }
}

void Engine::ExpireSessions() {
  SilenceOverdue();
  // Some whatever fills the batch, or else nobody would be lost for as long as it is full.
  const size_t most = MostBytes();
  for (size_t fired = 0; !session_timers_.empty() && session_timers_.begin()->first <= lease_now_; ++fired) {
    if (fired == settings_.work.round_timers || !Expire(*sessions_[session_timers_.begin()->second], most)) {
      has_more_ = true;
      return;
    }
  }
}

// False: the batch is full, and the rest has to wait for the next round. Each may have thousands of attempts.
bool Engine::Expire(Session& session, size_t most) {
  if (Due(session.grace_deadline)) {
    const std::string why = absl::StrCat("worker '", session.worker_id, "' closed its stream and did not come back");
    if (!InterruptUpTo(session, why, most)) return false;
    RemoveSession(session);
  } else if (Due(session.lease_deadline)) {
    const std::string why = absl::StrCat("no heartbeat from worker '", session.worker_id, "' for ",
                                         absl::FormatDuration(absl::Microseconds(settings_.beat_window)));
    if (!InterruptUpTo(session, why, most)) return false;
    Disarm(session);
    Silence(session);
  } else {
    Disarm(session);
    Arm(session);
  }
  return true;
}

void Engine::Silence(Session& session) {
  if (!session.open) return RemoveSession(session);
  // Its stream may be open for long (a stopped process): it gets nothing until it beats again.
  session.silent = true;
  session.lease_deadline = lease_now_ + settings_.beat_window;
  UpdateLiveness(session);
  Arm(session);
}

std::pair<SteadyMicros, TaskId> Engine::TimeoutOf(const Task& task) {
  const bool report = task.report_deadline != 0 && task.report_deadline < task.deadline;
  return {report ? task.report_deadline : task.deadline, task.id};
}

void Engine::HasReported(Task& task) {
  if (task.report_deadline == 0) return;
  timeouts_.erase(TimeoutOf(task));
  task.report_deadline = lease_now_ + SettledFor(task).progress_timeout;
  timeouts_.insert(TimeoutOf(task));
}

void Engine::ExpireAttempts() {
  for (size_t fired = 0; !timeouts_.empty() && timeouts_.begin()->first <= lease_now_; ++fired) {
    if (fired == settings_.work.round_timers) {
      has_more_ = true;
      return;
    }
    Task& task = *Resident(timeouts_.begin()->second);
    Step content;
    const Settled& options = SettledFor(task);
    const bool silent = task.report_deadline != 0 && task.report_deadline < task.deadline;
    content.set_error(
        absl::StrCat("timed out: attempt ", task.attempt, silent ? " reported no progress for " : " took longer than ",
                     absl::FormatDuration(absl::Microseconds(silent ? options.progress_timeout : options.timeout))));
    Advance(task, Event::kTimedOut, {content.SerializeAsString()}, "broker");
  }
}

}  // namespace baton::engine
