#include "broker/service/read/task_message.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/hash.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/obstacles.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using records::v1::Step;

// Fills in one message. Each part that has to be read from another row leaves its error in error_.
class Description {
 public:
  Description(const Surroundings& surroundings, const TaskFacts& facts, v1::Task* task)
      : surroundings_(surroundings), facts_(facts), task_(*task) {}

  Error Fill(const v1::TaskParts& parts) {
    Identity();
    Counters();
    LastAttempt();
    Progress();
    Keep(ReadWhatWentWrong(surroundings_.view, facts_, task_.mutable_last_error(), task_.mutable_cancel_reason()));
    if (facts_.live()) {
      LiveTask();
    } else {
      task_.set_ended_at_us(facts_.end.time_us());
    }
    Bulk(parts);
    task_.set_version(Version());
    return std::move(error_);
  }

 private:
  void Identity() {
    task_.set_id(facts_.id);
    task_.set_type(facts_.class_info->type);
    task_.set_state(WireState(facts_.state, facts_.entry.paused));
    task_.set_tag(facts_.row.tag());
    task_.set_parent_id(facts_.row.parent());
    task_.set_root_id(facts_.root());
    task_.set_priority(facts_.row.priority());
    for (const std::string& name : facts_.class_info->required_capabilities) task_.add_required_capabilities(name);
    task_.set_created_at_us(facts_.row.created_us());
    task_.set_unique_key(facts_.row.unique_key());
    task_.set_schedule(facts_.row.schedule());
    task_.set_scheduled_at_us(facts_.row.scheduled_us());
    task_.set_start_by_us(facts_.row.start_by_us());
    task_.set_end_by_us(facts_.row.end_by_us());
    task_.set_trace_parent(facts_.row.trace_parent());
    task_.set_trace_state(facts_.row.trace_state());
    OptionsNow();
  }

  void OptionsNow() {
    Error missing = CheckAttemptOptions(surroundings_.view, facts_.id, facts_.now.options_number());
    if (!missing.ok()) return Keep(std::move(missing));
    *task_.mutable_options() = OptionsInForce(facts_.row, *facts_.class_info, facts_.now.options_number(),
                                              surroundings_.view.catalog(), surroundings_.defaults);
  }

  void Counters() {
    task_.set_attempt(static_cast<int32_t>(facts_.now.attempt()));
    task_.set_stage(static_cast<int32_t>(facts_.now.stage()));
    task_.set_failed_attempts(static_cast<int32_t>(facts_.now.failures()));
    task_.set_interruptions(static_cast<int32_t>(facts_.now.interruptions()));
    task_.set_children_total(facts_.now.children_total());
  }

  // The running one or the last one; a task that was never claimed has none.
  void LastAttempt() {
    if (facts_.state == LiveState::RUNNING) {
      std::string worker;
      Keep(WorkerOfSession(surroundings_.view.store(), facts_.entry.session, &worker));
      task_.set_worker_id(worker);
      task_.set_started_at_us(facts_.entry.claimed);
      task_.set_due_at_us(facts_.entry.ready != 0 ? facts_.entry.ready : facts_.entry.due);
    } else if (facts_.attempt.number() != 0) {
      task_.set_worker_id(facts_.attempt.worker());
      task_.set_started_at_us(facts_.attempt.claimed_us() + facts_.attempt_queued);
      task_.set_due_at_us(facts_.attempt.ready_us());
    } else {
      task_.set_due_at_us(facts_.row.due_us());
    }
  }

  // An outcome may carry progress that no log row has.
  void Progress() {
    if (facts_.end.has_progress()) {
      *task_.mutable_progress() = WireProgress(facts_.end.progress());
      return;
    }
    const Step step = Row(facts_.now.progress_row());
    if (step.has_progress()) *task_.mutable_progress() = WireProgress(step.progress());
  }

  void LiveTask() {
    if (facts_.state == LiveState::PENDING) task_.set_due_at_us(facts_.entry.due);
    if (facts_.state == LiveState::WAITING) {
      task_.set_children_remaining(facts_.entry.remaining);
      task_.set_children_failed(facts_.entry.failed);
    }
    if (facts_.state == LiveState::SUSPENDED) {
      const Step suspension = Row(facts_.now.suspension_row());
      task_.set_suspend_reason(suspension.reason());
      task_.set_suspended_at_us(suspension.time_us());
      task_.set_decide_by_us(facts_.now.decide_by_us());
      if (facts_.now.decide_by_us() != 0) task_.set_when_undecided(WireUndecided(facts_.now.when_undecided()));
    }
    task_.set_runnable(surroundings_.routing->Runnable(*facts_.class_info));
    records::v1::TypeRow type;
    if (facts_.state == LiveState::PENDING) Keep(ReadType(surroundings_.view, facts_.class_info->type, &type));
    task_.set_waiting_for(
        WaitingFor({facts_, task_.suspend_reason(), type, *surroundings_.routing, surroundings_.now}));
  }

