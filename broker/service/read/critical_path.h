// Where the time of a workflow went: from the end of its root back through what each task waited for last.
#ifndef BATON_BROKER_SERVICE_READ_CRITICAL_PATH_H_
#define BATON_BROKER_SERVICE_READ_CRITICAL_PATH_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "baton/records/v1/records.pb.h"
#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"
#include "broker/service/read/task_facts.h"
#include "broker/service/read/task_timeline.h"

namespace baton::service {

// Of each time that a task waited for children, which of them it waited for last. Not thread-safe.
class ChildWaits {
 public:
  // End of a child that has not ended.
  static constexpr WallMicros kNever = std::numeric_limits<WallMicros>::max();

  // A stretch of kind CHILDREN. To be told before its children are.
  void AddWait(TaskId parent, const Stretch& wait);
  void AddChild(const records::v1::TaskRow& row, TaskId child, WallMicros end);

  // 0: none is known.
  TaskId LastChild(TaskId parent, uint32_t generation) const;

 private:
  struct Wait {
    WallMicros over = 0;
    bool came_back = false;
    TaskId child = 0;
    // Not after `over`.
    WallMicros child_end = 0;
    // A wait that came back is for children that ended in it; one that did not, for those that had not ended by then.
    bool fits = false;
  };
  // By parent and number of the spawn.
  absl::flat_hash_map<std::pair<TaskId, uint32_t>, Wait> waits_;
};

// Sets critical_path and critical_path_truncated: at most `most` segments. Errors: as LoadTask for the root,
// STORE_DAMAGED.
Error AddCriticalPath(const engine::View& view, TaskId root, const ChildWaits& waits, WallMicros now, size_t most,
                      v1::GetWorkflowSummaryResponse* summary);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_CRITICAL_PATH_H_
