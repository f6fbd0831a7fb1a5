// What was written: every step must have a cause, and lead where the rules say.
#include <algorithm>

#include "absl/strings/match.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/required.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

const char* const kReplacedReason = "replaced by a newer task with the same unique key";

std::string BytesOf(const records::v1::Payload& payload) { return payload.data(); }

}  // namespace

void Auditor::ReadStep(TaskId id, const Step& step, bool last) {
  if (id == reviving_ && step.kind() != Step::RETRIED) {
    const ModelTask& task = model_.At(id);
    REQUIRE(!last && ModelStepOf(step) == task.steps.back() && step.state() == task.state, "the end of ",
            Describe(task), " became ", step.ShortDebugString());
    return;
  }
  // Which of the tasks of a submission took its place is known when their answers are looked at, in their order.
  if (step.kind() == Step::CANCELLED && step.reason() == kReplacedReason) {
    replaced_[id] = step;
    return;
  }
  ApplyStep(id, step, last);
}

void Auditor::ApplyStep(TaskId id, const Step& step, bool last) {
  REQUIRE(model_.Exists(id), "a step of task ", id, ", which was not created");
  const ModelTask before = model_.At(id);
  were_[id].insert(before.state);
  were_paused_[id].insert(before.paused);
  const std::string content = ExpectedContent(before, step);
  REQUIRE(ContentOf(step) == content, "the step ", step.ShortDebugString(), " does not tell what was sent of ",
          Describe(before));
  JustifyStep(before, step);
  ModelTask& task = model_.Change(id);
  task.steps.push_back(ModelStepOf(step));
  Move(task, step);
  Tell(Step::Kind_Name(step.kind()), ": ", Describe(model_.At(id)));
  CheckStep(before, model_.At(id), step);
  const LiveState state = model_.At(id).state;
  REQUIRE(last == engine::IsTerminal(state), "the last step of ", Describe(task), " is in the wrong family");
  if (last) model_.Change(id).ended_from = before.state;
  const std::string transition =
      absl::StrCat(LiveState_Name(before.state), " -", Step::Kind_Name(step.kind()), "-> ", LiveState_Name(state));
  REQUIRE(IsRequired(transition), "no rule allows ", transition, ": ", Describe(task));
  coverage_->Count(transition);
  for (auto& [command, waiting] : waiting_) {
    if (command->kind != engine::Command::Kind::kRetry) continue;
    if (static_cast<const engine::RetryCommand*>(command)->task == id) waiting.states.insert({before.state, state});
  }
  if (last) EndTask(id);
}

void Auditor::JustifyStep(const ModelTask& task, const Step& step) {
  if (step.kind() == Step::PAUSED || step.kind() == Step::UNPAUSED) return JustifyMark(task, step);
  if (JustifyByTime(task, step) || JustifyRetry(task, step)) return;
  const auto cause = std::find_if(expected_.begin(), expected_.end(), [&](const Expected& expected) {
    return expected.task == task.id && expected.kind == step.kind();
  });
  if (cause != expected_.end()) {
    coverage_->Count(absl::StrCat(Step::Kind_Name(step.kind()), ": ", cause->cause));
    expected_.erase(cause);
    return;
  }
  for (const auto& [command, waiting] : waiting_) {
    const bool cancels = command->kind == engine::Command::Kind::kCancel && step.kind() == Step::CANCELLED &&
                         static_cast<const engine::CancelCommand*>(command)->task == task.id &&
                         static_cast<const engine::CancelCommand*>(command)->reason == step.reason();
    if (!cancels) continue;
    done_verbs_.insert(step.reason());
    return coverage_->Count("CANCELLED: by a call");
  }
  if (DecisionFor(task, step) != nullptr) {
    done_verbs_.insert(step.reason());
    return coverage_->Count("RESUMED: by a call");
  }
  if (JustifyByJob(task, step)) return;
  REQUIRE(step.kind() == Step::CANCELLED, Step::Kind_Name(step.kind()), " for no reason: ", Describe(task));
  if (step.reason() == kReplacedReason) return coverage_->Count("CANCELLED: replaced");
  REQUIRE(model_.IsDoomed(task), "cancelled for no reason: ", Describe(task));
  coverage_->Count(finishing_ ? "CANCELLED: its parent had ended" : "CANCELLED: with its parent");
}

