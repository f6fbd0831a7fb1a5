// What submitters and operators do to tasks.
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"

namespace baton::engine {
namespace {

using records::v1::JobRow;

Error UnknownTask(const LoadedTask& found) {
  if (found.state == LiveState::REMOVED) {
    return NotFound("TASK_EXPIRED", absl::StrCat("task ", found.id, " is no longer retained"));
  }
  return NotFound("TASK_NOT_FOUND", absl::StrCat("there is no task ", found.id));
}

}  // namespace

void Engine::Cancel(std::unique_ptr<Command> owned) {
  const TaskId id = static_cast<CancelCommand&>(*owned).task;
  const auto parked = Park(std::move(owned));
  WithTask(id, [this, parked](Task* task, const LoadedTask& found) {
    auto& command = static_cast<CancelCommand&>(*parked->command);
    if (task != nullptr) {
      CancelTask(*task, command.actor, command.reason, 0);
    } else if (found.state == LiveState::COMPLETED || found.state == LiveState::FAILED) {
      command.error = FailedPrecondition(
          "TASK_TERMINAL", absl::StrCat("task ", command.task, " has ended already (",
                                        found.state == LiveState::COMPLETED ? "COMPLETED" : "PERMANENTLY_FAILED",
                                        "): there is nothing to cancel"));
    } else if (found.state != LiveState::CANCELLED) {
      command.error = UnknownTask(found);
    }
    batch_.Answer(std::move(parked->command));
  });
}

void Engine::CancelTask(Task& task, const std::string& actor, const std::string& reason, uint64_t job) {
  if (task.state == LiveState::RUNNING) {
    const AttemptId attempt{task.id, task.attempt};
    if (Session* session = FindSession(task.session); session != nullptr) {
      const auto held = session->held.find(attempt);
      if (held != session->held.end()) held->second.cancelled = true;
      if (session->open) OrderCancel(*session, attempt, reason);
    }
  }
  Descend(task, job, JobRow::CANCEL, actor, reason);
  Step content;
  content.set_reason(reason);
  Advance(task, Event::kCancelled, {content.SerializeAsString()}, actor);
}

void Engine::OrderCancel(const Session& session, const AttemptId& attempt, const std::string& reason) {
  std::vector<Order>& orders = batch_.OutputFor(session.number).orders;
  if (orders.empty() || orders.back().kind != Order::Kind::kCancel || orders.back().text != reason) {
    orders.push_back({Order::Kind::kCancel, {}, reason});
  }
  orders.back().attempts.push_back(attempt);
}

void Engine::Resume(std::unique_ptr<Command> owned) {
  const TaskId id = static_cast<ResumeCommand&>(*owned).task;
  const auto parked = Park(std::move(owned));
  WithTask(id, [this, parked](Task* task, const LoadedTask& found) {
    auto& command = static_cast<ResumeCommand&>(*parked->command);
    if (task == nullptr && !IsTerminal(found.state)) {
      command.error = UnknownTask(found);
    } else if (task != nullptr && task->state == LiveState::SUSPENDED && command.stage.has_value() &&
               *command.stage != task->stage) {
      command.error = FailedPrecondition(
          "STAGE_OVER", absl::StrCat("the decision is about stage ", *command.stage, " of task ", command.task,
                                     ", which waits at stage ", task->stage, ": look at what it asks now"));
    } else if (task != nullptr && task->state == LiveState::SUSPENDED) {
      Advance(*task, Event::kResumed, {command.step, false, command.has_decision, false}, command.actor);
    } else if (task != nullptr && task->state == LiveState::WAITING) {
      command.error = FailedPrecondition(
          "WAITS_FOR_CHILDREN", absl::StrCat("task ", command.task, " waits for ", waiting_[command.task].remaining,
                                             " children: it goes on when they end"));
    } else {
      const bool paused = task != nullptr && task->paused;
      command.error = FailedPrecondition(
          "NOT_SUSPENDED", absl::StrCat("task ", command.task, " is not suspended but ",
                                        LiveState_Name(task != nullptr ? task->state : found.state),
                                        paused ? ", and paused: UnpauseTask lets it go on" : ""));
    }
    batch_.Answer(std::move(parked->command));
  });
}

void Engine::Pause(std::unique_ptr<Command> owned) {
  const TaskId id = static_cast<PauseCommand&>(*owned).task;
  const auto parked = Park(std::move(owned));
  WithTask(id, [this, parked](Task* task, const LoadedTask& found) {
    auto& command = static_cast<PauseCommand&>(*parked->command);
    if (task == nullptr && IsTerminal(found.state)) {
      command.error =
          FailedPrecondition("TASK_TERMINAL", absl::StrCat("task ", command.task, " has ended already (",
                                                           LiveState_Name(found.state), "): it does not go on anyway"));
    } else if (task == nullptr) {
      command.error = UnknownTask(found);
    } else if (!command.pause && !task->paused && !command.cascade) {
      command.error = FailedPrecondition(
          "NOT_PAUSED", absl::StrCat("task ", command.task, " is not paused but ", LiveState_Name(task->state)));
    } else {
      PauseTask(*task, command.pause, command.actor, command.reason);
      command.state = task->state;
      const JobRow::Verb verb = command.pause ? JobRow::PAUSE : JobRow::UNPAUSE;
      if (command.cascade) Descend(*task, 0, verb, command.actor, command.reason);
    }
    batch_.Answer(std::move(parked->command));
  });
}

void Engine::PauseType(std::unique_ptr<Command> owned) {
  auto& command = static_cast<PauseTypeCommand&>(*owned);
  const auto known = types_.find(command.type);
  const bool paused = known != types_.end() && known->second.has_pause();
  if (!command.pause && !paused) {
    command.error =
        FailedPrecondition("NOT_PAUSED", absl::StrCat("type '", command.type, "' is not paused: see ListTypes"));
  } else if (command.pause != paused) {
    records::v1::TypeRow& row = types_[command.type];
    row.clear_pause();
    if (command.pause) {
      row.mutable_pause()->set_actor(command.actor);
      row.mutable_pause()->set_reason(command.reason);
      row.mutable_pause()->set_time_us(now_.wall);
    }
    dispatcher_.PauseType(command.type, command.pause);
    if (!command.pause && row.registered_us() == 0) {
      // Nothing else was ever known of it.
      batch_.writes().Delete(storage::Family::kMeta, TypeMetaKey(command.type));
      types_.erase(command.type);
    } else {
      batch_.writes().Put(storage::Family::kMeta, TypeMetaKey(command.type), row.SerializeAsString());
    }
  }
  batch_.Answer(std::move(owned));
}

void Engine::PauseTask(Task& task, bool pause, const std::string& actor, const std::string& reason) {
  if (task.paused == pause) return;
  // Only a pending task stands in the order, and not while it is paused: whatever state it comes to beneath the pause,
  // it is put there when that ends.
  if (task.state == LiveState::PENDING) LeaveState(task);
  task.paused = pause;
  Step content;
  content.set_reason(reason);
  const std::string bytes = content.SerializeAsString();
  WriteStep(task, pause ? Step::PAUSED : Step::UNPAUSED, {bytes}, actor, AttemptOf(task));
  Touch(task);
  if (task.state == LiveState::WAITING) waiting_[task.id].paused = pause;
  if (task.state != LiveState::PENDING) return;
  if (pause) {
    DropBody(task);
  } else {
    Enqueue(task.class_number, KeyOf(task.priority, task.due, task.id));
  }
}

}  // namespace baton::engine
