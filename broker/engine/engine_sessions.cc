// Workers that come, change and go.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"

namespace baton::engine {

using storage::Family;

namespace {

size_t TextBytesOf(const WorkerView& view) {
  // What a handler takes beside its texts, in a message, about.
  constexpr size_t kHandlerBytes = 64;
  size_t bytes = view.worker_id.size() + view.instance_id.size() + view.pod_id.size() + view.client.size();
  for (const std::string& capability : view.worker.capabilities) bytes += capability.size();
  for (const HandlerInfo& handler : view.worker.handlers) {
    bytes += handler.type.size() + handler.description.size() + kHandlerBytes;
  }
  return bytes;
}

}  // namespace

Session* Engine::FindSession(SessionNumber number) {
  const auto it = sessions_.find(number);
  return it == sessions_.end() ? nullptr : it->second.get();
}

Session* Engine::FindWorker(const std::string& worker_id) {
  const auto it = workers_.find(worker_id);
  return it == workers_.end() ? nullptr : FindSession(it->second);
}

void Engine::Hello(std::unique_ptr<Command> owned) {
  auto& hello = static_cast<HelloCommand&>(*owned);
  hello.error = RefuseHello(hello);
  if (!hello.error.ok()) return batch_.Answer(std::move(owned));
  Supersede(hello);

  auto fresh = std::make_unique<Session>();
  Session& session = *fresh;
  session.number = next_session_++;
  session.worker_id = hello.worker_id;
  session.instance_id = hello.instance_id;
  session.pod_id = hello.pod_id;
  session.pod_generation = hello.pod_generation;
  session.client = hello.client;
  session.worker = hello.worker;
  session.connected_at = now_.wall;
  session.open = true;
  BATON_CHECK(!sessions_.contains(session.number), absl::StrCat("session ", session.number, " exists already"));
  sessions_[session.number] = std::move(fresh);
  const Session* previous = FindWorker(hello.worker_id);
  const bool returns = previous != nullptr && previous->instance_id == hello.instance_id;
  const WorkerInfo before = returns ? previous->worker : WorkerInfo();
  TakeOver(hello, session);
  workers_[session.worker_id] = session.number;
  Renew(session);
  RegisterTypes(session.worker, before);
  CountSlots(session);
  UpdateLiveness(session);
  if (const Dismissal* dismissal = DismissalOf(session); dismissal != nullptr) Dismiss(session, dismissal->reason);
  hello.session = session.number;
  batch_.Answer(std::move(owned));
}

Error Engine::RefuseHello(const HelloCommand& hello) const {
  if (draining_) return Unavailable("DRAINING", "the broker is shutting down: reconnect with backoff");
  const auto known = workers_.find(hello.worker_id);
  if (known != workers_.end()) {
    const Session& other = *sessions_.find(known->second)->second;
    if (other.open && other.instance_id != hello.instance_id) {
      return AlreadyExists("WORKER_ID_IN_USE",
                           absl::StrCat("worker_id '", hello.worker_id, "' belongs to a live worker (instance ",
                                        other.instance_id, "): stop that one, or choose another worker_id"));
    }
  }
  if (hello.pod_id.empty()) return {};
  for (const auto& [number, other] : sessions_) {
    if (other->pod_id == hello.pod_id && other->open && other->pod_generation > hello.pod_generation &&
        other->instance_id != hello.instance_id) {
      return FailedPrecondition("SUPERSEDED",
                                absl::StrCat("pod '", hello.pod_id, "' is served by generation ", other->pod_generation,
                                             ", newer than this one (", hello.pod_generation, "): exit"));
    }
  }
  return {};
}

void Engine::Supersede(const HelloCommand& hello) {
  if (hello.pod_id.empty()) return;
  std::vector<Session*> older;
  for (const auto& [number, other] : sessions_) {
    if (other->pod_id == hello.pod_id && other->instance_id != hello.instance_id &&
        other->pod_generation < hello.pod_generation) {
      older.push_back(other.get());
    }
  }
  for (Session* other : older) {
    InterruptAll(*other, absl::StrCat("superseded by a newer generation of pod '", hello.pod_id, "'"));
    if (!other->open) {
      RemoveSession(*other);
      continue;
    }
    other->draining = true;
    UpdateLiveness(*other);
    batch_.OutputFor(other->number).orders.push_back({Order::Kind::kSuperseded, {}, hello.instance_id});
  }
}

void Engine::TakeOver(HelloCommand& hello, Session& session) {
  Session* previous = FindWorker(hello.worker_id);
  if (previous != nullptr && previous->instance_id != hello.instance_id) {
    InterruptAll(*previous, absl::StrCat("worker '", hello.worker_id, "' was restarted"));
    RemoveSession(*previous);
    previous = nullptr;
  }
  for (const AttemptId& attempt : hello.held) hello.verdicts.push_back(Judge(attempt, previous, session));
  NameSlots(hello, session);
  if (previous == nullptr) return;
  // What this process did not name was lost on the way, or never arrived.
  std::vector<std::pair<uint64_t, TaskId>> missing;
  for (const auto& [attempt, held] : previous->held) {
    const Task* task = FindAttempt(attempt);
    if (task != nullptr && task->session == previous->number) missing.emplace_back(held.delivery, attempt.task);
  }
  std::sort(missing.begin(), missing.end());
  for (const auto& [delivery, id] : missing) {
    Task& task = *Resident(id);
    if (delivery > hello.last_delivery) {
      Advance(task, Event::kReleased, {}, "broker");
    } else {
      InterruptWith(task, "its worker reconnected without it");
    }
  }
  RemoveSession(*previous);
}

Verdict Engine::Judge(const AttemptId& attempt, Session* previous, Session& session) {
  // The handler runs, whatever has become of its attempt: it takes a slot.
  Held& held = session.held[attempt];
  Task* task = FindAttempt(attempt);
  if (task != nullptr && previous != nullptr && task->session == previous->number) {
    --previous->attempts;
    previous->held.erase(attempt);
    held.class_number = task->class_number;
    ++session.attempts;
    task->session = session.number;
    StoreSession(session);
    Touch(*task);
    return Verdict::kValid;
  }
  if (previous != nullptr) {
    const auto before = previous->held.find(attempt);
    held.cancelled = before != previous->held.end() && before->second.cancelled;
    if (before != previous->held.end()) held.class_number = before->second.class_number;
  }
  return held.cancelled ? Verdict::kCancelled : Verdict::kOver;
}

void Engine::UpdateWorker(std::unique_ptr<Command> owned) {
  auto& command = static_cast<UpdateWorkerCommand&>(*owned);
  Session* session = FindSession(command.session);
  if (session != nullptr) {
    const WorkerInfo before = std::exchange(session->worker, command.worker);
    session->handlers.clear();
    CountSlots(*session);
    RegisterTypes(session->worker, before);
    UpdateLiveness(*session);
  }
  batch_.Answer(std::move(owned));
}

void Engine::RegisterTypes(const WorkerInfo& worker, const WorkerInfo& before) {
  absl::flat_hash_map<absl::string_view, const HandlerInfo*> registered;
  for (const HandlerInfo& handler : before.handlers) registered[handler.type] = &handler;
  for (const HandlerInfo& handler : worker.handlers) {
    // Repeated because of something else that changed, or of a new stream: another worker's definition may be newer.
    const auto same = registered.find(handler.type);
    if (same != registered.end() && *same->second == handler) continue;
    records::v1::TypeRow row;
    *row.mutable_options() = ToRecord(handler.options);
    row.set_description(handler.description);
    records::v1::TypeRow& known = types_[handler.type];
    if (known.has_pause()) *row.mutable_pause() = known.pause();
    if (known.has_limit()) *row.mutable_limit() = known.limit();
    row.set_registered_us(known.registered_us());
    if (known.registered_us() != 0 && row.SerializeAsString() == known.SerializeAsString()) continue;
    row.set_registered_us(now_.wall);
    known = row;
    batch_.writes().Put(Family::kMeta, TypeMetaKey(handler.type), row.SerializeAsString());
    last_placement_ = {};
  }
}

void Engine::StoreSession(Session& session) {
  if (session.stored) return;
  session.stored = true;
  records::v1::SessionRow row;
  row.set_worker_id(session.worker_id);
  row.set_instance_id(session.instance_id);
  row.set_pod_id(session.pod_id);
  row.set_pod_generation(session.pod_generation);
  batch_.writes().Put(Family::kMeta, SessionMetaKey(session.number), row.SerializeAsString());
}

void Engine::StreamClosed(std::unique_ptr<Command> owned) {
  Session* session = FindSession(static_cast<StreamClosedCommand&>(*owned).session);
  if (session != nullptr && session->open) {
    session->open = false;
    if (session->attempts == 0) {
      RemoveSession(*session);
    } else {
      UpdateLiveness(*session);
      session->grace_deadline = lease_now_ + settings_.grace;
      Arm(*session);
    }
  }
  batch_.Answer(std::move(owned));
}

void Engine::Pace(std::unique_ptr<Command> owned) {
  const auto& command = static_cast<PaceCommand&>(*owned);
  Session* session = FindSession(command.session);
  if (session != nullptr) {
    session->behind = command.behind;
    UpdateSlots(*session);
  }
  batch_.Answer(std::move(owned));
}

void Engine::RemoveSession(Session& session) {
  dispatcher_.RemoveWorker(session.number);
  if (session.stored) batch_.writes().Delete(Family::kMeta, SessionMetaKey(session.number));
  const auto known = workers_.find(session.worker_id);
  if (known != workers_.end() && known->second == session.number) workers_.erase(known);
  Disarm(session);
  routing_changed_ = true;
  sessions_.erase(session.number);
}

void Engine::InterruptAll(Session& session, const std::string& why) { InterruptUpTo(session, why, SIZE_MAX); }

bool Engine::InterruptUpTo(Session& session, const std::string& why, size_t most) {
  std::vector<TaskId> ids;
  for (const auto& [attempt, held] : session.held) {
    const Task* task = FindAttempt(attempt);
    if (task != nullptr && task->session == session.number) ids.push_back(attempt.task);
  }
  std::sort(ids.begin(), ids.end());
  for (const TaskId id : ids) {
    if (batch_.bytes() >= most) return false;
    InterruptWith(*Resident(id), why);
  }
  return true;
}

void Engine::InterruptWith(Task& task, const std::string& why) {
  Step content;
  content.set_error(why);
  const uint32_t interruptions = task.interruptions + 1;
  if (interruptions > settings_.max_interruptions) {
    content.set_error(absl::StrCat("interrupted ", interruptions, " times, the limit is ", settings_.max_interruptions,
                                   " (limits.interruptions): does the task end its workers? The last time: ", why));
  }
  Advance(task, Event::kInterrupted, {content.SerializeAsString()}, "broker");
}

void Engine::UpdateLiveness(Session& session) {
  dispatcher_.SetWorker(session.number, session.worker, session.accepts());
  UpdateSlots(session);
  routing_changed_ = true;
}

void Engine::UpdateSlots(Session& session) {
  dispatcher_.SetSlots(session.number, static_cast<uint32_t>(session.held.size()), session.worker.slots,
                       session.accepts() && !session.behind, session.taken_of);
  slots_changed_ = true;
}

WorkerView Engine::ViewOf(const Session& session) const {
  WorkerView view;
  view.worker_id = session.worker_id;
  view.instance_id = session.instance_id;
  view.pod_id = session.pod_id;
  view.client = session.client;
  view.session = session.number;
  view.connected = session.open;
  view.draining = session.draining;
  view.worker = session.worker;
  view.slots_taken = static_cast<uint32_t>(session.held.size());
  view.attempts = session.attempts;
  view.connected_at = session.connected_at;
  view.last_seen_age = lease_now_ - session.last_heard;
  for (const auto& [attempt, held] : session.held) view.tasks.push_back(attempt.task);
  std::sort(view.tasks.begin(), view.tasks.end());
  if (view.tasks.size() > 100) view.tasks.resize(100);
  return view;
}

void Engine::ListWorkers(std::unique_ptr<Command> owned) {
  auto& command = static_cast<ListWorkersCommand&>(*owned);
  size_t bytes = 0;
  for (auto it = sessions_.upper_bound(command.after); it != sessions_.end(); ++it) {
    command.more = command.workers.size() >= command.most || bytes >= command.most_bytes;
    if (command.more) break;
    command.workers.push_back(ViewOf(*it->second));
    bytes += TextBytesOf(command.workers.back());
  }
  batch_.Answer(std::move(owned));
}

void Engine::Drain(std::unique_ptr<Command> owned) {
  draining_ = true;
  for (const auto& [number, session] : sessions_) {
    if (!session->open || session->draining) continue;
    session->draining = true;
    UpdateLiveness(*session);
    batch_.OutputFor(number).orders.push_back({Order::Kind::kDrain, {}, static_cast<DrainCommand&>(*owned).reason});
  }
  drains_.push_back(std::move(owned));
}

}  // namespace baton::engine
