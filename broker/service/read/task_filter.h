// Which tasks a list is about, and where their ids can lie.
#ifndef BATON_BROKER_SERVICE_READ_TASK_FILTER_H_
#define BATON_BROKER_SERVICE_READ_TASK_FILTER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// The conditions of a TaskFilter, the cheap ones apart. For one read; not thread-safe.
class TaskFilter {
 public:
  TaskFilter(const engine::View& view, const v1::TaskFilter& filter) : view_(view), filter_(filter) {}

  // Ids [first, end).
  struct Interval {
    TaskId first;
    TaskId end;
  };
  // Finds out where matching ids can lie: disjoint intervals, the highest first. To be called before the others.
  // Errors: STORE_DAMAGED.
  Error FindIntervals(std::vector<Interval>* intervals);

  // Whether a task may match by what the live table says of it; `entry` is null unless the task is live.
  bool MayMatch(LiveState state, const engine::LiveEntry* entry) const;
  // Whether it does, by its task row. Errors: STORE_DAMAGED.
  Error Matches(const TaskFacts& facts, bool* matches);

 private:
  Error FindChildren(std::vector<Interval>* intervals) const;
  Error FindDescendants(std::vector<Interval>* intervals);
  Error IsDescendant(const TaskFacts& facts, bool* is_descendant);

  const engine::View& view_;
  const v1::TaskFilter& filter_;
  // Top of the workflow that root_id belongs to.
  TaskId top_ = 0;
  // Whether a task is root_id or below it, for parents met so far.
  absl::flat_hash_map<TaskId, bool> below_;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_FILTER_H_
