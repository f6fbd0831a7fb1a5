#ifndef BATON_BROKER_ENGINE_RETENTION_WORKFLOWS_H_
#define BATON_BROKER_ENGINE_RETENTION_WORKFLOWS_H_

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/engine/live/view.h"
#include "broker/engine/retention/ages.h"

namespace baton::engine {

// Tells whether a workflow may be removed: its root and all its descendants have ended, and the newest ends of all
// pages they are in are as long ago as the state of the root says. Once it may, it always may: ended tasks spawn no
// children and never change. So a workflow goes page by page, and a root that is removed says that all the rest may
// follow.
//
// For one view; not thread-safe. Reads the rows of parents only: whether others have ended is told by the pages.
class Workflows {
 public:
  // `view` must outlive it. `now`: what lives now ends then at the earliest.
  Workflows(const View& view, const RetentionAges& ages, WallMicros now) : view_(view), ages_(ages), now_(now) {}

  // 0: the workflow with this root may be removed. Else it stays at least until this time is over; kForEver: until its
  // root has ended, or ended anew. Errors: DATA_LOSS a row or page of it is damaged.
  absl::StatusOr<WallMicros> StaysUntil(TaskId root);

  // The pages that the workflows that may be removed have ended tasks in, of those whose root has not gone before.
  const std::set<uint64_t>& going_pages() const { return going_pages_; }

 private:
  absl::StatusOr<WallMicros> Walk(TaskId root);
  // All below a root that ended in `state`, and itself.
  absl::StatusOr<WallMicros> WalkBelow(TaskId root, LiveState state);
  // Of all tasks of the range; those with children of their own are added to `parents`, pages to `pages`.
  absl::StatusOr<WallMicros> Judge(const IdRange& range, LiveState root_state, std::vector<TaskId>* parents,
                                   std::set<uint64_t>* pages);
  WallMicros JudgePart(const Page& page, TaskId first, TaskId end, LiveState root_state,
                       std::set<uint64_t>* pages) const;
  absl::StatusOr<const Page*> GetPage(uint64_t page_number);

  const View& view_;
  const RetentionAges ages_;
  const WallMicros now_;
  absl::flat_hash_map<TaskId, WallMicros> known_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const Page>> pages_;
  std::set<uint64_t> going_pages_;
};

// All children that a task ever had.
absl::Status ReadChildren(const storage::Snapshot& store, TaskId parent, std::vector<IdRange>* children);

// Adds the tasks in [first, end) that have ended and had children.
absl::Status FindEndedParents(const storage::Snapshot& store, TaskId first, TaskId end, std::vector<TaskId>* parents);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_WORKFLOWS_H_
