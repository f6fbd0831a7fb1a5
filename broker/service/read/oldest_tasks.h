// Since when the tasks have waited or run that have done so the longest.
#ifndef BATON_BROKER_SERVICE_READ_OLDEST_TASKS_H_
#define BATON_BROKER_SERVICE_READ_OLDEST_TASKS_H_

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/engine/live/view.h"

namespace baton::service {

// The earliest instants of a class; 0: it has no such task.
struct OldestTasks {
  // A pending task that is not paused became ready; a running one was handed out; a suspended one, or one that waits
  // for its children, was last ready to run.
  WallMicros ready = 0;
  WallMicros running = 0;
  WallMicros suspended = 0;
};
using OldestByClass = absl::flat_hash_map<engine::ClassNumber, OldestTasks>;

// Looks at live tasks, those with the smallest ids first, until all were seen or half of `budget` is used up; then at
// those with the largest ids, for the other half. In the latter case a task in between may be older than what is told,
// which is a task that came later and became ready, or was handed out, before all of its class that were seen.
// DATA_LOSS if a page is damaged.
absl::StatusOr<OldestByClass> FindOldest(const engine::View& view, WallMicros now, const Clock& clock, Micros budget);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_OLDEST_TASKS_H_
