#include "broker/service/read/workflow_summary.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "broker/service/read/attempts.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using records::v1::AttemptInfo;
using records::v1::Step;

// What the contract says of the sizes of lists.
constexpr size_t kMostKinds = 100;
constexpr size_t kMostWorkers = 100;
constexpr size_t kMostWorkersCounted = 100'000;
constexpr size_t kMostStagesOfRoot = 1000;
constexpr size_t kMostFailed = 100;
constexpr size_t kMostErrorBytes = 1024;
constexpr size_t kMostSlowest = 5;
constexpr size_t kMostSegments = 1000;

// Cut between two code points.
std::string Cut(const std::string& text) {
  if (text.size() <= kMostErrorBytes) return text;
  size_t size = kMostErrorBytes;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

// The largest counts, in ascending order of what is counted.
template <typename Key>
std::vector<std::pair<Key, uint64_t>> LargestCounts(const std::map<Key, uint64_t>& counts) {
  std::vector<std::pair<Key, uint64_t>> largest(counts.begin(), counts.end());
  if (largest.size() <= kMostKinds) return largest;
  std::stable_sort(largest.begin(), largest.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  largest.resize(kMostKinds);
  std::sort(largest.begin(), largest.end());
  return largest;
}

}  // namespace

WorkflowSummary::WorkflowSummary(const Surroundings& surroundings, TaskId root, uint64_t most_tasks)
    : MemberScan(surroundings.view, root), surroundings_(surroundings), root_(root), most_tasks_(most_tasks) {}

bool WorkflowSummary::Span::IsSlowerThan(const Span& other) const {
  if (duration != other.duration) return duration > other.duration;
  return std::tie(claimed, task, number) < std::tie(other.claimed, other.task, other.number);
}

void WorkflowSummary::BeginTask(const Member& member) {
  if (is_over() || ++tasks_ > most_tasks_) return;
  expander_.emplace(member.id);
  timeline_ = TaskTimeline();
  timeline_.Begin(member.row);
  error_.clear();
  expander_->ExpandTaskRow(member.row, &events_);
  TakeEvents(nullptr);
}

void WorkflowSummary::TakeStep(const Member& member, const Step& step) {
  if (is_over()) return;
  expander_->ExpandStep(step, &events_);
  TakeEvents(&step);
  if (IsFailure(step) || step.kind() == Step::CHILD_FAILED) error_ = FailureText(step);
  const v1::AttemptOutcome outcome = OutcomeOf(step);
  if (outcome != v1::ATTEMPT_OUTCOME_UNSPECIFIED) TakeAttempt(member, step.attempt(), step.time_us(), outcome);
}

Error WorkflowSummary::EndTask(const Member& member) {
  if (is_over()) return {};
  const engine::ClassInfo* info = nullptr;
  Error error = FindClass(surroundings_.view, member.row.class_number(), &info);
  WallMicros end = ChildWaits::kNever;
  if (engine::IsTerminal(member.state)) {
    TakeStep(member, member.end);
    end = member.end.time_us();
  } else if (error.ok()) {
    error = EndLiveTask(member);
  }
  if (!error.ok()) return error;
  for (const Stretch& stretch : timeline_.stretches()) {
    if (stretch.kind == v1::SEGMENT_KIND_CHILDREN) waits_.AddWait(member.id, stretch);
  }
  if (member.row.parent() != 0) waits_.AddChild(member.row, member.id, end);
  CountTask(member);
  if (member.id != root_) return {};
  created_ = member.row.created_us();
  ended_ = end == ChildWaits::kNever ? surroundings_.now : end;
  return {};
}

Error WorkflowSummary::EndLiveTask(const Member& member) {
  std::string worker;
  Error error;
  if (member.state == LiveState::RUNNING) error = NameWorker(member.entry.session, &worker);
  if (!error.ok()) return error;
  expander_->ExpandLiveEntry(member.entry, worker, &events_);
  TakeEvents(nullptr);
  timeline_.EndAt(surroundings_.now);
  if (member.state != LiveState::RUNNING) return {};
  AttemptInfo info;
  info.set_number(member.entry.attempt);
  info.set_stage(expander_->context().stage);
  info.set_worker(worker);
  info.set_claimed_us(member.entry.claimed);
  TakeAttempt(member, info, 0, v1::ATTEMPT_OUTCOME_UNSPECIFIED);
  return {};
}

void WorkflowSummary::TakeEvents(const Step* step) {
  events_count_ += events_.size();
  for (const v1::Event& event : events_) {
    if (event.type() == v1::EVENT_TYPE_CHECKPOINT) ++checkpoints_;
    last_event_ = std::max(last_event_, FromWireTime(event.time()));
    timeline_.Take(event, step);
  }
}

void WorkflowSummary::TakeAttempt(const Member& member, const AttemptInfo& info, WallMicros ended,
                                  v1::AttemptOutcome outcome) {
  const WallMicros until = outcome != v1::ATTEMPT_OUTCOME_UNSPECIFIED ? ended : surroundings_.now;
  ++attempts_;
  if (outcome != v1::ATTEMPT_OUTCOME_UNSPECIFIED) {
    ++outcomes_[outcome];
    last_end_ = std::max(last_end_, ended);
  }
  highest_attempt_ = std::max(highest_attempt_, info.number());
  if (first_claim_ == 0 || info.claimed_us() < first_claim_) first_claim_ = info.claimed_us();
  if (!info.worker().empty() && workers_.size() < kMostWorkersCounted) workers_.insert(info.worker());
  const Span span = {.duration = std::max<Micros>(until - info.claimed_us(), 0),
                     .claimed = info.claimed_us(),
                     .task = member.id,
                     .number = info.number(),
                     .stage = info.stage(),
                     .class_number = member.row.class_number(),
                     .worker = info.worker(),
                     .ended = ended,
                     .outcome = outcome};
  if (member.id == root_) {
    stages_of_root_.push_back(span);
    if (stages_of_root_.size() > kMostStagesOfRoot) stages_of_root_.pop_front();
  }
  if (slowest_.size() == kMostSlowest && !span.IsSlowerThan(slowest_.back())) return;
  const auto at = std::find_if(slowest_.begin(), slowest_.end(), [&](const Span& s) { return span.IsSlowerThan(s); });
  slowest_.insert(at, span);
  if (slowest_.size() > kMostSlowest) slowest_.pop_back();
}

void WorkflowSummary::CountTask(const Member& member) {
  const v1::TaskState state = WireState(member.state, member.entry.paused);
  ++states_[state];
  ++classes_[member.row.class_number()];
  ++stages_[expander_->context().stage];
  if (state != v1::TASK_STATE_PERMANENTLY_FAILED && state != v1::TASK_STATE_PAUSED) return;
  if (failed_.size() == kMostFailed) return;
  v1::FailedTask& failed = failed_.emplace_back();
  failed.set_task_id(member.id);
  failed.set_type(TypeOf(member.row.class_number()));
  failed.set_state(state);
  failed.set_error(Cut(error_));
}

Error WorkflowSummary::NameWorker(uint64_t session, std::string* worker) {
  const auto known = sessions_.find(session);
  if (known != sessions_.end()) {
    *worker = known->second;
    return {};
  }
  Error error = WorkerOfSession(surroundings_.view.store(), session, worker);
  if (error.ok()) sessions_[session] = *worker;
  return error;
}

const std::string& WorkflowSummary::TypeOf(engine::ClassNumber class_number) const {
  return surroundings_.view.catalog().Class(class_number).type;
}

Error WorkflowSummary::Finish(v1::GetWorkflowSummaryResponse* response) {
  Error error = ReadTask(surroundings_, root_, v1::TaskParts(), response->mutable_root());
  if (!error.ok()) return error;
  *response->mutable_as_of() = WireTime(surroundings_.now);
  response->set_truncated(is_over());
  AddCounts(response);
  AddTimes(response);
  for (const Span& span : stages_of_root_) *response->add_stages_of_root() = WireSpan(span);
  for (v1::FailedTask& failed : failed_) *response->add_failed_tasks() = std::move(failed);
  for (const Span& span : slowest_) *response->add_slowest_attempts() = WireSpan(span);
  return AddCriticalPath(surroundings_.view, root_, waits_, surroundings_.now, kMostSegments, response);
}

void WorkflowSummary::AddCounts(v1::GetWorkflowSummaryResponse* response) const {
  response->set_tasks(std::min(tasks_, most_tasks_));
  response->set_attempts(attempts_);
  response->set_events(events_count_);
  response->set_checkpoints(checkpoints_);
  response->set_highest_attempt(static_cast<int32_t>(highest_attempt_));
  for (const auto& [state, count] : states_) {
    v1::StateCount& added = *response->add_states();
    added.set_state(state);
    added.set_tasks(count);
  }
  std::map<std::string, uint64_t> types;
  for (const auto& [class_number, count] : classes_) types[TypeOf(class_number)] += count;
  for (const auto& [type, count] : LargestCounts(types)) {
    v1::TypeCount& added = *response->add_types();
    added.set_type(type);
    added.set_tasks(count);
  }
  for (const auto& [stage, count] : LargestCounts(std::map<uint32_t, uint64_t>(stages_.begin(), stages_.end()))) {
    v1::StageCount& added = *response->add_stages();
    added.set_stage(static_cast<int32_t>(stage));
    added.set_tasks(count);
  }
  for (const auto& [outcome, count] : outcomes_) {
    v1::OutcomeCount& added = *response->add_outcomes();
    added.set_outcome(outcome);
    added.set_attempts(count);
  }
  const std::set<std::string> workers(workers_.begin(), workers_.end());
  response->set_worker_count(workers.size());
  for (const std::string& worker : workers) {
    if (response->workers_size() == static_cast<int>(kMostWorkers)) break;
    response->add_workers(worker);
  }
}

void WorkflowSummary::AddTimes(v1::GetWorkflowSummaryResponse* response) const {
  *response->mutable_created_at() = WireTime(created_);
  if (first_claim_ != 0) *response->mutable_first_claimed_at() = WireTime(first_claim_);
  if (last_end_ != 0) *response->mutable_last_ended_at() = WireTime(last_end_);
  *response->mutable_last_event_at() = WireTime(last_event_);
  *response->mutable_duration() = WireDuration(std::max<Micros>(ended_ - created_, 0));
}

v1::AttemptSpan WorkflowSummary::WireSpan(const Span& span) const {
  v1::AttemptSpan wire;
  wire.set_task_id(span.task);
  wire.set_type(TypeOf(span.class_number));
  wire.set_attempt(static_cast<int32_t>(span.number));
  wire.set_stage(static_cast<int32_t>(span.stage));
  wire.set_worker_id(span.worker);
  *wire.mutable_claimed_at() = WireTime(span.claimed);
  if (span.outcome != v1::ATTEMPT_OUTCOME_UNSPECIFIED) *wire.mutable_ended_at() = WireTime(span.ended);
  *wire.mutable_duration() = WireDuration(span.duration);
  wire.set_outcome(span.outcome);
  return wire;
}

Error FindRoot(const engine::View& view, TaskId task, TaskId* root) {
  TaskFacts facts;
  Error error = FindTask(view, task, &facts);
  if (error.ok()) error = LoadTaskRow(view, &facts);
  if (!error.ok()) return error;
  *root = facts.root();
  if (*root == task) return {};
  TaskFacts top;
  return FindTask(view, *root, &top);
}

}  // namespace baton::service
