#include "broker/engine/rules/transition.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace baton::engine {
namespace {

// The only states in which an event can happen.
bool IsLegal(LiveState state, Event event) {
  switch (event) {
    case Event::kClaimed:
      return state == LiveState::PENDING;
    case Event::kSucceeded:
    case Event::kFailed:
    case Event::kFailedFinally:
    case Event::kTimedOut:
    case Event::kSpawned:
    case Event::kSuspended:
    case Event::kReleased:
    case Event::kInterrupted:
      return state == LiveState::RUNNING;
    case Event::kCancelled:
    case Event::kExpired:
      return state == LiveState::PENDING || state == LiveState::RUNNING || state == LiveState::SUSPENDED ||
             state == LiveState::WAITING;
    case Event::kResumed:
      return state == LiveState::SUSPENDED;
    case Event::kChildrenEnded:
    case Event::kChildFailed:
      return state == LiveState::WAITING;
    case Event::kRetried:
    case Event::kRestarted:
      return state == LiveState::FAILED || state == LiveState::CANCELLED;
  }
  return false;
}

// An attempt failed: again after a delay, or the end when the attempts of this stage are used up.
void Fail(const Facts& task, WallMicros now, Transition* next) {
  next->failures = task.failures + 1;
  if (next->failures >= static_cast<uint32_t>(task.options.max_retries)) {
    next->state = LiveState::FAILED;
    return;
  }
  next->state = LiveState::PENDING;
  next->due = now + RetryDelay(task.options, next->failures, task.draw);
}

// The task goes on with its next stage, with a fresh budget.
void NextStage(const Facts& task, Transition* next) {
  next->state = LiveState::PENDING;
  next->stage = task.stage + 1;
  next->failures = 0;
}

// With a fresh budget of everything.
void BeginAgain(uint32_t stage, WallMicros now, Transition* next) {
  next->stage = stage;
  next->failures = 0;
  next->interruptions = 0;
  next->due = now;
}

}  // namespace

absl::StatusOr<Transition> Apply(const Facts& task, Event event, WallMicros now) {
  if (!IsLegal(task.state, event)) {
    return absl::FailedPreconditionError(
        absl::StrCat("event ", static_cast<int>(event), " cannot happen in state ", LiveState_Name(task.state)));
  }
  Transition next{LiveState::NONE, task.stage, task.failures, task.interruptions, task.due};
  const auto become = [&next](Step::Kind kind, LiveState state) { next.kind = kind, next.state = state; };
  switch (event) {
    case Event::kClaimed:
      next.state = LiveState::RUNNING;
      break;
    case Event::kSucceeded:
      become(Step::SUCCEEDED, LiveState::COMPLETED);
      break;
    case Event::kFailed:
      next.kind = Step::FAILED;
      Fail(task, now, &next);
      break;
    case Event::kFailedFinally:
      next.kind = Step::FAILED;
      next.failures = task.failures + 1;
      next.state = LiveState::FAILED;
      break;
    case Event::kTimedOut:
      next.kind = Step::TIMED_OUT;
      Fail(task, now, &next);
      break;
    case Event::kSpawned:
      next.kind = Step::SPAWNED;
      next.state = LiveState::WAITING;
      next.failures = 0;
      if (!task.has_children) NextStage(task, &next);
      break;
    case Event::kSuspended:
      become(Step::SUSPENDED, LiveState::SUSPENDED);
      break;
    case Event::kReleased:
      become(Step::RELEASED, LiveState::PENDING);
      break;
    case Event::kInterrupted:
      next.kind = Step::INTERRUPTED;
      next.interruptions = task.interruptions + 1;
      next.state = next.interruptions > task.max_interruptions ? LiveState::FAILED : LiveState::PENDING;
      break;
    case Event::kCancelled:
      become(Step::CANCELLED, LiveState::CANCELLED);
      break;
    case Event::kResumed:
      next.kind = Step::RESUMED;
      NextStage(task, &next);
      next.due = now;
      break;
    case Event::kChildrenEnded:
      NextStage(task, &next);
      break;
    case Event::kExpired:
      become(Step::EXPIRED, LiveState::FAILED);
      break;
    case Event::kChildFailed:
      become(Step::CHILD_FAILED, LiveState::FAILED);
      break;
    case Event::kRestarted:
    case Event::kRetried:
      become(Step::RETRIED, LiveState::PENDING);
      BeginAgain(event == Event::kRestarted ? 0 : task.stage, now, &next);
      break;
  }
  return next;
}

std::string StateName(LiveState state) {
  if (state == LiveState::FAILED) return "PERMANENTLY_FAILED";
  if (state == LiveState::WAITING) return "SUSPENDED, for its children";
  return LiveState_Name(state);
}

}  // namespace baton::engine
