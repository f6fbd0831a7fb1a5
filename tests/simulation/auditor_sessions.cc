// Workers that come, beat, fall silent and go.
#include <algorithm>

#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

std::pair<TaskId, uint32_t> KeyOf(const AttemptId& attempt) { return {attempt.task, attempt.attempt}; }

}  // namespace

void Auditor::ExpectInterruptions(const ModelSession& session, const std::string& cause) {
  for (const TaskId id : model_.RunningIn(session.number)) Expect(id, Step::INTERRUPTED, cause);
}

void Auditor::FreeSlot(SessionNumber number, const AttemptId& attempt) {
  if (ModelSession* session = model_.Session(number); session != nullptr) session->held.erase(KeyOf(attempt));
}

std::string Auditor::PredictHello(const engine::HelloCommand& hello) {
  if (draining_) return "DRAINING";
  const ModelSession* known = model_.Worker(hello.worker_id);
  if (known != nullptr && known->open && known->instance_id != hello.instance_id) return "WORKER_ID_IN_USE";
  if (hello.pod_id.empty()) return "";
  for (const auto& [number, other] : model_.sessions) {
    if (other.pod_id == hello.pod_id && other.open && other.instance_id != hello.instance_id &&
        other.pod_generation > hello.pod_generation) {
      return "SUPERSEDED";
    }
  }
  return "";
}

void Auditor::AppliesHello(const engine::HelloCommand& hello) {
  std::string& reason = waiting_[&hello].reason;
  reason = PredictHello(hello);
  if (!reason.empty()) return;
  for (auto it = model_.sessions.begin(); it != model_.sessions.end();) {
    ModelSession& other = it->second;
    const bool older = !hello.pod_id.empty() && other.pod_id == hello.pod_id &&
                       other.instance_id != hello.instance_id && other.pod_generation < hello.pod_generation;
    if (older) ExpectInterruptions(other, "its pod was superseded");
    if (older && !other.open) {
      it = model_.sessions.erase(it);
      continue;
    }
    if (older) {
      other.draining = true;
      expected_orders_[other.number] = "superseded";
    }
    ++it;
  }
  ModelSession fresh;
  fresh.number = kFreshSession;
  fresh.worker_id = hello.worker_id;
  fresh.instance_id = hello.instance_id;
  fresh.pod_id = hello.pod_id;
  fresh.pod_generation = hello.pod_generation;
  fresh.worker = hello.worker;
  fresh.open = true;
  fresh.draining = dismissed_.contains({hello.worker_id, hello.instance_id});
  Renew(fresh);
  verdicts_.clear();
  const ModelSession* previous = model_.Worker(hello.worker_id);
  const bool returns = previous != nullptr && previous->instance_id == hello.instance_id;
  const engine::WorkerInfo before = returns ? previous->worker : engine::WorkerInfo();
  TakeOver(hello, &fresh);
  model_.sessions[kFreshSession] = std::move(fresh);
  RegisterTypes(hello.worker, before);
}

void Auditor::TakeOver(const engine::HelloCommand& hello, ModelSession* fresh) {
  ModelSession* previous = model_.Worker(hello.worker_id);
  if (previous != nullptr && previous->instance_id != hello.instance_id) {
    ExpectInterruptions(*previous, "its worker was restarted");
    model_.sessions.erase(previous->number);
    previous = nullptr;
  }
  for (const AttemptId& attempt : hello.held) {
    ModelHeld& held = fresh->held[KeyOf(attempt)];
    const ModelTask* running = model_.Running(attempt);
    if (running != nullptr && previous != nullptr && running->session == previous->number) {
      model_.Change(attempt.task).session = kFreshSession;
      previous->held.erase(KeyOf(attempt));
      held.type = running->type;
      verdicts_.push_back(engine::Verdict::kValid);
      continue;
    }
    const bool known = previous != nullptr && previous->held.contains(KeyOf(attempt));
    if (known) held.type = previous->held.at(KeyOf(attempt)).type;
    held.cancelled = known && previous->held.at(KeyOf(attempt)).cancelled;
    verdicts_.push_back(held.cancelled ? engine::Verdict::kCancelled : engine::Verdict::kOver);
  }
  for (size_t i = 0; i < hello.held_types.size(); ++i) {
    std::string& type = fresh->held[KeyOf(hello.held[i])].type;
    if (type.empty()) type = hello.held_types[i];
  }
  if (previous == nullptr) return;
  for (const TaskId id : model_.RunningIn(previous->number)) {
    const auto held = previous->held.find({id, model_.At(id).attempt});
    REQUIRE(held != previous->held.end(), "nobody holds ", Describe(model_.At(id)));
    const bool never_came = held->second.delivery > hello.last_delivery;
    Expect(id, never_came ? Step::RELEASED : Step::INTERRUPTED, "its worker reconnected without it");
  }
  model_.sessions.erase(previous->number);
}

