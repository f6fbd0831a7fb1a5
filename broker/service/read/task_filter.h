// Which tasks a list is about, and where their ids can lie.
#ifndef BATON_BROKER_SERVICE_READ_TASK_FILTER_H_
#define BATON_BROKER_SERVICE_READ_TASK_FILTER_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/live/index.h"
#include "broker/service/read/task_conditions.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// The conditions of a TaskFilter, the cheap ones apart. For one read; not thread-safe.
class TaskFilter {
 public:
  TaskFilter(const engine::View& view, const v1::TaskFilter& filter);

  // Ids [first, end).
  struct Interval {
    TaskId first;
    TaskId end;
  };
  // Finds out where matching ids can lie: disjoint intervals, the highest first. To be called before the others.
  // Errors: STORE_DAMAGED.
  Error FindIntervals(std::vector<Interval>* intervals);

  // What the index has to be asked for; nullopt: nothing, the filter names neither type nor tag.
  std::optional<engine::Wanted> FindWanted() const;
  // False if no task of the page can match, by how many of them are in which states.
  bool MayMatchIn(const engine::Page& page) const;
  // Whether a task may match by what the live table says of it.
  bool MayMatch(const engine::Page& page, uint32_t slot) const;
  // Whether it does, by its records, which are asked for everything but the state; LoadTaskRow must have been called.
  // Errors: STORE_DAMAGED, TASK_EXPIRED.
  Error Matches(TaskFacts* facts, bool* matches);

 private:
  bool IsShown(v1::TaskState state) const;
  Error FindFamily(std::vector<Interval>* intervals);
  Error FindChildren(std::vector<Interval>* intervals) const;
  Error FindDescendants(std::vector<Interval>* intervals);
  Error IsDescendant(const TaskFacts& facts, bool* is_descendant);

  const engine::View& view_;
  const v1::TaskFilter& filter_;
  const TaskConditions conditions_;
  // By LiveState: whether a task in it may match, paused or not.
  std::array<bool, engine::kLiveStates> may_match_{};
  bool may_match_live_ = false;
  // Top of the workflow that root_id belongs to.
  TaskId top_ = 0;
  // Whether a task is root_id or below it, for parents met so far.
  absl::flat_hash_map<TaskId, bool> below_;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_FILTER_H_
