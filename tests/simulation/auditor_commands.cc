// What outcomes, reports and spawned children must bring about.
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

using Kind = engine::Outcome::Kind;

}  // namespace

Step::Kind Auditor::StepOf(Kind kind) {
  switch (kind) {
    case Kind::kSucceeded:
      return Step::SUCCEEDED;
    case Kind::kFailed:
      return Step::FAILED;
    case Kind::kSpawned:
      return Step::SPAWNED;
    case Kind::kSuspended:
      return Step::SUSPENDED;
    case Kind::kReleased:
    case Kind::kCancelled:
      return Step::RELEASED;
  }
  return Step::KIND_UNSPECIFIED;
}

void Auditor::AppliesComplete(const engine::CompleteCommand& command) {
  Waiting& waiting = waiting_[&command];
  std::map<TaskId, Step::Kind> accepted;
  for (const engine::Outcome& outcome : command.outcomes) {
    waiting.reasons.push_back(PredictOutcome(outcome, &accepted));
    // Another outcome of an attempt that goes on says nothing about the slot.
    const ModelTask* running = model_.Running(outcome.attempt);
    const bool goes_on = running != nullptr && !accepted.contains(outcome.attempt.task);
    if (outcome.attempt.task == 0 || goes_on) continue;
    // Its worker has come back meanwhile, in another session.
    const bool moved = running != nullptr && command.session != 0 && model_.Session(command.session) == nullptr;
    FreeSlot(moved ? running->session : command.session, outcome.attempt);
  }
}

std::string Auditor::PredictOutcome(const engine::Outcome& outcome, std::map<TaskId, Step::Kind>* accepted) {
  if (!outcome.error.ok()) return outcome.error.reason;
  const TaskId id = outcome.attempt.task;
  const Step::Kind kind = StepOf(outcome.kind);
  const ModelTask* task = model_.Running(outcome.attempt);
  if (task != nullptr && !accepted->contains(id)) {
    if (outcome.kind == Kind::kSpawned) {
      if (outcome.parts != task->parts) return "PART_MISSING";
      const std::string refused = PredictChildren(*task, outcome.children.size());
      if (!refused.empty()) return refused;
      new_children_.insert(new_children_.end(), outcome.children.begin(), outcome.children.end());
    }
    (*accepted)[id] = kind;
    outcomes_[id] = outcome;
    Expect(id, kind, "its outcome came in time");
    return "";
  }
  if (!model_.Exists(id)) return "TASK_NOT_FOUND";
  if (outcome.kind == Kind::kCancelled) return "";
  const ModelTask& known = model_.At(id);
  if (known.state == LiveState::REMOVED) return "TASK_EXPIRED";
  // It may be dropped before anybody looks, or removed.
  if (known.state == LiveState::STAGED) return "ATTEMPT_OVER|TASK_EXPIRED";
  // Until somebody looks, it may be removed, or deleted.
  if (task != nullptr) return accepted->at(id) == kind ? "|TASK_EXPIRED" : "ATTEMPT_OVER|TASK_EXPIRED";
  const auto ended = known.ended.find(outcome.attempt.attempt);
  return ended != known.ended.end() && ended->second == kind ? "|TASK_EXPIRED" : "ATTEMPT_OVER|TASK_EXPIRED";
}

std::string Auditor::PredictChildren(const ModelTask& parent, size_t count) const {
  if (parent.depth + 1 > settings_.max_depth) return "TOO_DEEP";
  if (parent.staged.size() + count > settings_.max_children) return "TOO_MANY_CHILDREN";
  if (count == 0 || PlacesOf(parent.staged) < settings_.work.child_ranges) return "";
  coverage_->Count("TOO_MANY_CHILDREN: in too many places");
  return "TOO_MANY_CHILDREN";
}

std::string Auditor::PredictStaging(const ModelTask& parent) const {
  if (!parent.staged.empty() && parent.staged.back() + 1 == model_.next_id()) return "";
  size_t places = 0;
  TaskId first = 0;
  for (const TaskId id : model_.live) {
    const size_t more = PlacesOf(model_.At(id).staged);
    if (more > 0 && places == 0) first = id;
    places += more;
  }
  if (first == parent.id) return "";
  return places < settings_.work.staged_ranges ? "" : "OVERLOADED";
}

std::string Auditor::PredictLatePart(TaskId parent) const {
  if (!model_.Exists(parent)) return "TASK_NOT_FOUND";
  if (model_.StateOf(parent) == LiveState::REMOVED) return "TASK_EXPIRED";
  // It may be dropped before anybody looks, removed, or deleted.
  return "ATTEMPT_OVER|TASK_EXPIRED";
}

void Auditor::AppliesReport(const engine::ReportCommand& command) {
  Waiting& waiting = waiting_[&command];
  for (const engine::Report& report : command.reports) {
    std::string reason;
    if (model_.Running(report.attempt) != nullptr) {
      Expect(report.attempt.task, Step::REPORTED, "a report came in time");
      reports_[report.attempt.task].push_back(report.step);
    } else {
      reason = model_.Exists(report.attempt.task) ? "ATTEMPT_OVER" : "TASK_NOT_FOUND";
    }
    waiting.reasons.push_back(reason);
  }
}

void Auditor::AppliesPause(const engine::PauseCommand& command) {
  waiting_[&command].staged_seen = model_.StateOf(command.task) == LiveState::STAGED;
  if (command.cascade) cascades_[command.reason] = command.task;
}

void Auditor::AppliesPauseType(const engine::PauseTypeCommand& command) {
  const bool changes =
      command.pause ? model_.paused_types.insert(command.type).second : model_.paused_types.erase(command.type) > 0;
  if (!command.pause && !changes) waiting_[&command].reason = "NOT_PAUSED";
}

void Auditor::AppliesTypeLimit(const engine::SetTypeLimitCommand& command) {
  if (command.max_running == 0) {
    model_.limits.erase(command.type);
  } else {
    model_.limits[command.type] = command.max_running;
    if (model_.RunningOf(command.type) > command.max_running) coverage_->Count("limit of a type: fewer than run");
  }
}

void Auditor::AppliesSpawn(const engine::SpawnChildrenCommand& command) {
  Waiting& waiting = waiting_[&command];
  const ModelTask* parent = model_.Running(command.attempt);
  if (parent == nullptr) {
    waiting.reason = PredictLatePart(command.attempt.task);
  } else if (command.part > parent->parts + 1) {
    waiting.reason = "PART_MISSING";
  } else if (command.part == parent->parts + 1) {
    waiting.reason = PredictChildren(*parent, command.children.size());
    if (waiting.reason.empty()) waiting.reason = PredictStaging(*parent);
    if (!waiting.reason.empty()) return;
    new_children_ = command.children;
    Expect(parent->id, Step::REPORTED, "a part of its children came in time");
  }
}

}  // namespace baton::simulation
