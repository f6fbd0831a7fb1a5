// What had ended goes on: the end that it had becomes a step of its history, and it is pending again.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/engine/engine.h"
#include "broker/engine/refusals.h"

namespace baton::engine {

using storage::Family;

void Engine::Retry(std::unique_ptr<Command> owned) {
  auto& command = static_cast<RetryCommand&>(*owned);
  if (command.task == 0 || command.task >= next_id_) {
    command.error = UnknownTask(command.task, LiveState::NONE);
    return batch_.Answer(std::move(owned));
  }
  Retrying retrying{command.task, command.from_start, command.actor, command.reason};
  retrying.tell = [this, parked = Park(std::move(owned))](const Error& error) {
    parked->command->error = error;
    batch_.Answer(std::move(parked->command));
  };
  BeginRetry(std::move(retrying));
}

void Engine::BeginRetry(Retrying retrying) {
  const uint64_t number = next_asked_++;
  retrying_[number] = std::move(retrying);
  LoadEnded(number);
}

void Engine::LoadEnded(uint64_t number) {
  Retrying& retrying = retrying_.at(number);
  retrying.stale = false;
  LoadRequest request;
  request.kind = LoadRequest::Kind::kEnded;
  request.ids = {retrying.task};
  request.asked_in = number;
  batch_.Load(std::move(request));
}

void Engine::RetryKnowing(LoadResult loaded) {
  const uint64_t number = loaded.request.asked_in;
  const bool key_is_old =
      loaded.end.task != nullptr && !loaded.end.task->unique.empty() && loaded.end.as_of < keys_.floor();
  if (retrying_.at(number).stale || key_is_old) return LoadEnded(number);
  const Retrying retrying = std::move(retrying_.extract(number).mapped());
  const Error error = RefuseRetry(retrying, loaded);
  if (error.ok()) Revive(std::move(loaded.end), retrying);
  retrying.tell(error);
}

Error Engine::RefuseRetry(const Retrying& retrying, const LoadResult& loaded) const {
  const std::string task = absl::StrCat("task ", retrying.task);
  const LiveState state = loaded.state;
  if (!loaded.damage.empty()) return StoreDamaged(loaded.damage);
  if (state == LiveState::NONE || state == LiveState::STAGED || state == LiveState::REMOVED) {
    return UnknownTask(retrying.task, state);
  }
  if (state == LiveState::COMPLETED) {
    return FailedPrecondition("TASK_COMPLETED", absl::StrCat(task,
                                                             " is COMPLETED, and its result stands: submit a new "
                                                             "task to have the work done once more"));
  }
  if (!IsTerminal(state)) {
    return FailedPrecondition("NOT_ENDED", absl::StrCat(task, " is ", StateName(state),
                                                        ": only one that has failed or was cancelled is retried"));
  }
  const bool waited = loaded.end.from == LiveState::WAITING || loaded.end.from == LiveState::SUSPENDED;
  if (!retrying.from_start && waited) {
    return FailedPrecondition("NO_STAGE_TO_REPEAT",
                              absl::StrCat(task, " ended while it waited, not in an attempt: retry it from the start"));
  }
  if (IsBeingDeleted(retrying.task)) {
    return FailedPrecondition("BEING_DELETED", absl::StrCat(task, " is being deleted with its whole workflow"));
  }
  return RefuseRevival(*loaded.end.task, loaded.end.key_holder);
}

Error Engine::RefuseRevival(const Task& task, TaskId key_holder) const {
  const std::string name = absl::StrCat("task ", task.id);
  if (task.parent != 0) {
    const auto parent = waiting_.find(task.parent);
    if (parent == waiting_.end() || parent->second.generation != task.parent_generation || IsDoomed(parent->second)) {
      return FailedPrecondition("PARENT_WENT_ON",
                                absl::StrCat(name, " is a child of task ", task.parent,
                                             ", which does not wait for it any more: retry that one from the start"));
    }
  }
  const WallMicros begin_by = task.attempt == 0 ? task.start_by : 0;
  for (const WallMicros deadline : {task.end_by, begin_by}) {
    if (deadline == 0 || deadline > now_.wall) continue;
    return FailedPrecondition("DEADLINE_OVER",
                              absl::StrCat(name, " had to ", deadline == begin_by ? "begin" : "end", " by ",
                                           absl::FormatTime(absl::FromUnixMicros(deadline)), ": submit a new task"));
  }
  const TaskId holder = task.unique.empty() ? 0 : keys_.Holder(task.unique, key_holder);
  if (holder == 0) return {};
  return AlreadyExists("UNIQUE_KEY_IN_USE", absl::StrCat("the unique key of ", name, " is in use by task ", holder,
                                                         ", which has not ended"));
}

void Engine::Revive(EndedTask ended, const Retrying& retrying) {
  Task& task = *ended.task;
  const LiveState was = task.state;
  batch_.writes().Delete(Family::kEnd, EndKey(task.id));
  batch_.writes().Put(Family::kLog, LogKey(task.id, ++task.log_rows), ended.row);
  batch_.Revived(EntryOf(task), was);
  EndedChanged({task.id, 1});
  revived_[PageOf(task.id)] = batch_.number();
  last_revival_ = batch_.number();
  LoadAgain({task.id, 1});
  if (was == LiveState::FAILED) task.error_row = task.log_rows;
  task.paused = false;
  if (retrying.from_start) {
    task.context_row = task.decision_row = task.progress_row = 0;
    task.children.clear();
    task.children_failed = 0;
  }
  if (!task.unique.empty()) {
    records::v1::KeyRow row;
    row.set_task(task.id);
    row.set_time_us(now_.wall);
    batch_.writes().Put(Family::kKey, UniqueKey(task.unique), row.SerializeAsString());
    keys_.SetHolder(task.unique, task.id, batch_.number());
  }
  if (task.parent != 0) {
    Waiting& parent = waiting_.at(task.parent);
    ++parent.remaining;
    --parent.failed;
    touched_waiting_.insert(task.parent);
  }
  Step content;
  content.set_reason(retrying.reason);
  const Event event = retrying.from_start ? Event::kRestarted : Event::kRetried;
  tasks_[task.id] = std::move(ended.task);
  Advance(task, event, {content.SerializeAsString()}, retrying.actor);
  if (task.schedule != 0) FiringRevived(task.schedule, task.id);
}

void Engine::EndedChanged(const IdRange& range) {
  for (uint64_t page = PageOf(range.first); page <= PageOf(range.first + range.count - 1); ++page) {
    ended_changed_[page] = batch_.number();
  }
  for (auto& [number, retrying] : retrying_) {
    if (retrying.task >= range.first && retrying.task < range.first + range.count) retrying.stale = true;
  }
}

}  // namespace baton::engine
