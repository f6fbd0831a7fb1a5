#ifndef BATON_BROKER_ENGINE_RETENTION_MEMBERS_H_
#define BATON_BROKER_ENGINE_RETENTION_MEMBERS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/live/view.h"

namespace baton::engine {

// The whole workflow that a task belongs to, as of one commit.
struct Members {
  // Of the task that was asked about. The rest tells of nothing unless it has ended.
  LiveState state = LiveState::NONE;
  // The top; of what the retention has taken the top of already, the task that was asked about.
  TaskId root = 0;
  // One that has not ended, and its state; 0: all have. Then that is all that is told.
  TaskId living = 0;
  LiveState living_state = LiveState::NONE;
  // The ids of all tasks: ascending, and the root last.
  std::vector<IdRange> ranges;
  // How many they are, without those that are removed.
  uint64_t tasks = 0;
  uint64_t as_of = 0;
};

// Errors: DATA_LOSS a row or page of it is damaged.
absl::StatusOr<Members> FindMembers(const View& view, TaskId task);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_MEMBERS_H_
