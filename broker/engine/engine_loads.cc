// Tasks that are not in memory: asked for, waited for, taken in, and let go.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"

namespace baton::engine {

Task* Engine::Resident(TaskId id) {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : it->second.get();
}

std::shared_ptr<Parked> Engine::Park(std::unique_ptr<Command> command) {
  auto parked = std::make_shared<Parked>();
  parked->command = std::move(command);
  return parked;
}

void Engine::WithTask(TaskId id, Continuation then) {
  LoadedTask found;
  found.id = id;
  Task* task = Resident(id);
  if (task != nullptr) {
    found.state = task->state;
    return then(task, found);
  }
  if (id == 0 || id >= next_id_) return then(nullptr, found);
  LoadThen(id, std::move(then), /*with_body=*/false);
}

void Engine::LoadThen(TaskId id, Continuation then, bool with_body) {
  auto& waiting = loading_[id];
  waiting.push_back(std::move(then));
  if (waiting.size() > 1) return;
  // Many are asked for at once, as a rule.
  LoadRequest* last = batch_.LastLoad();
  if (last != nullptr && last->kind == LoadRequest::Kind::kTasks && last->with_bodies == with_body &&
      last->ids.size() < kReadAhead) {
    last->ids.push_back(id);
    return;
  }
  LoadRequest request;
  request.kind = LoadRequest::Kind::kTasks;
  request.ids = {id};
  request.with_bodies = with_body;
  batch_.Load(std::move(request));
}

void Engine::Apply(LoadResult loaded) {
  switch (loaded.request.kind) {
    case LoadRequest::Kind::kTasks:
      for (LoadedTask& task : loaded.tasks) AdoptLoaded(std::move(task));
      return;
    case LoadRequest::Kind::kAttempt: {
      const auto waiting = attempt_loads_.extract(
          std::pair(AttemptId{loaded.request.ids[0], loaded.request.attempt}, loaded.request.asked_in));
      for (const auto& then : waiting.mapped()) then(loaded);
      return;
    }
    case LoadRequest::Kind::kLiveIds:
    case LoadRequest::Kind::kPart:
    case LoadRequest::Kind::kMatches:
      return Found(loaded);
    case LoadRequest::Kind::kMembers:
      return MembersKnown(loaded);
    case LoadRequest::Kind::kEnded:
      return RetryKnowing(std::move(loaded));
  }
}

void Engine::AdoptLoaded(LoadedTask loaded) {
  const auto it = loading_.find(loaded.id);
  BATON_CHECK(it != loading_.end(), absl::StrCat("task ", loaded.id, " was loaded unasked"));
  std::vector<Continuation> waiting = std::move(it->second);
  loading_.erase(it);
  const bool resumed =
      loaded.state == LiveState::WAITING && !waiting_.contains(loaded.id) && Resident(loaded.id) == nullptr;
  if (changed_while_loading_.erase(loaded.id) > 0 || resumed) {
    // It has changed, or its last child has ended, after this was read.
    for (Continuation& then : waiting) LoadThen(loaded.id, std::move(then), /*with_body=*/false);
    return;
  }
  // One that is staged does not exist for anybody but its parent.
  if (loaded.state == LiveState::STAGED) loaded = {.id = loaded.id};
  const bool damaged = IsLive(loaded.state) && !loaded.damage.empty();
  if (damaged && Resident(loaded.id) == nullptr) SetAside(loaded.entry, loaded.damage);
  if (loaded.task != nullptr) Adopt(std::move(loaded.task));
  adopting_ = loaded.id;
  for (const Continuation& then : waiting) {
    // Each may end it.
    Task* task = Resident(loaded.id);
    if (task == nullptr && IsLive(loaded.state) && !damaged) loaded.state = adopted_ended_;
    then(task, loaded);
  }
  adopting_ = 0;
}

void Engine::SetAside(const LiveEntry& entry, const std::string& what) {
  if (entry.state == LiveState::PENDING) {
    order_.Remove(entry.class_number, order_.KeyOf(entry.priority, entry.due, entry.id));
    staged_.erase(entry.id);
  }
  DisarmAlarm(entry.id, entry.alarm);
  const bool added = set_aside_.insert_or_assign(entry.id, Damaged{entry, what}).second;
  if (!added || set_aside_.size() > kDamageWarnings) return;
  batch_.Warn(absl::StrCat(what, "; it is set aside, all others go on",
                           set_aside_.size() == kDamageWarnings ? "; further ones are not told of here" : ""));
}

void Engine::LoadAgain(const IdRange& range) {
  if (range.count < loading_.size()) {
    for (TaskId id = range.first; id < range.first + range.count; ++id) {
      if (loading_.contains(id)) changed_while_loading_.insert(id);
    }
    return;
  }
  for (const auto& [id, waiting] : loading_) {
    if (id >= range.first && id < range.first + range.count) changed_while_loading_.insert(id);
  }
}

void Engine::Adopt(std::unique_ptr<Task> task) {
  if (Task* resident = Resident(task->id); resident != nullptr) return TakeBody(*task, *resident);
  const auto parent = waiting_.find(task->id);
  if (parent != waiting_.end()) {
    task->remaining = parent->second.remaining;
    task->children_failed = parent->second.failed;
  }
  resident_bytes_ += task->body_bytes;
  adopted_.push_back(task->id);
  tasks_[task->id] = std::move(task);
}

// Of one that was kept without, if nothing has changed that its body tells.
void Engine::TakeBody(Task& loaded, Task& resident) {
  const bool lacks_it = resident.state == LiveState::PENDING && resident.body == nullptr && loaded.body != nullptr;
  if (!lacks_it || loaded.context_row != resident.context_row || loaded.decision_row != resident.decision_row) return;
  resident.body = std::move(loaded.body);
  resident.body_bytes = loaded.body_bytes;
  resident_bytes_ += resident.body_bytes;
  adopted_.push_back(resident.id);
}

void Engine::Unpin(TaskId id) {
  Task* task = Resident(id);
  if (task == nullptr || task->pins == 0) return;  // It has ended; nobody keeps what lives again under its id.
  --task->pins;
  adopted_.push_back(id);
  DropBeyondRoom(*task);
}

void Engine::DropBeyondRoom(Task& task) {
  if (task.state != LiveState::PENDING || HasRoomFor(0)) return;
  DropBody(task);
  adopted_.push_back(task.id);
}

void Engine::EvictIdle(TaskId id) {
  Task* task = Resident(id);
  if (task == nullptr || task->state == LiveState::RUNNING || task->pins > 0) return;
  const bool ready = task->state == LiveState::PENDING && !task->paused && task->due <= now_.wall;
  if (ready && task->body != nullptr) return;
  DropBody(*task);
  tasks_.erase(id);
}

}  // namespace baton::engine
