// Creating tasks.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"
#include "broker/engine/refusals.h"

namespace baton::engine {
namespace {

// Appends the fields of a TaskRow that the engine decides.
void AppendTaskRow(const Task& task, WallMicros scheduled, std::string* row) {
  records::v1::TaskRow tail;
  tail.set_class_number(task.class_number);
  tail.set_priority(task.priority);
  tail.set_due_us(task.due);
  tail.set_created_us(task.created);
  tail.set_parent(task.parent);
  tail.set_root(task.root == task.id ? 0 : task.root);
  tail.set_generation(task.parent_generation);
  tail.set_depth(task.depth);
  tail.set_schedule_number(task.schedule);
  tail.set_scheduled_us(scheduled);
  tail.set_start_by_us(task.start_by);
  tail.set_end_by_us(task.end_by);
  if (task.inherited != nullptr) *tail.mutable_inherited() = ToRecord(*task.inherited);
  tail.AppendToString(row);
}

}  // namespace

void Engine::Submit(std::unique_ptr<Command> owned) { SubmitKnowing(Park(std::move(owned))); }

void Engine::SubmitKnowing(const std::shared_ptr<Parked>& parked) {
  auto& command = static_cast<SubmitCommand&>(*parked->command);
  // Holders of unique keys have to be at hand before anything is decided. While some were fetched, others may have
  // taken their places, and what was looked up may have become too old.
  std::vector<TaskId> missing;
  const bool answered = RefuseOldLookUps(command) || AnswerRepeated(command);
  for (const NewTask& task : command.tasks) {
    if (answered || task.unique.empty() || !task.error.ok()) continue;
    const TaskId holder = keys_.Holder(task.unique, task.found);
    if (holder == 0 || Resident(holder) != nullptr || set_aside_.contains(holder)) continue;
    if (!HasGone(holder, *parked)) missing.push_back(holder);
  }
  if (missing.empty()) {
    if (!answered) SubmitAll(command);
    for (const TaskId id : parked->pinned) Unpin(id);
    return batch_.Answer(std::move(parked->command));
  }
  parked->waiting = missing.size();
  for (const TaskId holder : missing) {
    WithTask(holder, [this, parked, holder](Task* task, const LoadedTask&) {
      Keep(holder, task, *parked);
      if (--parked->waiting > 0) return;
      if (batch_.bytes() < settings_.work.open_batch_bytes) return SubmitKnowing(parked);
      ready_submits_.push_back(parked);
      has_more_ = true;
    });
  }
}

void Engine::Keep(TaskId holder, Task* task, Parked& parked) {
  if (task != nullptr) {
    ++task->pins;
    parked.pinned.push_back(holder);
    return;
  }
  if (std::exchange(parked.gone_in, closed_batches_) != closed_batches_) parked.gone.clear();
  parked.gone.push_back(holder);
}

// In the batch that was open then: until it is closed whatever lives again is in memory.
bool Engine::HasGone(TaskId holder, const Parked& parked) const {
  return parked.gone_in == closed_batches_ &&
         std::find(parked.gone.begin(), parked.gone.end(), holder) != parked.gone.end();
}

void Engine::SubmitReady() {
  while (!ready_submits_.empty() && batch_.bytes() < settings_.work.open_batch_bytes) {
    const std::shared_ptr<Parked> parked = std::move(ready_submits_.front());
    ready_submits_.pop_front();
    SubmitKnowing(parked);
  }
  if (!ready_submits_.empty()) has_more_ = true;
}

bool Engine::RefuseOldLookUps(SubmitCommand& command) const {
  const bool looked_up =
      !command.request.empty() ||
      std::any_of(command.tasks.begin(), command.tasks.end(), [](const NewTask& task) { return !task.unique.empty(); });
  if (!looked_up || command.looked_up_at >= keys_.floor()) return false;
  command.error = Unavailable("OVERLOADED", "the broker was too busy to check the request id; send the call again");
  return true;
}

bool Engine::AnswerRepeated(SubmitCommand& command) {
  if (command.request.empty()) return false;
  const records::v1::KeyRow* row = keys_.Request(command.request);
  if (row == nullptr && command.found_request.has_value()) row = &*command.found_request;
  if (row == nullptr || now_.wall - row->time_us() > kDay) return false;
  if (row->body_hash() != command.body.Bytes()) {
    command.error = InvalidArgument("REQUEST_ID_REUSED",
                                    "request_id was used with other tasks within the last 24 h: use a new one");
    return true;
  }
  command.results.resize(command.tasks.size());
  size_t index = 0;
  for (const records::v1::Range& run : row->tasks()) {
    for (uint64_t i = 0; i < run.count() && index < command.results.size(); ++i, ++index) {
      command.results[index] = RepeatedResult(command.tasks[index], run.first() != 0 ? run.first() + i : 0);
    }
  }
  for (const records::v1::KeyRow::Existing& existing : row->existing()) {
    if (existing.item() >= command.results.size()) break;
    SubmitResult& result = command.results[existing.item()];
    result.existing = true;
    result.state = existing.state();
  }
  return true;
}

// `id`: what the task became; 0: it was refused.
SubmitResult Engine::RepeatedResult(const NewTask& task, TaskId id) {
  SubmitResult result;
  const ClassNumber class_number =
      catalog_->FindClass(task.type, MergedOptions(task, nullptr).required_capabilities.value_or(Capabilities()));
  if (id != 0) {
    result.id = id;
    result.state = LiveState::PENDING;
    result.runnable = class_number != 0 && dispatcher_.Runnable(class_number);
  } else if (!task.error.ok()) {
    result.error = task.error;
  } else if (task.unique.empty() || (class_number == 0 && catalog_->class_count() >= kMaxClasses)) {
    result.error = TooManyTypes(task.type);
  } else {
    const TaskId holder = keys_.Holder(task.unique, task.found);
    result.error = AlreadyExists(
        "UNIQUE_KEY_IN_USE",
        absl::StrCat("unique_key was in use when this request came first, and a repeated request is answered as it "
                     "was then; ",
                     holder == 0 ? "nobody has it now" : absl::StrCat("task ", holder, " has it now"),
                     ": to have it tried again, send a new request_id"));
  }
  return result;
}

void Engine::SubmitAll(SubmitCommand& command) {
  command.results.resize(command.tasks.size());
  for (size_t i = 0; i < command.tasks.size(); ++i) SubmitOne(command, i);
  if (!command.request.empty()) RememberRequest(command);
}

void Engine::SubmitOne(SubmitCommand& command, size_t index) {
  NewTask& task = command.tasks[index];
  SubmitResult& result = command.results[index];
  if (!task.error.ok()) {
    result.error = task.error;
    return;
  }
  if (!task.unique.empty() && ResolveUnique(command, task, &result)) return;
  const Placement placement = Place(task, nullptr);
  if (placement.class_number == 0) {
    result.error = TooManyTypes(task.type);
    return;
  }
  const Hash128 unique = task.unique;
  result.id = Create(task, placement, {}, LiveState::PENDING);
  result.state = LiveState::PENDING;
  result.runnable = dispatcher_.Runnable(placement.class_number);
  if (unique.empty()) return;
  records::v1::KeyRow row;
  row.set_task(result.id);
  row.set_time_us(now_.wall);
  batch_.writes().Put(storage::Family::kKey, UniqueKey(unique), row.SerializeAsString());
  keys_.SetHolder(unique, result.id, batch_.number());
}

bool Engine::ResolveUnique(const SubmitCommand& command, const NewTask& task, SubmitResult* result) {
  const TaskId holder = keys_.Holder(task.unique, task.found);
  if (holder == 0) return false;
  Task* existing = Resident(holder);
  if (const auto damaged = set_aside_.find(holder); damaged != set_aside_.end()) {
    result->error = StoreDamaged(absl::StrCat("unique_key is in use by ", damaged->second.what));
    return true;
  }
  if (existing == nullptr) return false;  // It has ended since it was found.
  if (task.policy == UniquePolicy::kReject) {
    result->error = AlreadyExists("UNIQUE_KEY_IN_USE",
                                  absl::StrCat("unique_key is in use by task ", holder, " of type '", task.type,
                                               "', which has not ended: use its id, or another key"));
    return true;
  }
  if (task.policy == UniquePolicy::kReplacePending && existing->state == LiveState::PENDING && existing->attempt == 0) {
    CancelTask(*existing, command.actor, "replaced by a newer task with the same unique key", 0);
    return false;
  }
  result->id = holder;
  result->existing = true;
  result->state = existing->state;
  result->paused = existing->paused;
  result->runnable = dispatcher_.Runnable(existing->class_number);
  return true;
}

void Engine::RememberRequest(SubmitCommand& command) {
  records::v1::KeyRow row;
  row.set_body_hash(command.body.Bytes());
  row.set_time_us(now_.wall);
  records::v1::Range* run = nullptr;
  for (size_t i = 0; i < command.results.size(); ++i) {
    const SubmitResult& result = command.results[i];
    if (result.existing) {
      records::v1::KeyRow::Existing* existing = row.add_existing();
      existing->set_item(static_cast<uint32_t>(i));
      existing->set_state(result.state);
    }
    const bool continues =
        run != nullptr &&
        (result.id == 0 ? run->first() == 0 : run->first() != 0 && run->first() + run->count() == result.id);
    if (!continues) {
      run = row.add_tasks();
      run->set_first(result.id);
    }
    run->set_count(run->count() + 1);
  }
  batch_.writes().Put(storage::Family::kKey, RequestKey(RequestWindowOf(now_.wall), command.request),
                      row.SerializeAsString());
  keys_.SetRequest(command.request, std::move(row), batch_.number());
}

Options Engine::MergedOptions(const NewTask& task, const Options* inherited) const {
  const auto definition = types_.find(task.type);
  Options merged = task.options != nullptr ? *task.options : Options();
  if (definition != types_.end()) merged = engine::Complete(merged, FromRecord(definition->second.options()));
  if (inherited != nullptr) merged = engine::Complete(merged, *inherited);
  return merged;
}

Placement Engine::Place(const NewTask& task, const Options* inherited) {
  const std::string& type = task.type;
  // Batches are of one type as a rule.
  const bool plain = task.options == nullptr && inherited == nullptr;
  if (plain && type == last_placed_type_ && last_placement_.class_number != 0) return last_placement_;
  const Options merged = MergedOptions(task, inherited);
  const Capabilities required = merged.required_capabilities.value_or(Capabilities());
  if (catalog_->class_count() >= kMaxClasses && catalog_->FindClass(type, required) == 0) return {};
  const Catalog::Interned interned = catalog_->InternClass(type, required);
  if (interned.added) {
    records::v1::ClassRow row;
    row.set_type(type);
    row.mutable_required_capabilities()->mutable_names()->Add(required.begin(), required.end());
    batch_.writes().Put(storage::Family::kMeta, ClassMetaKey(interned.number), row.SerializeAsString());
  }
  const Placement placement{interned.number, merged.priority.value_or(settings_.defaults.priority)};
  if (plain) {
    last_placed_type_ = type;
    last_placement_ = placement;
  }
  return placement;
}

TaskId Engine::Create(NewTask& source, const Placement& placement, const Parent& parent, LiveState state) {
  const bool staged = state == LiveState::STAGED;
  auto task = std::make_unique<Task>();
  task->id = next_id_++;
  task->state = state;
  task->class_number = placement.class_number;
  task->priority = placement.priority;
  task->created = now_.wall;
  task->due = std::max(source.due, now_.wall + source.delay);
  task->root = parent.task != nullptr ? parent.task->root : task->id;
  if (parent.task != nullptr) {
    task->parent = parent.task->id;
    task->parent_generation = parent.task->generation + 1;
    task->depth = parent.task->depth + 1;
    task->inherited = parent.inherited;
  }
  task->unique = source.unique;
  task->options = std::move(source.options);
  task->trace = std::move(source.trace);
  task->schedule = source.schedule;
  task->tag_hash = source.tag_hash;
  if (source.start_timeout != 0) task->start_by = task->due + source.start_timeout;
  if (source.total_timeout != 0) task->end_by = task->due + source.total_timeout;
  task->alarm = AlarmOf(*task);
  AppendTaskRow(*task, source.scheduled, &source.row);
  batch_.writes().Put(storage::Family::kTask, TaskKey(task->id), source.row);
  batch_.Created(
      {task->id, task->class_number, task->priority, task->due, staged, task->parent, source.tag_hash, task->alarm});
  const TaskId id = task->id;
  const OrderKey key = order_.KeyOf(task->priority, task->due, id);
  if (staged) {
    staged_[id] = {placement.class_number, key, task->alarm};
    return id;
  }
  ArmAlarm(id, task->alarm);
  if (task->due <= now_.wall && StaysResident(placement.class_number, source.row.size())) {
    task->body_bytes = source.row.size();
    task->body = std::make_shared<TaskBody>();
    task->body->task_row = std::move(source.row);
    resident_bytes_ += task->body_bytes;
    tasks_[id] = std::move(task);
  } else if (!task->unique.empty()) {
    // At hand until the batch is closed: another task of the same call may have the same key.
    adopted_.push_back(id);
    tasks_[id] = std::move(task);
  }
  Enqueue(placement.class_number, key);
  return id;
}

}  // namespace baton::engine