// By a call for this task, or with one above it.
void Auditor::JustifyMark(const ModelTask& task, const Step& step) {
  const bool pauses = step.kind() == Step::PAUSED;
  for (const auto& [command, waiting] : waiting_) {
    if (command->kind != engine::Command::Kind::kPause) continue;
    const auto& pause = static_cast<const engine::PauseCommand&>(*command);
    if (pause.task != task.id || pause.pause != pauses || pause.reason != step.reason()) continue;
    done_verbs_.insert(step.reason());
    return coverage_->Count(absl::StrCat(Step::Kind_Name(step.kind()), ": by a call"));
  }
  if (JustifyByJob(task, step)) return;
  const auto cascade = cascades_.find(step.reason());
  REQUIRE(cascade != cascades_.end(), Step::Kind_Name(step.kind()), " for no reason: ", Describe(task));
  TaskId above = task.parent;
  while (above != 0 && above != cascade->second) above = model_.At(above).parent;
  REQUIRE(above != 0, Step::Kind_Name(step.kind()), " from task ", cascade->second, ", not above ", Describe(task));
  coverage_->Count(absl::StrCat(Step::Kind_Name(step.kind()), ": with one above"));
}

// What it has to tell of what somebody has sent; the broker's own words are only errors.
std::string Auditor::ExpectedContent(const ModelTask& before, const Step& step) {
  const auto sent = [](const std::string& bytes) {
    Step of;
    REQUIRE(of.ParsePartialFromString(bytes), "somebody sent what cannot be read");
    return ContentOf(of);
  };
  if (const auto reports = reports_.find(before.id); step.kind() == Step::REPORTED && reports != reports_.end()) {
    REQUIRE(!reports->second.empty(), "one more report than was sent of ", Describe(before));
    const std::string report = std::move(reports->second.front());
    reports->second.pop_front();
    return sent(report);
  }
  const auto outcome = outcomes_.find(before.id);
  if (outcome != outcomes_.end() && StepOf(outcome->second.kind) == step.kind()) return sent(outcome->second.step);
  if (const std::string* decision = DecisionFor(before, step); decision != nullptr) return sent(*decision);
  Step own;
  own.set_error(step.error());
  if (step.kind() == Step::RESUMED && step.has_decision()) {
    own.mutable_decision()->set_data(before.default_decision);
  }
  return ContentOf(own);
}

// By whoever resumes it; null: nobody does.
const std::string* Auditor::DecisionFor(const ModelTask& task, const Step& step) const {
  if (step.kind() != Step::RESUMED) return nullptr;
  for (const auto& [command, waiting] : waiting_) {
    if (command->kind != engine::Command::Kind::kResume) continue;
    const auto& resume = static_cast<const engine::ResumeCommand&>(*command);
    if (resume.task == task.id && resume.stage.value_or(task.stage) == task.stage &&
        absl::StrContains(resume.step, step.reason())) {
      return &resume.step;
    }
  }
  return nullptr;
}

void Auditor::CheckStep(const ModelTask& before, const ModelTask& after, const Step& step) const {
  const records::v1::Mutable& written = step.after();
  REQUIRE(step.state() == after.state && written.stage() == after.stage && written.failures() == after.failures &&
              written.interruptions() == after.interruptions && written.attempt() == after.attempt &&
              written.paused() == after.paused && written.generation() == after.generation &&
              written.children_total() == after.children_total,
          "the step ", step.ShortDebugString(), " does not lead to ", Describe(after));
  REQUIRE(!engine::IsTerminal(after.state) || step.from() == before.state, "its last step says it was ",
          LiveState_Name(step.from()), ", it was: ", Describe(before));
  REQUIRE(step.time_us() == now_.wall, "the time of a step is not its time: ", Describe(after));
  if (after.state == LiveState::PENDING && before.state != LiveState::PENDING) {
    REQUIRE(step.due_us() == after.due, "the step says due ", step.due_us(), ": ", Describe(after));
  }
  const bool ran = before.state == LiveState::RUNNING;
  REQUIRE(step.has_attempt() == ran, "the step and its attempt do not fit: ", Describe(before));
  if (!ran) return;
  const records::v1::AttemptInfo& attempt = step.attempt();
  REQUIRE(attempt.number() == before.attempt && attempt.claimed_us() == before.claimed &&
              attempt.stage() == before.stage && attempt.worker() == worker_names_.at(before.session),
          "the attempt of the step ", attempt.ShortDebugString(), " is not that of ", Describe(before));
}

void Auditor::EndTask(TaskId id) {
  const ModelTask& task = model_.At(id);
  model_.live.erase(id);
  ended_.push_back(id);
  if (!task.unique.empty() && model_.Holder(task.unique) == id) {
    model_.holders.erase(task.unique);
    freed_keys_[task.unique] = id;
  }
  if (task.schedule != 0) FiringEnded(task);
  if (task.parent != 0) ChildEnded(task.parent, task.parent_generation, task.state);
}

