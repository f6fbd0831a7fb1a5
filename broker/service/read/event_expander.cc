#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/events.h"
#include "broker/service/read/task_message.h"

namespace baton::service {
namespace {

using records::v1::Step;

constexpr char kBroker[] = "broker";

}  // namespace

v1::Event& EventExpander::Add(v1::EventType type, WallMicros time, const std::string& actor, v1::TaskState to) {
  v1::Event& event = events_->emplace_back();
  event.set_task_id(task_);
  *event.mutable_time() = WireTime(time);
  event.set_type(type);
  event.set_attempt(static_cast<int32_t>(step_attempt_));
  event.set_worker_id(worker_);
  event.set_stage(static_cast<int32_t>(context_.stage));
  event.set_from_state(context_.state);
  event.set_to_state(to);
  event.set_actor(actor);
  context_.state = to;
  return event;
}

void EventExpander::ExpandTaskRow(const records::v1::TaskRow& row, std::vector<v1::Event>* events) {
  events->clear();
  events_ = events;
  v1::Event& created = Add(v1::EVENT_TYPE_CREATED, row.created_us(), row.actor().empty() ? kBroker : row.actor(),
                           v1::TASK_STATE_PENDING);
  if (row.schedule_number() == 0) return;
  created.set_reason(
      absl::StrCat(row.scheduled_us() != 0 ? "fired by schedule " : "triggered, of schedule ", row.schedule()));
}

void EventExpander::ExpandStep(const Step& step, std::vector<v1::Event>* events) {
  events->clear();
  events_ = events;
  worker_.clear();
  step_attempt_ = 0;
  if (step.has_attempt()) {
    BeginAttempt(step.attempt(), step.queued_us());
  } else if (context_.waits_for_children && step.after().stage() > context_.stage) {
    // It ended, or was reported on, after its children had ended and before anybody claimed it; when exactly they had
    // is told by no row.
    ReturnFromChildren(step.time_us());
  }
  AddReports(step);
  AddEndOfAttempt(step);
  if (step.has_after()) context_.stage = step.after().stage();
  context_.time = step.time_us();
}

void EventExpander::ExpandLiveEntry(const engine::LiveEntry& entry, const std::string& worker,
                                    std::vector<v1::Event>* events) {
  events->clear();
  events_ = events;
  worker_.clear();
  step_attempt_ = 0;
  if (entry.state == LiveState::RUNNING && entry.attempt > context_.attempt) {
    records::v1::AttemptInfo attempt;
    attempt.set_number(entry.attempt);
    attempt.set_worker(worker);
    attempt.set_ready_us(entry.ready);
    attempt.set_claimed_us(entry.claimed);
    attempt.set_stage(context_.stage + (context_.waits_for_children ? 1 : 0));
    BeginAttempt(attempt, 0);
  } else if (context_.waits_for_children && entry.state == LiveState::PENDING) {
    ReturnFromChildren(entry.due);
  }
}

void EventExpander::ReturnFromChildren(WallMicros time) {
  ++context_.stage;
  context_.waits_for_children = false;
  Add(v1::EVENT_TYPE_RESUMED, std::max(time, context_.time), kBroker, v1::TASK_STATE_PENDING)
      .set_reason("children ended");
}

// Only the first row of an attempt begins it: checkpoints may come before its end.
void EventExpander::BeginAttempt(const records::v1::AttemptInfo& attempt, Micros queued) {
  if (attempt.number() > context_.attempt) {
    if (context_.waits_for_children) {
      // The task keeps the due time that it had before, which says nothing of when its children had ended: that was
      // after the last row, and before this claim.
      const bool is_kept = attempt.ready_us() <= context_.time;
      ReturnFromChildren(is_kept ? attempt.claimed_us() : attempt.ready_us());
    }
    context_.attempt = attempt.number();
    context_.stage = attempt.stage();
    worker_ = attempt.worker();
    step_attempt_ = attempt.number();
    Add(v1::EVENT_TYPE_CLAIMED, attempt.claimed_us(), kBroker, v1::TASK_STATE_RUNNING);
    Add(v1::EVENT_TYPE_STARTED, attempt.claimed_us() + queued, worker_, v1::TASK_STATE_RUNNING);
  }
  worker_ = attempt.worker();
  step_attempt_ = attempt.number();
}

void EventExpander::AddReports(const Step& step) {
  const size_t first = events_->size();
  // Whatever the worker's clock says, it has reported during its attempt.
  const auto time = [&step](WallMicros at) {
    return at != 0 ? std::min(std::max(at, step.attempt().claimed_us()), step.time_us()) : step.time_us();
  };
  for (const records::v1::Checkpoint& checkpoint : step.checkpoints()) {
    *Add(v1::EVENT_TYPE_CHECKPOINT, time(checkpoint.at_us()), worker_, context_.state).mutable_checkpoint() =
        WireCheckpoint(checkpoint);
  }
  if (step.has_progress()) {
    *Add(v1::EVENT_TYPE_PROGRESS, time(step.progress().at_us()), worker_, context_.state).mutable_progress() =
        WireProgress(step.progress());
  }
  std::stable_sort(
      events_->begin() + static_cast<ptrdiff_t>(first), events_->end(),
      [](const v1::Event& a, const v1::Event& b) { return FromWireTime(a.time()) < FromWireTime(b.time()); });
}

void EventExpander::AddEndOfAttempt(const Step& step) {
  const WallMicros time = step.time_us();
  const std::string& worker = step.actor().empty() ? worker_ : step.actor();
  const std::string& broker = step.actor().empty() ? std::string(kBroker) : step.actor();
  const v1::TaskState after = WireState(step.state(), false);
  switch (step.kind()) {
    case Step::SUCCEEDED:
      Add(v1::EVENT_TYPE_COMPLETED, time, worker, after);
      return;
    case Step::FAILED:
      return AddFailure(v1::EVENT_TYPE_FAILED, step, worker);
    case Step::TIMED_OUT:
      return AddFailure(v1::EVENT_TYPE_TIMED_OUT, step, broker);
    case Step::INTERRUPTED:
      return AddFailure(v1::EVENT_TYPE_INTERRUPTED, step, broker);
    case Step::EXPIRED:
      return AddFailure(v1::EVENT_TYPE_EXPIRED, step, broker);
    case Step::CHILD_FAILED:
      return AddFailure(v1::EVENT_TYPE_CHILD_FAILED, step, broker);
    case Step::RETRIED:
      context_.waits_for_children = false;
      if (step.has_after()) context_.stage = step.after().stage();
      Add(v1::EVENT_TYPE_RETRIED, time, broker, after).set_reason(step.reason());
      return;
    case Step::SPAWNED:
      Add(v1::EVENT_TYPE_SPAWNED, time, worker, after).set_children(CountOf(step.after().children()));
      context_.waits_for_children = step.state() == LiveState::WAITING;
      return;
    case Step::SUSPENDED:
      Add(v1::EVENT_TYPE_SUSPENDED, time, worker, after).set_reason(step.reason());
      return;
    case Step::RELEASED:
      Add(v1::EVENT_TYPE_RELEASED, time, worker, after)
          .set_reason(step.reason().empty() && !step.actor().empty() ? "it never reached its worker" : step.reason());
      return;
    case Step::RESUMED:
      if (step.has_after()) context_.stage = step.after().stage();
      Add(v1::EVENT_TYPE_RESUMED, time, broker, after).set_reason(step.reason());
      return;
    case Step::CANCELLED:
      Add(v1::EVENT_TYPE_CANCELLED, time, broker, after).set_reason(step.reason());
      return;
    case Step::PAUSED:
      Add(v1::EVENT_TYPE_PAUSED, time, broker, after).set_reason(step.reason());
      return;
    case Step::UNPAUSED:
      Add(v1::EVENT_TYPE_UNPAUSED, time, broker, after).set_reason(step.reason());
      return;
    default:
      return;
  }
}

void EventExpander::AddFailure(v1::EventType type, const Step& step, const std::string& actor) {
  const std::string text = FailureText(step);
  const bool final = step.state() == LiveState::FAILED;
  if (type == v1::EVENT_TYPE_INTERRUPTED && !final) {
    Add(type, step.time_us(), actor, v1::TASK_STATE_PENDING).set_reason(text);
    return;
  }
  Add(type, step.time_us(), actor, context_.state).set_reason(text);
  if (final) {
    Add(v1::EVENT_TYPE_PERMANENTLY_FAILED, step.time_us(), kBroker, v1::TASK_STATE_PERMANENTLY_FAILED).set_reason(text);
    return;
  }
  v1::Event& retry = Add(v1::EVENT_TYPE_RETRY_SCHEDULED, step.time_us(), kBroker, v1::TASK_STATE_PENDING);
  retry.set_reason(text);
  if (step.due_us() != 0) *retry.mutable_next_due() = WireTime(step.due_us());
}

}  // namespace baton::service
