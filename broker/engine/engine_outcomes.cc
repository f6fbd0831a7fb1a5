// How attempts end, and every other step that is written to a task's history.
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"

namespace baton::engine {
namespace {

using records::v1::AttemptInfo;
using storage::Family;

Error AttemptOver(const AttemptId& attempt) {
  return Aborted("ATTEMPT_OVER", absl::StrCat("attempt ", attempt.attempt, " of task ", attempt.task,
                                              " is over: stop working on it and drop its outcome"));
}

Error NoSuchTask(TaskId id) {
  return NotFound("TASK_NOT_FOUND",
                  absl::StrCat("there is no task ", id, ": send the attempt_token of the delivery unchanged"));
}

// How the history calls an outcome.
Step::Kind KindOf(Outcome::Kind outcome) {
  switch (outcome) {
    case Outcome::Kind::kSucceeded:
      return Step::SUCCEEDED;
    case Outcome::Kind::kFailed:
      return Step::FAILED;
    case Outcome::Kind::kSpawned:
      return Step::SPAWNED;
    case Outcome::Kind::kSuspended:
      return Step::SUSPENDED;
    case Outcome::Kind::kReleased:
    case Outcome::Kind::kCancelled:
      return Step::RELEASED;
  }
  return Step::KIND_UNSPECIFIED;
}

}  // namespace

Task* Engine::FindAttempt(const AttemptId& attempt) {
  Task* task = Resident(attempt.task);
  const bool current = task != nullptr && task->state == LiveState::RUNNING && task->attempt == attempt.attempt;
  return current ? task : nullptr;
}

void Engine::Complete(std::unique_ptr<Command> owned) {
  auto& command = static_cast<CompleteCommand&>(*owned);
  command.results.resize(command.outcomes.size());
  std::shared_ptr<Parked> parked;
  for (size_t i = 0; i < command.outcomes.size(); ++i) {
    Outcome& outcome = command.outcomes[i];
    Task* const task = FindAttempt(outcome.attempt);
    // Sent before its worker came back: the slot went along into the new session.
    const bool moved = task != nullptr && command.session != 0 && FindSession(command.session) == nullptr;
    const SessionNumber holder = moved ? task->session : command.session;
    // An attempt whose outcome is refused for its content goes on, and keeps its slot until that is sent again: what
    // is not held is not taken back when the worker is lost.
    if (task != nullptr && outcome.error.ok()) command.results[i] = Conclude(outcome, *task);
    if (outcome.attempt.task != 0 && FindAttempt(outcome.attempt) == nullptr) {
      FreeSlot(holder, outcome.attempt);
    }
    if (!outcome.error.ok()) {
      command.results[i] = outcome.error;
    } else if (task == nullptr) {
      if (parked == nullptr) parked = std::make_shared<Parked>();
      ++parked->waiting;
      ExplainOver(outcome.attempt, outcome.kind, [this, parked, &command, i](Error error) {
        command.results[i] = std::move(error);
        if (--parked->waiting == 0 && parked->command != nullptr) batch_.Answer(std::move(parked->command));
      });
    }
  }
  if (parked != nullptr && parked->waiting > 0) {
    parked->command = std::move(owned);
  } else {
    batch_.Answer(std::move(owned));
  }
}

void Engine::ExplainOver(const AttemptId& attempt, Outcome::Kind kind, std::function<void(Error)> tell) {
  if (attempt.task == 0 || attempt.task >= next_id_) return tell(NoSuchTask(attempt.task));
  // Nothing is wanted of a cancelled handler, and nothing was.
  if (kind == Outcome::Kind::kCancelled) return tell({});
  auto& waiting = attempt_loads_[{attempt, closed_batches_}];
  waiting.emplace_back([attempt, kind, tell = std::move(tell)](const LoadResult& loaded) {
    if (loaded.state == LiveState::REMOVED || loaded.state == LiveState::NONE) {
      tell(NotFound("TASK_EXPIRED", absl::StrCat("task ", attempt.task, " is no longer retained: drop the outcome")));
    } else if (loaded.ended.attempt == attempt.attempt && loaded.ended.kind == KindOf(kind)) {
      tell({});  // A repeat of what was accepted.
    } else {
      tell(AttemptOver(attempt));
    }
  });
  if (waiting.size() > 1) return;
  LoadRequest request;
  request.kind = LoadRequest::Kind::kAttempt;
  request.ids = {attempt.task};
  request.attempt = attempt.attempt;
  request.asked_in = closed_batches_;
  batch_.Load(std::move(request));
}

Error Engine::Conclude(Outcome& outcome, Task& task) {
  const Content content{outcome.step, outcome.has_context, false, outcome.has_progress};
  switch (outcome.kind) {
    case Outcome::Kind::kSucceeded:
      Advance(task, Event::kSucceeded, content, "");
      return {};
    case Outcome::Kind::kFailed:
      Advance(task, outcome.retryable ? Event::kFailed : Event::kFailedFinally, content, "");
      return {};
    case Outcome::Kind::kSuspended:
      task.decide_by = outcome.decide_within != 0 ? now_.wall + outcome.decide_within : 0;
      task.when_undecided = outcome.when_undecided;
      Advance(task, Event::kSuspended, content, "");
      return {};
    case Outcome::Kind::kReleased:
    case Outcome::Kind::kCancelled:
      Advance(task, Event::kReleased, content, "");
      return {};
    case Outcome::Kind::kSpawned:
      return Spawn(outcome, task);
  }
  return {};
}

Facts Engine::FactsOf(const Task& task) {
  Facts facts;
  facts.state = task.state;
  facts.stage = task.stage;
  facts.failures = task.failures;
  facts.interruptions = task.interruptions;
  facts.due = task.due;
  if (task.state == LiveState::RUNNING) facts.options = SettledFor(task);
  facts.max_interruptions = settings_.max_interruptions;
  facts.has_children = !task.children.empty();
  facts.draw = Mix(incarnation_, task.id, task.attempt);
  return facts;
}

void Engine::Advance(Task& task, Event event, const Content& content, const std::string& actor) {
  const absl::StatusOr<Transition> next = engine::Apply(FactsOf(task), event, now_.wall);
  BATON_CHECK(next.ok(), absl::StrCat("task ", task.id, ": ", next.status().message()));
  const std::optional<AttemptInfo> attempt = AttemptOf(task);
  const LiveState from = task.state;
  if (from == LiveState::RUNNING && attempt_ends_ != nullptr) attempt_ends_->Count(task.class_number, event);
  LeaveState(task);
  task.state = next->state;
  task.stage = next->stage;
  task.failures = next->failures;
  task.interruptions = next->interruptions;
  task.due = next->due;
  if (next->kind != Step::KIND_UNSPECIFIED) WriteStep(task, next->kind, content, actor, attempt, from);
  EnterState(task, content);
}

std::optional<AttemptInfo> Engine::AttemptOf(const Task& task) {
  if (task.state != LiveState::RUNNING) return std::nullopt;
  AttemptInfo info;
  info.set_number(task.attempt);
  const Session* session = FindSession(task.session);
  if (session != nullptr) info.set_worker(session->worker_id);
  info.set_handler_version(task.handler_version);
  info.set_options_number(task.options_number);
  info.set_ready_us(task.ready);
  info.set_claimed_us(task.claimed);
  info.set_stage(task.stage);
  return info;
}

void Engine::LeaveState(Task& task) {
  switch (task.state) {
    case LiveState::PENDING:
      if (!task.paused) order_.Remove(task.class_number, order_.KeyOf(task.priority, task.due, task.id));
      if (const auto it = staged_.find(task.id); it != staged_.end()) {
        ArmAlarm(task.id, it->second.alarm);
        staged_.erase(it);
      }
      break;
    case LiveState::RUNNING:
      timeouts_.erase(TimeoutOf(task));
      --running_;
      dispatcher_.AttemptEnded(task.class_number);
      if (Session* session = FindSession(task.session); session != nullptr) --session->attempts;
      DropStaged(task);
      break;
    case LiveState::WAITING:
      waiting_.erase(task.id);
      break;
    default:
      break;
  }
}

void Engine::EnterState(Task& task, const Content& content) {
  if (IsTerminal(task.state)) return Finish(task, content);
  SetAlarm(task);
  Touch(task);
  if (task.state == LiveState::PENDING && !task.paused) {
    Enqueue(task.class_number, order_.KeyOf(task.priority, task.due, task.id));
  } else {
    DropBody(task);
  }
  if (task.state == LiveState::WAITING) {
    waiting_[task.id] = {task.class_number, task.priority,        task.due,    task.attempt,   task.generation,
                         task.remaining,    task.children_failed, task.paused, task.fail_fast, task.alarm};
  }
}

void Engine::WriteStep(Task& task, Step::Kind kind, const Content& content, const std::string& actor,
                       const std::optional<AttemptInfo>& attempt, LiveState from) {
  const bool last = IsTerminal(task.state);
  if (!last) {
    const uint32_t row = ++task.log_rows;
    if (kind == Step::FAILED || kind == Step::TIMED_OUT || kind == Step::INTERRUPTED) task.error_row = row;
    if (kind == Step::SUSPENDED) {
      task.suspension_row = row;
      // They were the inputs of the stage that ends here.
      task.children.clear();
      task.children_failed = 0;
    }
    if (kind == Step::SUSPENDED || kind == Step::SPAWNED) task.decision_row = 0;
    if (content.has_context) task.context_row = row;
    if (content.has_decision) task.decision_row = row;
    if (content.decided_before) task.decision_row = task.suspension_row;
    if (content.has_progress) task.progress_row = row;
    // What the next attempt gets is not what the last one got.
    if (kind == Step::SUSPENDED || kind == Step::SPAWNED || kind == Step::RESUMED) DropBody(task);
  }
  scratch_.Clear();
  scratch_.set_kind(kind);
  scratch_.set_time_us(now_.wall);
  scratch_.set_actor(actor);
  scratch_.set_state(task.state);
  if (last) scratch_.set_from(from);
  if (attempt.has_value()) *scratch_.mutable_attempt() = *attempt;
  ToRecord(task, scratch_.mutable_after());
  if (content.is_passing) {
    scratch_.mutable_after()->clear_children();
    scratch_.mutable_after()->clear_staged();
  }
  const bool only_marks = kind == Step::PAUSED || kind == Step::UNPAUSED;
  if (task.state == LiveState::PENDING || only_marks) scratch_.set_due_us(task.due);
  scratch_bytes_.clear();
  scratch_.AppendToString(&scratch_bytes_);
  if (last) {
    batch_.writes().Put(Family::kEnd, EndKey(task.id), content.bytes, scratch_bytes_);
  } else {
    batch_.writes().Put(Family::kLog, LogKey(task.id, task.log_rows), content.bytes, scratch_bytes_);
  }
}

void Engine::Finish(Task& task, const Content& content) {
  batch_.Ended(task.id, task.state);
  batch_.HasTag(task.id, task.tag_hash);
  DisarmAlarm(task.id, task.alarm);
  if (task.id == adopting_) adopted_ended_ = task.state;
  if (!task.unique.empty() && keys_.Holder(task.unique, task.id) == task.id) {
    batch_.writes().Delete(Family::kKey, UniqueKey(task.unique));
    keys_.SetHolder(task.unique, 0, batch_.number());
  }
  if (task.schedule != 0) FiringEnded(task.schedule, task.id, task.state);
  const EndedChild child{task.id, task.parent, task.parent_generation, task.state};
  DropBody(task);
  if (loading_.contains(task.id)) changed_while_loading_.insert(task.id);
  tasks_.erase(task.id);
  if (child.parent != 0) ChildEnded(child, content.bytes);
}

void Engine::DropBody(Task& task) {
  if (task.body == nullptr) return;
  resident_bytes_ -= task.body_bytes;
  task.body = nullptr;
  task.body_bytes = 0;
}

void Engine::Report(std::unique_ptr<Command> owned) {
  auto& command = static_cast<ReportCommand&>(*owned);
  command.results.reserve(command.reports.size());
  absl::flat_hash_map<TaskId, const engine::Report*> newest;
  for (const engine::Report& report : command.reports) {
    if (report.error.ok() && FindAttempt(report.attempt) != nullptr) newest[report.attempt.task] = &report;
  }
  for (const engine::Report& report : command.reports) {
    Task* task = FindAttempt(report.attempt);
    if (!report.error.ok()) {
      command.results.push_back(report.error);
    } else if (task == nullptr) {
      const bool known = report.attempt.task != 0 && report.attempt.task < next_id_;
      command.results.push_back(known ? AttemptOver(report.attempt) : NoSuchTask(report.attempt.task));
    } else {
      command.results.emplace_back();
      Content content{report.step, false, false, report.is_progress};
      content.is_passing = newest[task->id] != &report;
      WriteStep(*task, Step::REPORTED, content, "", AttemptOf(*task));
      HasReported(*task);
      batch_.Reported(task->id);
    }
  }
  batch_.Answer(std::move(owned));
}

}  // namespace baton::engine
