// Who may get what, besides what workers say: limits of types and handlers, and workers that are to leave.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/engine/engine.h"
#include "broker/engine/routing_commands.h"

namespace baton::engine {

using storage::Family;

// ── Limits ───────────────────────────────────────────────────────────────────────────────────────────────────────

void Engine::SetTypeLimit(std::unique_ptr<Command> owned) {
  auto& command = static_cast<SetTypeLimitCommand&>(*owned);
  const auto known = types_.find(command.type);
  const uint32_t before = known == types_.end() ? 0 : known->second.limit().max_running();
  if (command.max_running != before) {
    records::v1::TypeRow& row = types_[command.type];
    row.clear_limit();
    if (command.max_running != 0) {
      row.mutable_limit()->set_max_running(command.max_running);
      row.mutable_limit()->set_actor(command.actor);
      row.mutable_limit()->set_reason(command.reason);
      row.mutable_limit()->set_time_us(now_.wall);
    }
    dispatcher_.LimitType(command.type, command.max_running);
    StoreType(command.type);
    routing_changed_ = true;
  }
  command.running = dispatcher_.RunningOf(command.type);
  batch_.Answer(std::move(owned));
}

void Engine::StoreType(const std::string& type) {
  const records::v1::TypeRow& row = types_[type];
  if (row.registered_us() == 0 && !row.has_pause() && !row.has_limit()) {
    // Nothing else was ever known of it.
    batch_.writes().Delete(Family::kMeta, TypeMetaKey(type));
    types_.erase(type);
  } else {
    batch_.writes().Put(Family::kMeta, TypeMetaKey(type), row.SerializeAsString());
  }
}

void Engine::NameSlots(const HelloCommand& hello, Session& session) const {
  for (size_t i = 0; i < hello.held_types.size(); ++i) {
    Held& held = session.held[hello.held[i]];
    if (held.class_number != 0) continue;
    const std::vector<ClassNumber> classes = catalog_->ClassesOf(hello.held_types[i]);
    if (!classes.empty()) held.class_number = classes.front();
  }
}

void Engine::CountSlots(Session& session) {
  session.taken_of.clear();
  for (const HandlerInfo& handler : session.worker.handlers) {
    if (handler.max_concurrency != 0) session.taken_of[handler.type] = 0;
  }
  if (session.taken_of.empty()) return;
  for (const auto& [attempt, held] : session.held) CountSlot(session, held, 1);
}

void Engine::CountSlot(Session& session, const Held& held, int32_t change) {
  if (session.taken_of.empty() || held.class_number == 0) return;
  const auto taken = session.taken_of.find(catalog_->Class(held.class_number).type);
  if (taken != session.taken_of.end()) taken->second += change;
}

bool Engine::DropSlot(Session& session, const AttemptId& attempt) {
  const auto held = session.held.find(attempt);
  if (held == session.held.end()) return false;
  CountSlot(session, held->second, -1);
  session.held.erase(held);
  return true;
}

// ── Workers that are to leave ────────────────────────────────────────────────────────────────────────────────────

void Engine::DrainWorker(std::unique_ptr<Command> owned) {
  auto& command = static_cast<DrainWorkerCommand&>(*owned);
  Session* session = FindWorker(command.worker_id);
  if (session == nullptr) {
    command.error = NotFound("WORKER_NOT_FOUND", absl::StrCat("there is no live worker '", command.worker_id,
                                                              "': it has left, or never came; see ListWorkers"));
  } else {
    command.attempts = session->attempts;
    if (DismissalOf(*session) == nullptr) {
      dismissals_.push_back({session->worker_id, session->instance_id, command.reason});
      if (dismissals_.size() > kDismissals) dismissals_.pop_front();
      Dismiss(*session, command.reason);
    }
  }
  batch_.Answer(std::move(owned));
}

void Engine::Dismiss(Session& session, const std::string& reason) {
  session.draining = true;
  UpdateLiveness(session);
  if (session.open) batch_.OutputFor(session.number).orders.push_back({Order::Kind::kDismiss, {}, reason});
}

const Dismissal* Engine::DismissalOf(const Session& session) const {
  const auto found = std::find_if(dismissals_.begin(), dismissals_.end(), [&](const Dismissal& dismissal) {
    return dismissal.worker_id == session.worker_id && dismissal.instance_id == session.instance_id;
  });
  return found == dismissals_.end() ? nullptr : &*found;
}

}  // namespace baton::engine
