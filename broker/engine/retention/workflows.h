#ifndef BATON_BROKER_ENGINE_RETENTION_WORKFLOWS_H_
#define BATON_BROKER_ENGINE_RETENTION_WORKFLOWS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/engine/live/view.h"

namespace baton::engine {

// Tells whether a workflow may be removed: its root and all its descendants have ended, and all pages they are in had
// their newest end before the cutoff. Once it may, it always may: ended tasks spawn no children and never change. So a
// workflow goes page by page, and a root that is removed says that all the rest may follow.
//
// For one view; not thread-safe. Reads the rows of parents only: whether others have ended is told by the pages.
class Workflows {
 public:
  // `view` must outlive it. `now`: what lives now ends then at the earliest.
  Workflows(const View& view, WallMicros cutoff, WallMicros now) : view_(view), cutoff_(cutoff), now_(now) {}

  // 0: the workflow with this root may be removed. Else it stays at least until this newest end is old. Errors:
  // DATA_LOSS a row or page of it is damaged.
  absl::StatusOr<WallMicros> StaysUntil(TaskId root);

 private:
  absl::StatusOr<WallMicros> Walk(TaskId root);
  // Of all tasks of the range; those with children of their own are added to `parents`.
  absl::StatusOr<WallMicros> Judge(const IdRange& range, std::vector<TaskId>* parents);
  WallMicros JudgePart(const Page& page, TaskId first, TaskId end) const;
  absl::StatusOr<const Page*> GetPage(uint64_t page_number);

  const View& view_;
  const WallMicros cutoff_;
  const WallMicros now_;
  absl::flat_hash_map<TaskId, WallMicros> known_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const Page>> pages_;
};

// All children that a task ever had.
absl::Status ReadChildren(const storage::Snapshot& store, TaskId parent, std::vector<IdRange>* children);

// Adds the tasks in [first, end) that have ended and had children.
absl::Status FindEndedParents(const storage::Snapshot& store, TaskId first, TaskId end, std::vector<TaskId>* parents);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_WORKFLOWS_H_
