// What happens by the clock whoever says nothing, and what goes on after it had ended.
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

using records::v1::Mutable;

bool Auditor::IsOverdue(const ModelTask& task) const {
  const WallMicros alarm = Model::AlarmOf(task);
  return task.state != LiveState::STAGED && alarm != 0 && alarm <= now_.wall;
}

bool Auditor::JustifyByTime(const ModelTask& task, const Step& step) const {
  if (step.kind() == Step::CHILD_FAILED) {
    REQUIRE(Model::FailsFast(task), "failed for a child: ", Describe(task));
    return true;
  }
  const auto past = [this](WallMicros time) { return time != 0 && time <= now_.wall; };
  const bool undecided = task.state == LiveState::SUSPENDED && past(task.decide_by);
  if (step.kind() == Step::EXPIRED) {
    const bool begin = task.attempt == 0 && past(task.start_by);
    const bool decide = undecided && task.when_undecided == Mutable::FAIL;
    REQUIRE(past(task.end_by) || begin || decide, "expired at ", now_.wall, ": ", Describe(task));
    coverage_->Count(absl::StrCat("EXPIRED: ", past(task.end_by) ? "by its end"
                                               : begin           ? "by its start"
                                                                 : "undecided"));
    return true;
  }
  const bool by_default =
      step.actor() == "broker" && (step.kind() == Step::RESUMED || absl::StartsWith(step.reason(), "no decision"));
  if (!by_default) return false;
  const Mutable::Undecided wanted = step.kind() == Step::RESUMED ? Mutable::RESUME : Mutable::CANCEL;
  REQUIRE(undecided && task.when_undecided == wanted && !past(task.end_by), Step::Kind_Name(step.kind()), " at ",
          now_.wall, " by default: ", Describe(task));
  coverage_->Count(absl::StrCat(Step::Kind_Name(step.kind()), ": nobody decided"));
  return true;
}

bool Auditor::JustifyRetry(const ModelTask& task, const Step& step) {
  if (step.kind() != Step::RETRIED) return false;
  REQUIRE(reviving_ == task.id, "retried, and its end stays: ", Describe(task));
  reviving_ = 0;
  for (const auto& [command, waiting] : waiting_) {
    if (command->kind != engine::Command::Kind::kRetry) continue;
    const auto& retry = static_cast<const engine::RetryCommand&>(*command);
    if (retry.task != task.id || retry.reason != step.reason()) continue;
    const std::string refusal = RefusalOfRetry(task, retry.from_start);
    REQUIRE(refusal.empty(), "retried in spite of ", refusal, ": ", Describe(task));
    from_start_ = retry.from_start;
    done_verbs_.insert(step.reason());
    coverage_->Count(from_start_ ? "RETRIED: from the start" : "RETRIED: at its stage");
    return true;
  }
  REQUIRE(JustifyByJob(task, step), "retried by nobody: ", Describe(task));
  return true;
}

// Others are deleted with all their rows.
bool Auditor::BeginsRevival(TaskId id) const { return model_.Exists(id) && engine::IsTerminal(model_.At(id).state); }

void Auditor::Revive(ModelTask& task) {
  task.state = LiveState::PENDING;
  task.failures = 0;
  task.interruptions = 0;
  task.due = now_.wall;
  task.paused = false;
  if (from_start_) {
    task.stage = 0;
    task.context.clear();
    task.decision.clear();
    task.children.clear();
    task.failed = 0;
  }
  model_.live.insert(task.id);
  ended_changed_[engine::PageOf(task.id)] = last_revival_ = open_number_;
  NoteRevived();
  if (!task.unique.empty()) model_.holders[task.unique] = task.id;
  if (task.schedule != 0) FiringRevived(task);
  if (task.parent == 0) return;
  ModelTask& parent = model_.Change(task.parent);
  ++parent.remaining;
  --parent.failed;
}

void Auditor::CheckRetry(const engine::RetryCommand& command, const Waiting& waiting) {
  if (TakeDone(command.reason)) return ExpectError("Retry", command.error, "");
  std::set<LiveState> states = waiting.states;
  states.insert(model_.StateOf(command.task));
  std::set<std::string> allowed;
  for (const LiveState state : states) {
    if (state == LiveState::REMOVED) {
      // A staged task that was dropped was never seen by anybody.
      allowed.insert("TASK_EXPIRED");
    } else if (state == LiveState::NONE || state == LiveState::STAGED) {
      allowed.insert("TASK_NOT_FOUND");
    } else if (state == LiveState::COMPLETED) {
      allowed.insert("TASK_COMPLETED");
    } else if (!engine::IsTerminal(state)) {
      allowed.insert("NOT_ENDED");
    } else if (state == model_.StateOf(command.task)) {
      const std::string refusal = RefusalOfRetry(model_.At(command.task), command.from_start);
      if (!refusal.empty()) allowed.insert(refusal);
      if (MayBeDeletedByJob(command.task)) allowed.insert("BEING_DELETED");
    }
  }
  REQUIRE(!allowed.empty(), "Retry did nothing to ", Describe(model_.At(command.task)));
  ExpectError("Retry", command.error, absl::StrJoin(allowed, "|"));
}

// Of one that has failed or was cancelled; "": it can be retried.
std::string Auditor::RefusalOfRetry(const ModelTask& task, bool from_start) const {
  const bool waited = task.ended_from == LiveState::WAITING || task.ended_from == LiveState::SUSPENDED;
  if (waited && !from_start) return "NO_STAGE_TO_REPEAT";
  if (IsBeingDeleted(task.id)) return "BEING_DELETED";
  if (task.parent != 0) {
    const ModelTask& parent = model_.At(task.parent);
    const bool waits = parent.state == LiveState::WAITING && parent.generation == task.parent_generation;
    if (!waits || Model::FailsFast(parent)) return "PARENT_WENT_ON";
  }
  for (const WallMicros deadline : {task.end_by, task.attempt == 0 ? task.start_by : 0}) {
    if (deadline != 0 && deadline <= now_.wall) return "DEADLINE_OVER";
  }
  return !task.unique.empty() && model_.Holder(task.unique) != 0 ? "UNIQUE_KEY_IN_USE" : "";
}

}  // namespace baton::simulation
