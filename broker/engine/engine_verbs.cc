// What submitters and operators do to tasks.
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"
#include "broker/engine/refusals.h"

namespace baton::engine {
namespace {

using records::v1::JobRow;

// Commands of a round, and rounds of a batch, are far fewer.
constexpr uint64_t kStampsOfACommit = uint64_t{1} << 24;

JobRow JobOf(uint64_t mark, const PauseCommand& command) {
  JobRow row;
  row.set_verb(command.pause ? JobRow::PAUSE : JobRow::UNPAUSE);
  row.set_mark(mark);
  row.set_actor(command.actor);
  row.set_reason(command.reason);
  return row;
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
      command.error =
          FailedPrecondition("TASK_TERMINAL", absl::StrCat("task ", command.task, " has ended already (",
                                                           StateName(found.state), "): there is nothing to cancel"));
    } else if (found.state != LiveState::CANCELLED) {
      command.error = UnknownTask(found);
    }
    batch_.Answer(std::move(parked->command));
  });
}

void Engine::CancelTask(Task& task, const std::string& actor, const std::string& reason, uint64_t job) {
  CallOff(task, actor, reason, job);
  Step content;
  content.set_reason(reason);
  Advance(task, Event::kCancelled, {content.SerializeAsString()}, actor);
}

void Engine::CallOff(Task& task, const std::string& actor, const std::string& reason, uint64_t job) {
  if (task.state == LiveState::RUNNING) {
    const AttemptId attempt{task.id, task.attempt};
    if (Session* session = FindSession(task.session); session != nullptr) {
      const auto held = session->held.find(attempt);
      if (held != session->held.end()) held->second.cancelled = true;
      if (session->open) OrderCancel(*session, attempt, reason);
    }
  }
  JobRow row;
  row.set_actor(actor);
  row.set_reason(reason);
  Descend(task, job, row);
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
      command.error =
          FailedPrecondition("NOT_SUSPENDED", absl::StrCat("task ", command.task, " is not suspended but ",
                                                           StateName(task != nullptr ? task->state : found.state),
                                                           paused ? ", and paused: UnpauseTask lets it go on" : ""));
    }
    if (task != nullptr && !command.error.ok()) DropBeyondRoom(*task);
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
                                                           StateName(found.state), "): it does not go on anyway"));
    } else if (task == nullptr) {
      command.error = UnknownTask(found);
    } else if (!command.pause && !task->paused && !command.cascade) {
      command.error = FailedPrecondition(
          "NOT_PAUSED", absl::StrCat("task ", command.task, " is not paused but ", StateName(task->state),
                                     task->state == LiveState::SUSPENDED ? ": Resume decides about it" : ""));
    } else {
      const Mark mark = NextMark(command);
      // A job that is older, and has not come by yet, must see that something was said.
      MarkTask(*task, mark, MarkingUnderWay());
      command.state = task->state;
      DropBeyondRoom(*task);
      if (command.cascade) Descend(*task, 0, JobOf(mark.number, command));
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
    StoreType(command.type);
  }
  batch_.Answer(std::move(owned));
}

Mark Engine::NextMark(const PauseCommand& command) {
  return {NextStamp(), command.pause, command.actor, command.reason};
}

uint64_t Engine::NextStamp() {
  if (stamped_batch_ != batch_.number()) stamps_ = 0;
  stamped_batch_ = batch_.number();
  ++stamps_;
  BATON_CHECK(stamps_ < kStampsOfACommit, "a batch has no bound");
  return batch_.number() * kStampsOfACommit + stamps_;
}

bool Engine::MarkTask(Task& task, const Mark& mark, bool even_if_unchanged) {
  if (task.mark > mark.number) return false;  // By a job that is older than what was said of this task meanwhile.
  if (task.paused == mark.pause && !even_if_unchanged) return false;
  // Only a pending task stands in the order, and not while it is paused: whatever state it comes to beneath the pause,
  // it is put there when that ends.
  if (task.state == LiveState::PENDING) LeaveState(task);
  task.paused = mark.pause;
  task.mark = mark.number;
  if (task.state == LiveState::WAITING) {
    Waiting& waiting = waiting_[task.id];
    waiting.paused = mark.pause;
    task.remaining = waiting.remaining;
    task.children_failed = waiting.failed;
  }
  Step content;
  content.set_reason(mark.reason);
  const std::string bytes = content.SerializeAsString();
  WriteStep(task, mark.pause ? Step::PAUSED : Step::UNPAUSED, {bytes}, mark.actor, AttemptOf(task));
  Touch(task);
  // What is on its way from the store does not know of it.
  if (loading_.contains(task.id)) changed_while_loading_.insert(task.id);
  if (task.state != LiveState::PENDING) return true;
  if (mark.pause) {
    DropBody(task);
  } else {
    Enqueue(task.class_number, order_.KeyOf(task.priority, task.due, task.id));
  }
  return true;
}

}  // namespace baton::engine
