// Decides which tasks of a page are no longer retained. Pure: the same view and look give the same plan.
//
// What has ended in a page is as old as its newest end. If that is old enough for the state that a task ended in, the
// task goes; members of workflows by the state of their root, and not before all of the workflow has ended and is old
// enough, wherever it is (workflows.h). What lives stays.
#ifndef BATON_BROKER_ENGINE_RETENTION_PLAN_H_
#define BATON_BROKER_ENGINE_RETENTION_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/live/view.h"
#include "broker/engine/retention/ages.h"
#include "broker/engine/retention/removal.h"

namespace baton::engine {

// Ended tasks between two that stay are deleted by range, unless they are fewer than this: many small range deletes
// cost every read that meets them, point deletes cost only themselves.
inline constexpr uint64_t kLeastRangeDelete = 64;
// Tasks deleted by key in a step that reads no rows; where there are more, pages are gone through in parts.
inline constexpr uint64_t kMostPointDeletes = 1024;
// Ids in such a part: a few milliseconds of reading, and a batch of some 100 KiB at most.
inline constexpr uint64_t kPartIds = 2048;
// Steps of tasks between two that stay that are deleted one by one; more are deleted by range.
inline constexpr size_t kMostStepDeletes = 64;

// What to look at.
struct Look {
  uint64_t page_number = 0;
  // The first id of interest: of the page, or where the plan before said.
  TaskId first = 0;
  // On the retention clock (sweeper.h).
  WallMicros now = 0;
  RetentionAges ages = {};
};

struct Plan {
  // Empty: nothing can be removed now.
  Removal removal;
  // Once that is done, another look from here on is due; 0: the page has been gone through.
  TaskId next = 0;
  // With the removal done all ids of the page below this one are removed for ever; 0: some are not.
  TaskId gone_until = 0;
  // All ids of the page are below that, and the index has rows of its group of pages.
  bool has_index = false;
  // Something that has ended stays, and no look finds more until this time is over; kForEver: nothing stays, or until
  // more has ended.
  WallMicros stays_until = kForEver;
  // Once that is done, other pages with more of the same workflows.
  std::vector<uint64_t> followers = {};
};

// Errors: DATA_LOSS what is stored is damaged.
absl::StatusOr<Plan> PlanRemoval(const View& view, const Look& look);

// A removal of ended tasks whatever their age, of all that are wanted below `until`.
struct Part {
  Removal removal;
  TaskId until = 0;
};

// What has ended in the front of these ranges, which are ascending: of one page, at most kPartIds ids. What is damaged
// stays.
Part PlanPart(const View& view, const std::vector<IdRange>& ranges);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_PLAN_H_
