// Handing tasks out.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"

namespace baton::engine {
namespace {

// Settled for good: neither a restart with other defaults nor another worker changes them.
ClaimOptions OptionsOf(const HandlerInfo& handler, const Options& configuration, const DefaultOptions& defaults) {
  ClaimOptions options{handler.options, {}};
  // Settled when a task is created.
  options.handler.priority.reset();
  options.handler.required_capabilities.reset();
  const Settled settled = Settle(configuration, defaults);
  options.fallback.timeout = settled.timeout;
  options.fallback.max_retries = settled.max_retries;
  options.fallback.retry_interval = settled.retry_interval;
  options.fallback.retry_backoff = settled.retry_backoff;
  options.fallback.retry_interval_cap = settled.retry_interval_cap;
  // The default jitter depends on the backoff, which others may set.
  options.fallback.retry_jitter = configuration.retry_jitter;
  options.fallback.progress_timeout = configuration.progress_timeout;
  return options;
}

}  // namespace

void Engine::Dispatch() {
  if (draining_) return;
  const size_t most = MostBytes();
  for (size_t claimed = 0; claimed < kRoundItems && batch_.bytes() < most; ++claimed) {
    const std::optional<Dispatcher::Choice> choice = dispatcher_.Next(order_);
    if (!choice.has_value()) return;
    Task* task = Resident(choice->key.id);
    if (task == nullptr || task->body == nullptr) {
      AwaitHead(choice->class_number);
    } else if (IsOrphan(*task)) {
      CancelTask(*task, "broker", "its parent has ended", 0);
    } else {
      Claim(*task, *FindSession(choice->session));
    }
  }
  has_more_ = true;
}

size_t Engine::MostBytes() const {
  const WorkBounds& work = settings_.work;
  return std::min(std::max(work.open_batch_bytes, batch_.bytes() + work.open_batch_bytes / 4), work.most_batch_bytes());
}

bool Engine::IsOrphan(const Task& task) const {
  if (task.parent == 0) return false;
  const auto parent = waiting_.find(task.parent);
  return parent == waiting_.end() || parent->second.generation != task.parent_generation;
}

void Engine::Claim(Task& task, Session& session) {
  const HandlerRef& handler = HandlerFor(session, task.class_number);
  order_.Remove(task.class_number, order_.KeyOf(task.priority, task.due, task.id));
  StoreSession(session);
  task.state = LiveState::RUNNING;
  ++task.attempt;
  task.session = session.number;
  task.handler_version = handler.version;
  if (task.options_number == 0) task.options_number = handler.options_number;
  task.claimed = now_.wall;
  // One fact, so that the journal need not tell both; the wall clock may have been set back since.
  task.due = std::min(std::max(task.due, task.created), task.claimed);
  task.ready = task.due;
  task.started = false;
  const Settled& options = SettledFor(task);
  task.deadline = lease_now_ + options.timeout;
  task.report_deadline = options.progress_timeout != 0 ? lease_now_ + options.progress_timeout : 0;
  timeouts_.insert(TimeoutOf(task));
  ++running_;
  dispatcher_.AttemptBegan(task.class_number);
  SetAlarm(task);
  Touch(task);

  Delivery delivery;
  delivery.number = ++session.last_delivery;
  delivery.attempt = {task.id, task.attempt};
  delivery.type = catalog_->Class(task.class_number).type;
  delivery.body = task.body;
  delivery.stage = task.stage;
  delivery.timeout = options.timeout;
  delivery.parent = task.parent;
  delivery.root = task.root;
  delivery.priority = task.priority;
  delivery.failures = task.failures;
  delivery.max_retries = options.max_retries;
  delivery.children = CountOf(task.children);
  delivery.children_failed = task.children_failed;
  delivery.handler_version = handler.version;
  delivery.created = task.created;
  Held& held = session.held[delivery.attempt];
  held.delivery = delivery.number;
  held.class_number = task.class_number;
  CountSlot(session, held, 1);
  ++session.attempts;
  UpdateSlots(session);
  batch_.Deliver(session.number, std::move(delivery));
  // Kept for a retry at once, but not where it takes up the room of those that wait.
  if (resident_bytes_ > settings_.resident_bytes / 2) DropBody(task);
  CountClaimed(task.class_number);
  RememberClaim(task.class_number);
}

const HandlerRef& Engine::HandlerFor(Session& session, ClassNumber class_number) {
  const auto [it, added] = session.handlers.try_emplace(class_number);
  if (!added) return it->second;
  const std::string& type = catalog_->Class(class_number).type;
  const auto handler = std::find_if(session.worker.handlers.begin(), session.worker.handlers.end(),
                                    [&](const HandlerInfo& candidate) { return candidate.type == type; });
  BATON_CHECK(handler != session.worker.handlers.end(), absl::StrCat("no handler for ", type));
  const ClaimOptions options = OptionsOf(*handler, session.worker.default_options, settings_.defaults);
  const Catalog::Interned interned = catalog_->InternOptions(options);
  if (interned.added) {
    batch_.writes().Put(storage::Family::kMeta, OptionsMetaKey(interned.number), ToRecord(options).SerializeAsString());
  }
  it->second = {interned.number, handler->version};
  return it->second;
}

const Settled& Engine::SettledFor(const Task& task) {
  static const Options kNone;
  if (task.options != nullptr || task.inherited != nullptr) {
    settled_own_ =
        Settle(task.options != nullptr ? *task.options : kNone, task.inherited != nullptr ? *task.inherited : kNone,
               catalog_->OptionsAt(task.options_number), settings_.defaults);
    return settled_own_;
  }
  while (settled_.size() <= task.options_number) {
    const OptionsNumber number = static_cast<OptionsNumber>(settled_.size());
    settled_.push_back(
        Settle(kNone, kNone, number == 0 ? ClaimOptions() : catalog_->OptionsAt(number), settings_.defaults));
  }
  return settled_[task.options_number];
}

void Engine::AwaitHead(ClassNumber class_number) {
  dispatcher_.Hold(class_number, true);
  Ahead& ahead = ahead_[class_number];
  ahead.held = true;
  if (ahead.reading > 0) return;
  ahead.ready = 0;
  ReadNext(class_number, ahead);
}

void Engine::CountClaimed(ClassNumber class_number) {
  const auto it = ahead_.find(class_number);
  if (it == ahead_.end()) return;
  Ahead& ahead = it->second;
  if (ahead.ready > 0) --ahead.ready;
  if (ahead.reading > 0 || ahead.ready > ahead.window) return;
  if (order_.QueueAt(class_number).size() > ahead.ready) return ReadNext(class_number, ahead);
  ahead_.erase(it);
}

void Engine::ReadNext(ClassNumber class_number, Ahead& ahead) {
  std::vector<TaskId> ids;
  size_t looked_at = 0;
  for (const OrderKey& key : order_.QueueAt(class_number)) {
    if (looked_at++ < ahead.ready) continue;
    if (looked_at > ahead.ready + ahead.window) break;
    const Task* task = Resident(key.id);
    if (task == nullptr || task->body == nullptr) ids.push_back(key.id);
  }
  ahead.ready += ahead.window;
  ahead.reading = ids.size();
  ahead.read = ahead.read_bytes = 0;
  for (const TaskId id : ids) {
    LoadThen(
        id, [this, class_number](const Task* task, const LoadedTask&) { HasRead(class_number, task); },
        /*with_body=*/true);
  }
}

void Engine::HasRead(ClassNumber class_number, const Task* task) {
  Ahead& ahead = ahead_.at(class_number);
  // Others were being read already, for somebody who did not need their bodies: they tell nothing of their size.
  if (task != nullptr && task->body != nullptr) {
    ++ahead.read;
    ahead.read_bytes += task->body_bytes;
  }
  if (--ahead.reading > 0) return;
  if (ahead.read > 0) {
    const size_t bytes_each = std::max<size_t>(ahead.read_bytes / ahead.read, 1);
    ahead.window = std::clamp<size_t>(kReadAheadBytes / bytes_each, 1, kReadAhead);
  }
  if (std::exchange(ahead.held, false)) dispatcher_.Hold(class_number, false);
}

void Engine::FreeSlot(SessionNumber number, const AttemptId& attempt) {
  Session* session = FindSession(number);
  if (session != nullptr && DropSlot(*session, attempt)) UpdateSlots(*session);
}

void Engine::Enqueue(ClassNumber class_number, const OrderKey& key) {
  if (order_.Insert(class_number, key, now_.wall) && order_.QueueAt(class_number).front() == key) {
    dispatcher_.ClassReady(class_number);
  }
}

bool Engine::HasRoomFor(size_t body_bytes) const {
  return tasks_.size() < settings_.resident_tasks && resident_bytes_ + body_bytes <= settings_.resident_bytes;
}

bool Engine::StaysResident(ClassNumber class_number, size_t body_bytes) {
  if (!HasRoomFor(body_bytes)) return false;
  return dispatcher_.Runnable(class_number) || (tasks_.size() < (settings_.resident_tasks + 1) / 2 &&
                                                resident_bytes_ + body_bytes <= settings_.resident_bytes / 2);
}

}  // namespace baton::engine