void Auditor::ChildEnded(TaskId id, uint32_t generation, LiveState state) {
  const ModelTask& known = model_.At(id);
  if (known.state != LiveState::WAITING || known.generation != generation) return;
  ModelTask& parent = model_.Change(id);
  REQUIRE(parent.remaining > 0, "too many children have ended of ", Describe(parent));
  if (state != LiveState::COMPLETED) ++parent.failed;
  if (--parent.remaining > 0 || Model::FailsFast(parent)) return;
  were_[id].insert(LiveState::WAITING);
  parent.state = LiveState::PENDING;
  ++parent.stage;
  parent.failures = 0;
  coverage_->Count("WAITING -CHILDREN_ENDED-> PENDING");
}

void Auditor::ReadDropped(TaskId id) {
  REQUIRE(model_.StateOf(id) == LiveState::STAGED,
          "removed: ", model_.Exists(id) ? Describe(model_.At(id)) : "what never was");
  model_.Change(id).state = LiveState::REMOVED;
  model_.live.erase(id);
  coverage_->Count("STAGED -DROPPED-> REMOVED");
}

void Auditor::TakeCreations(ModelTask& parent, size_t count, LiveState state) {
  REQUIRE(new_children_.size() >= count, "too many children");
  for (size_t i = 0; i < count; ++i) {
    const ModelTask child = TakeCreation(new_children_[i], &parent, state);
    (state == LiveState::STAGED ? parent.staged : parent.children).push_back(child.id);
    model_.Add(child);
    model_.live.insert(child.id);
  }
  new_children_.erase(new_children_.begin(), new_children_.begin() + static_cast<ptrdiff_t>(count));
  if (count > 0) coverage_->Count(absl::StrCat("-CREATED-> ", LiveState_Name(state), " child"), count);
}

ModelTask Auditor::TakeCreation(const engine::NewTask& source, const ModelTask* parent, LiveState state) {
  REQUIRE(!creations_.empty(), "a task was not stored");
  const Creation creation = std::move(creations_.front());
  creations_.pop_front();
  REQUIRE(creation.id == model_.next_id(), "the next id is ", model_.next_id(), ", not ", creation.id);
  ModelTask task;
  task.id = creation.id;
  task.state = state;
  task.created = now_.wall;
  task.schedule = source.schedule;
  if (parent != nullptr) task.inherited = InheritedFrom(*parent);
  Place(source, &task);
  if (parent != nullptr) {
    task.parent = parent->id;
    // Staged children belong to the spawn that will seal them.
    task.parent_generation = parent->generation + (state == LiveState::STAGED ? 1 : 0);
    task.depth = parent->depth + 1;
  }
  Tell("created: ", Describe(task));
  const records::v1::TaskRow& row = creation.row;
  const engine::ClassInfo& info = catalog_->Class(row.class_number());
  records::v1::TaskRow sent;
  sent.ParsePartialFromString(source.row);
  task.payload = BytesOf(sent.payload());
  task.tag = sent.tag();
  task.trace = sent.trace_parent();
  if (task.trace.empty() && parent != nullptr && !parent->trace.empty()) {
    task.trace = parent->trace;
    coverage_->Count("inherited: a trace context");
  }
  REQUIRE(info.type == task.type && info.required_capabilities == task.required && row.priority() == task.priority &&
              row.due_us() == task.due && row.created_us() == task.created && row.parent() == task.parent &&
              row.generation() == task.parent_generation && row.depth() == task.depth &&
              row.schedule_number() == source.schedule && row.scheduled_us() == source.scheduled &&
              row.start_by_us() == task.start_by && row.end_by_us() == task.end_by &&
              engine::FromRecord(row.inherited()) == task.inherited && BytesOf(row.payload()) == task.payload &&
              row.tag() == task.tag && row.trace_parent() == task.trace,
          "the record ", row.ShortDebugString(), " is not that of ", Describe(task));
  return task;
}

void Auditor::Place(const engine::NewTask& source, ModelTask* task) const {
  task->type = source.type;
  task->due = std::max(source.due, now_.wall + source.delay);
  if (source.start_timeout != 0) task->start_by = task->due + source.start_timeout;
  if (source.total_timeout != 0) task->end_by = task->due + source.total_timeout;
  if (source.options != nullptr) task->own = *source.options;
  if (!source.unique.empty()) task->unique = source.unique.Bytes();
  const auto type = model_.types.find(source.type);
  const Options registered = type == model_.types.end() ? Options() : type->second;
  const int32_t otherwise = task->inherited.priority.value_or(settings_.defaults.priority);
  task->priority = task->own.priority.value_or(registered.priority.value_or(otherwise));
  task->required = task->own.required_capabilities.value_or(registered.required_capabilities.value_or(Capabilities()));
}

}  // namespace baton::simulation
