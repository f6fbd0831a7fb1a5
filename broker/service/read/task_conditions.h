// The conditions of a TaskFilter for which there is no index: they are asked of a task's records.
#ifndef BATON_BROKER_SERVICE_READ_TASK_CONDITIONS_H_
#define BATON_BROKER_SERVICE_READ_TASK_CONDITIONS_H_

#include <string>

#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/live/page.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// INVALID_ARGUMENT/BAD_FILTER, naming the field, if one cannot mean anything.
Error CheckTaskConditions(const v1::TaskFilter& filter);

// `filter` has been checked, and must outlive it. Thread-safe.
class TaskConditions {
 public:
  explicit TaskConditions(const v1::TaskFilter& filter);

  // Ended tasks only.
  bool ended_only() const { return ended_.limited(); }
  // Of live tasks only what its handler has suspended.
  bool undecided_only() const { return filter_.awaits_decision() || !filter_.suspend_reason().empty(); }
  // False if what has ended in the page did so too early.
  bool MayMatchIn(const engine::Page& page) const { return page.newest_end() >= ended_.since; }
  // Narrows [first, end) to the ids that were given away at the time. Ids ascend with the broker's clock but where it
  // was set back: by an hour at most, nothing is missed.
  Error Narrow(const engine::View& view, TaskId* first, TaskId* end) const;
  // By its row, and where that is not enough by its steps. Errors: STORE_DAMAGED, TASK_EXPIRED.
  Error Match(const engine::View& view, TaskFacts* facts, bool* matches) const;

 private:
  // [since, before).
  struct Window {
    WallMicros since, before;
    bool limited() const;
    bool Holds(WallMicros time) const { return time >= since && time < before; }
  };

  static Window WindowOf(bool has_since, const google::protobuf::Timestamp& since, bool has_before,
                         const google::protobuf::Timestamp& before);
  bool MatchesRow(const TaskFacts& facts) const;
  Error MatchSteps(const engine::View& view, const TaskFacts& facts, bool* matches) const;

  const v1::TaskFilter& filter_;
  const Window created_, ended_;
  const std::string error_;  // In small letters.
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_CONDITIONS_H_