void Auditor::AppliesUpdate(const engine::UpdateWorkerCommand& command) {
  ModelSession* session = model_.Session(command.session);
  if (session == nullptr) return;
  RegisterTypes(command.worker, session->worker);
  session->worker = command.worker;
}

// What a process only says again tells nothing new.
void Auditor::RegisterTypes(const engine::WorkerInfo& worker, const engine::WorkerInfo& before) {
  for (const engine::HandlerInfo& handler : worker.handlers) {
    const engine::HandlerInfo* said = model_.Handler(before, handler.type);
    if (said == nullptr || !(*said == handler)) model_.types[handler.type] = handler.options;
  }
}

void Auditor::AppliesClosed(const engine::StreamClosedCommand& command) {
  ModelSession* session = model_.Session(command.session);
  if (session == nullptr || !session->open) return;
  session->open = false;
  if (model_.RunningIn(command.session).empty()) {
    model_.sessions.erase(command.session);
  } else {
    session->grace = lease_now_ + settings_.grace;
  }
}

void Auditor::AppliesBeat(const engine::HeartbeatCommand& beat) {
  beat_answer_ = {};
  ModelSession* session = model_.Session(beat.session);
  beat_reconnects_ = session == nullptr || session->instance_id != beat.instance_id;
  if (beat_reconnects_ || beat.number <= session->last_beat) return;
  session->last_beat = beat.number;
  Renew(*session);
  if (!beat.stream_open) {
    session->open = false;
    session->grace = 0;
  }
  TakeInBeat(beat, *session);
  if (session->restored) return;
  std::set<std::pair<TaskId, uint32_t>> listed;
  for (const engine::HeldAttempt& held : beat.held) listed.insert(KeyOf(held.attempt));
  std::erase_if(session->held, [&](const auto& held) {
    if (held.second.delivery > beat.last_delivery || listed.contains(held.first)) return false;
    const ModelTask* running = model_.Running({held.first.first, held.first.second});
    if (running != nullptr && running->session == session->number) {
      Expect(running->id, Step::INTERRUPTED, "its worker beats without it");
    }
    return true;
  });
  ExpectRecalls(beat, *session);
}

void Auditor::ExpectRecalls(const engine::HeartbeatCommand& beat, const ModelSession& session) {
  if (draining_ || !session.accepts()) return;
  for (const engine::HeldAttempt& held : beat.held) {
    const ModelTask* task = model_.Running(held.attempt);
    const bool waits = task != nullptr && task->session == session.number && !held.running.has_value() &&
                       session.held.contains(KeyOf(held.attempt));
    if (waits && model_.IsPaused(*task)) expected_recalls_.insert(KeyOf(held.attempt));
  }
}

void Auditor::CheckRecall(const engine::Order& order, const ModelSession& session) {
  size_t moved = 0;
  for (const AttemptId& attempt : order.attempts) {
    if (expected_recalls_.erase(KeyOf(attempt)) > 0) {
      coverage_->Count("Order: recall of what is paused");
      continue;
    }
    const ModelTask* task = model_.Running(attempt);
    REQUIRE(task != nullptr && task->session == session.number && !task->started && session.accepts() && !draining_,
            "attempt ", attempt.attempt, " of task ", attempt.task, " is recalled and was begun, or is held by others");
    REQUIRE(CouldBegin(*task, session, ++moved), "recalled, and nobody else could begin it sooner: ", Describe(*task));
    coverage_->Count("Order: recall for another worker");
  }
}

bool Auditor::CouldBegin(const ModelTask& task, const ModelSession& holder, size_t more) const {
  return std::any_of(model_.sessions.begin(), model_.sessions.end(), [&](const auto& entry) {
    const ModelSession& other = entry.second;
    const bool takes = other.accepts() && !other.behind && other.held.size() < other.worker.slots &&
                       Model::Fits(other.worker, task.type, task.required) && other.HasRoomFor(task.type) &&
                       other.worker.capabilities.size() <= holder.worker.capabilities.size();
    return takes && (other.held.size() + more) * holder.worker.slots + more * other.worker.slots <=
                        holder.held.size() * other.worker.slots;
  });
}

void Auditor::TakeInBeat(const engine::HeartbeatCommand& beat, ModelSession& session) {
  for (uint32_t i = 0; i < beat.held.size(); ++i) {
    const engine::HeldAttempt& held = beat.held[i];
    const ModelTask* running = model_.Running(held.attempt);
    if (running == nullptr || running->session != session.number) {
      const auto slot = session.held.find(KeyOf(held.attempt));
      const bool cancelled = slot != session.held.end() && slot->second.cancelled;
      (cancelled ? beat_answer_.second : beat_answer_.first).push_back(i);
      continue;
    }
    if (running->started) continue;
    const Micros timeout = running->settled->timeout;
    ModelTask& task = model_.Change(running->id);
    const Micros ran = std::clamp<Micros>(held.running.value_or(0), 0, timeout);
    task.deadline = lease_now_ - ran + timeout;
    if (task.report_deadline != 0) {
      task.report_deadline = std::max(task.report_deadline, lease_now_ - ran + task.settled->progress_timeout);
    }
    task.started = held.running.has_value();
  }
}

