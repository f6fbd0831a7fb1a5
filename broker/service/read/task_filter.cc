#include "broker/service/read/task_filter.h"

#include <algorithm>

#include "broker/service/read/convert.h"

namespace baton::service {
namespace {

using records::v1::Step;

// Task and class of a task that may be gone; `found` is false then.
Error LoadRowIfKept(const engine::View& view, TaskId id, TaskFacts* facts, bool* found) {
  Error error = FindTask(view, id, facts);
  if (error.ok()) error = LoadTaskRow(view, facts);
  *found = error.ok();
  return error.code == absl::StatusCode::kNotFound ? Error{} : error;
}

}  // namespace

TaskFilter::TaskFilter(const engine::View& view, const v1::TaskFilter& filter)
    : view_(view), filter_(filter), conditions_(filter) {
  for (int i = 0; i < engine::kLiveStates; ++i) {
    const auto state = static_cast<LiveState>(i);
    const bool exists = WireState(state, false) != v1::TASK_STATE_UNSPECIFIED;
    may_match_[i] = exists &&
                    (IsShown(WireState(state, false)) || (engine::IsLive(state) && IsShown(v1::TASK_STATE_PAUSED))) &&
                    (!conditions_.undecided_only() || state == LiveState::SUSPENDED) &&
                    (!conditions_.ended_only() || !engine::IsLive(state));
    if (engine::IsLive(state) && may_match_[i]) may_match_live_ = true;
  }
}

Error TaskFilter::FindIntervals(std::vector<Interval>* intervals) {
  Error error = FindFamily(intervals);
  TaskId first = 1;
  TaskId end = view_.next_id();
  if (error.ok()) error = conditions_.Narrow(view_, &first, &end);
  for (Interval& interval : *intervals) {
    interval.first = std::max(interval.first, first);
    interval.end = std::min(interval.end, end);
  }
  std::erase_if(*intervals, [](const Interval& interval) { return interval.first >= interval.end; });
  return error;
}

Error TaskFilter::FindFamily(std::vector<Interval>* intervals) {
  intervals->clear();
  if (filter_.parent_id() != 0) {
    Error error = FindChildren(intervals);
    if (!error.ok() || filter_.root_id() == 0) return error;
    std::vector<Interval> descendants;
    error = FindDescendants(&descendants);
    if (descendants.empty()) intervals->clear();
    return error;
  }
  if (filter_.root_id() != 0) return FindDescendants(intervals);
  intervals->push_back({1, view_.next_id()});
  return {};
}

// The rows that sealed children name them all.
Error TaskFilter::FindChildren(std::vector<Interval>* intervals) const {
  return ScanLogReverse(view_.store(), filter_.parent_id(), [intervals](uint32_t, const Step& step) {
    if (step.kind() != Step::SPAWNED) return step.after().generation() != 0;
    for (int i = step.after().children_size() - 1; i >= 0; --i) {
      const records::v1::Range& range = step.after().children(i);
      intervals->push_back({range.first(), range.first() + range.count()});
    }
    return step.after().generation() > 1;
  });
}

// Descendants are younger than their ancestor.
Error TaskFilter::FindDescendants(std::vector<Interval>* intervals) {
  TaskFacts root;
  bool found = false;
  Error error = LoadRowIfKept(view_, filter_.root_id(), &root, &found);
  if (!error.ok() || !found) return error;
  top_ = root.root();
  intervals->push_back({root.id, view_.next_id()});
  return {};
}

std::optional<engine::Wanted> TaskFilter::FindWanted() const {
  if (filter_.type().empty() && filter_.tag().empty()) return std::nullopt;
  engine::Wanted wanted;
  if (!filter_.type().empty()) wanted.classes = view_.catalog().ClassesOf(filter_.type());
  wanted.tag_hash = engine::TagHash(filter_.tag());
  return wanted;
}

bool TaskFilter::MayMatchIn(const engine::Page& page) const {
  if (page.live_count() > 0 && may_match_live_) return true;
  if (!conditions_.MayMatchIn(page)) return false;
  return std::any_of(page.ended().begin(), page.ended().end(), [this](const engine::EndedCounts& counts) {
    return (counts.completed > 0 && may_match_[LiveState::COMPLETED]) ||
           (counts.failed > 0 && may_match_[LiveState::FAILED]) ||
           (counts.cancelled > 0 && may_match_[LiveState::CANCELLED]);
  });
}

bool TaskFilter::MayMatch(const engine::Page& page, uint32_t slot) const {
  const LiveState state = page.StateAt(slot);
  if (!may_match_[state]) return false;
  engine::LiveEntry entry;
  const bool paused = page.Find(slot, &entry) && entry.paused;
  return IsShown(WireState(state, paused));
}

bool TaskFilter::IsShown(v1::TaskState state) const {
  if (state == v1::TASK_STATE_UNSPECIFIED) return false;
  return filter_.states().empty() ||
         std::find(filter_.states().begin(), filter_.states().end(), state) != filter_.states().end();
}

Error TaskFilter::Matches(TaskFacts* facts, bool* matches) {
  *matches = false;
  if (!filter_.type().empty() && facts->class_info->type != filter_.type()) return {};
  if (!filter_.tag().empty() && facts->row.tag() != filter_.tag()) return {};
  if (filter_.parent_id() != 0 && facts->row.parent() != filter_.parent_id()) return {};
  Error error = conditions_.Match(view_, facts, matches);
  if (!error.ok() || !*matches || filter_.root_id() == 0) return error;
  return IsDescendant(*facts, matches);
}

// Up from parent to parent, as far as no answer is known. The depth of workflows is limited.
Error TaskFilter::IsDescendant(const TaskFacts& facts, bool* is_descendant) {
  *is_descendant = false;
  if (facts.root() != top_) return {};
  std::vector<TaskId> path;
  TaskFacts at;
  at.id = facts.id;
  at.row.set_parent(facts.row.parent());
  bool below = filter_.root_id() == top_;
  while (!below && at.id >= filter_.root_id()) {
    if (at.id == filter_.root_id()) below = true;
    const auto known = below_.find(at.id);
    if (below || known != below_.end()) {
      below = below || known->second;
      break;
    }
    path.push_back(at.id);
    const TaskId parent = at.row.parent();
    bool found = false;
    at = TaskFacts();
    Error error = LoadRowIfKept(view_, parent, &at, &found);
    if (!error.ok()) return error;
    if (!found) break;
  }
  // The task itself is not asked about again.
  for (size_t i = 1; i < path.size(); ++i) below_[path[i]] = below;
  *is_descendant = below;
  return {};
}

}  // namespace baton::service
