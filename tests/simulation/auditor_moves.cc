// Where each step leads, as the rules say.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

std::string BytesOf(const records::v1::Payload& payload) { return payload.data(); }

}  // namespace

void Auditor::Move(ModelTask& task, const Step& step) {
  const bool ran = task.state == LiveState::RUNNING;
  if (ran && engine::EndsAttempt(step.kind())) LeaveAttempt(task, step.kind());
  if (step.has_context()) task.context = BytesOf(step.context());
  switch (step.kind()) {
    case Step::REPORTED:
      return Report(task);
    case Step::SUCCEEDED:
      task.state = LiveState::COMPLETED;
      return;
    case Step::FAILED:
    case Step::TIMED_OUT:
      return Fail(task, step);
    case Step::SPAWNED:
      return Spawn(task);
    case Step::SUSPENDED:
      return Suspend(task, step);
    case Step::RELEASED:
      task.state = LiveState::PENDING;
      return;
    case Step::INTERRUPTED:
      ++task.interruptions;
      task.state = task.interruptions > settings_.max_interruptions ? LiveState::FAILED : LiveState::PENDING;
      return;
    case Step::CHILD_FAILED:
      task.state = LiveState::FAILED;
      return;
    case Step::RETRIED:
      return Revive(task);
    case Step::CANCELLED:
    case Step::EXPIRED:
      if (ran) ExpectCancel(task);
      task.state = step.kind() == Step::EXPIRED ? LiveState::FAILED : LiveState::CANCELLED;
      return;
    case Step::PAUSED:
    case Step::UNPAUSED:
      return Mark(task, step);
    case Step::RESUMED:
      return Resume(task, step);
    default:
      break;
  }
  throw Violation(absl::StrCat("nobody knows what step ", static_cast<int>(step.kind()), " means"));
}

void Auditor::LeaveAttempt(ModelTask& task, Step::Kind kind) {
  task.ended[task.attempt] = kind;
  if (kind == Step::SPAWNED) return;
  for (const TaskId id : task.staged) {
    REQUIRE(model_.At(id).state == LiveState::REMOVED, "staged task ", id, " was left behind");
  }
  task.staged.clear();
  task.parts = 0;
}

void Auditor::Report(ModelTask& task) {
  if (task.report_deadline != 0) task.report_deadline = lease_now_ + task.settled->progress_timeout;
  if (applying_ == nullptr || applying_->kind != engine::Command::Kind::kSpawnChildren) return;
  ++task.parts;
  return TakeCreations(task, new_children_.size(), LiveState::STAGED);
}

void Auditor::Fail(ModelTask& task, const Step& step) {
  ++task.failures;
  const bool again = step.kind() == Step::TIMED_OUT || outcomes_.at(task.id).retryable;
  task.state = again && task.failures < static_cast<uint32_t>(task.settled->max_retries) ? LiveState::PENDING
                                                                                         : LiveState::FAILED;
  if (task.state != LiveState::PENDING) return;
  const auto [least, most] = RetryBounds(*task.settled, task.failures);
  REQUIRE(step.due_us() >= now_.wall + least && step.due_us() <= now_.wall + most, "the retry of ", Describe(task),
          " is due after ", step.due_us() - now_.wall, " us, not after ", least, " to ", most);
  task.due = step.due_us();
}

void Auditor::Spawn(ModelTask& task) {
  task.decision.clear();
  ++task.generation;
  task.failures = 0;
  task.children = std::exchange(task.staged, {});
  for (const TaskId id : task.children) model_.Change(id).state = LiveState::PENDING;
  if (!task.children.empty()) coverage_->Count("STAGED -SEALED-> PENDING", task.children.size());
  task.parts = 0;
  const size_t count = outcomes_.at(task.id).children.size();
  task.remaining = task.children.size() + count;
  task.failed = 0;
  task.fail_fast = outcomes_.at(task.id).fail_fast;
  task.children_total += task.remaining;
  task.state = LiveState::WAITING;
  TakeCreations(task, count, LiveState::PENDING);
  if (task.remaining > 0) return;
  task.state = LiveState::PENDING;
  ++task.stage;
}

void Auditor::Suspend(ModelTask& task, const Step& step) {
  task.state = LiveState::SUSPENDED;
  task.decision.clear();
  task.decide_by = outcomes_.at(task.id).decide_within;
  if (task.decide_by != 0) task.decide_by += now_.wall;
  task.when_undecided = outcomes_.at(task.id).when_undecided;
  task.default_decision = BytesOf(step.decision());
  task.children.clear();
  task.failed = 0;
}

// Whoever runs it must be told.
void Auditor::ExpectCancel(const ModelTask& task) {
  ModelSession* session = model_.Session(task.session);
  REQUIRE(session != nullptr, "it ran nowhere: ", Describe(task));
  const auto held = session->held.find({task.id, task.attempt});
  if (held != session->held.end()) held->second.cancelled = true;
  if (session->open) expected_cancels_[task.session].insert({task.id, task.attempt});
}

void Auditor::Mark(ModelTask& task, const Step& step) {
  REQUIRE(step.after().mark() > task.mark, "an older pause, or one twice: ", Describe(task));
  task.paused = step.kind() == Step::PAUSED;
  task.mark = step.after().mark();
  REQUIRE(step.due_us() == task.due, "the pause says due ", step.due_us(), ": ", Describe(task));
}

void Auditor::Resume(ModelTask& task, const Step& step) {
  task.state = LiveState::PENDING;
  ++task.stage;
  task.failures = 0;
  task.due = now_.wall;
  task.decision = step.actor() == "broker" ? task.default_decision : BytesOf(step.decision());
}

}  // namespace baton::simulation