void Auditor::AppliesDrainWorker(const engine::DrainWorkerCommand& command) {
  ModelSession* session = model_.Worker(command.worker_id);
  if (session == nullptr) {
    waiting_[&command].reason = "WORKER_NOT_FOUND";
  } else if (dismissed_.insert({session->worker_id, session->instance_id}).second) {
    session->draining = true;
    if (session->open) expected_orders_[session->number] = "dismiss";
  }
}

bool Auditor::WasWritten(const engine::Engine& engine, TaskId id, Step::Kind kind) const {
  bool found = false;
  size_t at = 0;
  engine.OpenBatchForTest().writes().ForEach(
      [&](storage::WriteBatch::Op op, storage::Family family, absl::string_view key, absl::string_view value) {
        const bool is_row = family == storage::Family::kLog || family == storage::Family::kEnd;
        const bool is_step = is_row && op == storage::WriteBatch::Op::kPut;
        if (at++ < seen_.writes || !is_step || engine::ReadU64(key) != id) return;
        Step step;
        REQUIRE(step.ParseFromArray(value.data(), static_cast<int>(value.size())), "an unreadable step was written");
        found |= step.kind() == kind;
      });
  return found;
}

// What one round has no room for is left to the next.
void Auditor::ExpectExpiry(const engine::Engine& engine) {
  const engine::Overdue left = engine.OverdueForTest();
  const bool cut = settings_.work.open_batch_bytes < engine::kWorkBounds.open_batch_bytes && engine.has_more();
  REQUIRE(left.empty() || cut, left.sessions.size(), " workers and ", left.tasks.size(), " attempts are overdue");
  if (!left.empty()) coverage_->Count("round: leaves what is overdue to the next one");
  for (auto it = model_.sessions.begin(); it != model_.sessions.end();) {
    ModelSession& session = it->second;
    const bool grace_over = session.grace != 0 && session.grace <= lease_now_;
    const bool silent = session.lease <= lease_now_;
    if (!grace_over && !silent) {
      ++it;
      continue;
    }
    for (const TaskId id : model_.RunningIn(session.number)) {
      if (left.tasks.contains(id)) continue;
      // A round may have no room for all that is taken from lost workers any more, but for an alarm.
      if (cut && IsOverdue(model_.At(id)) && !WasWritten(engine, id, Step::INTERRUPTED)) continue;
      Expect(id, Step::INTERRUPTED, grace_over ? "its worker did not come back" : "its worker is silent");
    }
    REQUIRE(grace_over || !beat_waits(session.number), "worker '", session.worker_id,
            "' is said to be silent, but its beat waits at the broker");
    if (left.sessions.contains(session.number)) {
      session.silent |= session.open;  // It gets nothing meanwhile.
      ++it;
      continue;
    }
    if (!session.open) {
      it = model_.sessions.erase(it);
      continue;
    }
    session.silent = true;
    session.lease = lease_now_ + settings_.beat_window;
    ++it;
  }
  std::set<TaskId> interrupted;
  for (const Expected& expected : expected_) interrupted.insert(expected.task);
  for (const TaskId id : model_.live) {
    const ModelTask& task = model_.At(id);
    const bool silent = task.report_deadline != 0 && task.report_deadline <= lease_now_;
    if (task.state != LiveState::RUNNING || interrupted.contains(id) || left.tasks.contains(id)) continue;
    // A round may have no room for its timeout any more, but for its alarm.
    if (cut && IsOverdue(task) && !WasWritten(engine, id, Step::TIMED_OUT)) continue;
    if (task.deadline <= lease_now_ || silent) {
      Expect(id, Step::TIMED_OUT, silent ? "it did not report" : "its time is over");
    }
  }
}

void Auditor::RestoreSessions(Now now) {
  std::map<SessionNumber, ModelSession> before = std::exchange(model_.sessions, {});
  for (const TaskId id : model_.live) {
    if (model_.At(id).state != LiveState::RUNNING) continue;
    ModelTask& task = model_.Change(id);
    task.started = false;
    const Micros progress_timeout = task.settled->progress_timeout;
    task.report_deadline = progress_timeout != 0 ? lease_now_ + std::max(progress_timeout, settings_.beat_window) : 0;
    const Micros left = std::min<Micros>(task.claimed + task.settled->timeout - now.wall, task.settled->timeout);
    task.deadline = lease_now_ + std::max(left, settings_.beat_window);
    ModelSession& session = model_.sessions[task.session];
    if (session.number == 0) {
      const ModelSession& known = before[task.session];
      session.number = task.session;
      session.worker_id = known.worker_id;
      session.instance_id = known.instance_id;
      session.pod_id = known.pod_id;
      session.pod_generation = known.pod_generation;
      session.restored = true;
      Renew(session);
    }
    session.held[{id, task.attempt}].type = task.type;
  }
}

}  // namespace baton::simulation
