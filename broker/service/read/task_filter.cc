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

Error TaskFilter::FindIntervals(std::vector<Interval>* intervals) {
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

bool TaskFilter::MayMatch(LiveState state, const engine::LiveEntry* entry) const {
  const v1::TaskState shown = WireState(state, entry != nullptr && entry->paused);
  if (shown == v1::TASK_STATE_UNSPECIFIED) return false;
  if (!filter_.states().empty() &&
      std::find(filter_.states().begin(), filter_.states().end(), shown) == filter_.states().end()) {
    return false;
  }
  if (entry == nullptr || filter_.type().empty()) return true;
  const engine::ClassInfo* info = nullptr;
  // A damaged class is told when the row is read.
  return !FindClass(view_, entry->class_number, &info).ok() || info->type == filter_.type();
}

Error TaskFilter::Matches(const TaskFacts& facts, bool* matches) {
  *matches = false;
  if (!filter_.type().empty() && facts.class_info->type != filter_.type()) return {};
  if (!filter_.tag().empty() && facts.row.tag() != filter_.tag()) return {};
  if (filter_.parent_id() != 0 && facts.row.parent() != filter_.parent_id()) return {};
  if (filter_.root_id() != 0) return IsDescendant(facts, matches);
  *matches = true;
  return {};
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