  void Bulk(const v1::TaskParts& parts) {
    if (parts.payload() && facts_.row.has_payload()) *task_.mutable_payload() = WirePayload(facts_.row.payload());
    if (parts.result() && facts_.end.has_result()) *task_.mutable_result() = WirePayload(facts_.end.result());
    if (!parts.context()) return;
    const Step step = Row(facts_.now.context_row());
    if (step.has_context()) *task_.mutable_context() = WirePayload(step.context());
  }

  // Differs whenever state, attempt, stage or progress do, and when a child ends. Never 0, which means "none" in a
  // request.
  uint64_t Version() const {
    const uint64_t state = static_cast<uint64_t>(facts_.state) << 1 | (facts_.entry.paused ? 1 : 0);
    const uint64_t phase = uint64_t{facts_.now.attempt()} << 32 | facts_.now.stage();
    const uint64_t version = Mix(state << 32 | facts_.now.progress_row(), phase, facts_.entry.remaining);
    return version == 0 ? 1 : version;
  }

  Step Row(uint32_t row) {
    Step step;
    Keep(ReadStep(surroundings_.view, facts_, row, &step));
    return step;
  }

  void Keep(Error error) {
    if (error_.ok()) error_ = std::move(error);
  }

  const Surroundings& surroundings_;
  const TaskFacts& facts_;
  v1::Task& task_;
  Error error_;
};

}  // namespace

Error DescribeTask(const Surroundings& surroundings, const TaskFacts& facts, const v1::TaskParts& parts,
                   v1::Task* task) {
  return Description(surroundings, facts, task).Fill(parts);
}

void DescribeDamaged(const Surroundings& surroundings, const TaskFacts& facts, const Error& damage, v1::Task* task) {
  const engine::ClassInfo* info = facts.class_info;
  if (info == nullptr && facts.live()) FindClass(surroundings.view, facts.entry.class_number, &info);
  task->set_id(facts.id);
  task->set_state(WireState(facts.state, facts.entry.paused));
  if (info != nullptr) task->set_type(info->type);
  if (!facts.live()) return task->set_last_error(damage.message);
  task->set_priority(facts.entry.priority);
  task->set_waiting_for(absl::StrCat("is set aside, all others go on: ", damage.message));
}

Error ReadTask(const Surroundings& surroundings, TaskId id, const v1::TaskParts& parts, v1::Task* task) {
  TaskFacts facts;
  Error error = LoadTask(surroundings.view, id, &facts);
  if (!error.ok()) return error;
  return DescribeTask(surroundings, facts, parts, task);
}

Error ReadWhatWentWrong(const engine::View& view, const TaskFacts& facts, std::string* last_error,
                        std::string* cancel_reason) {
  if (facts.state == LiveState::COMPLETED) return {};
  if (facts.state == LiveState::CANCELLED) *cancel_reason = CancelText(facts.end);
  if (facts.state == LiveState::FAILED) {
    *last_error = FailureText(facts.end);
    return {};
  }
  if (facts.now.error_row() == 0) return {};
  Step failure;
  Error error = ReadStep(view, facts, facts.now.error_row(), &failure);
  // Failures of earlier stages are history.
  const bool of_this_stage = failure.attempt().stage() == facts.now.stage();
  if (!facts.live() || of_this_stage) *last_error = FailureText(failure);
  return error;
}

std::string CancelText(const Step& step) {
  const std::string by = absl::StrCat("cancelled by ", step.actor().empty() ? "broker" : step.actor());
  return step.reason().empty() ? by : absl::StrCat(by, ": ", step.reason());
}

std::string FailureText(const Step& step) {
  if (!step.error().empty()) return step.error();
  if (!step.reason().empty()) return step.reason();
  switch (step.kind()) {
    case Step::TIMED_OUT:
      return absl::StrCat("attempt ", step.attempt().number(), " took longer than its timeout");
    case Step::INTERRUPTED:
      return absl::StrCat("attempt ", step.attempt().number(), " was interrupted: its worker was lost");
    default:
      return "";
  }
}

}  // namespace baton::service
