// Fetches for the engine what it does not hold in memory. Runs beside it, on a view that is at least as new as the
// engine's state was when it asked.
#ifndef BATON_BROKER_ENGINE_LIVE_LOADER_H_
#define BATON_BROKER_ENGINE_LIVE_LOADER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/engine/live/view.h"
#include "broker/engine/retention/members.h"
#include "broker/engine/retention/removal.h"
#include "broker/engine/task.h"

namespace baton::engine {

// Who ended an attempt, and how.
struct AttemptEnd {
  uint32_t attempt = 0;
  records::v1::Step::Kind kind = records::v1::Step::KIND_UNSPECIFIED;
};

struct LoadRequest {
  enum class Kind : uint8_t {
    kTasks,    // Everything about the tasks `ids`.
    kAttempt,  // How attempt `attempt` of task ids[0] ended.
    kLiveIds,  // Which tasks of `ranges` are live: at most `most`, from the front.
    kEnded,    // Everything about the task ids[0] if it has ended.
    kMembers,  // The workflow of task ids[0].
    kPart,     // What can be removed in the front of `ranges`.
    kMatches,  // Which tasks of `range` match `filter`.
  };
  Kind kind = Kind::kTasks;
  std::vector<TaskId> ids;
  bool with_bodies = false;  // kTasks: what is handed out with them, too, of as many as have room in memory.
  uint32_t attempt = 0;
  IdRange range;
  uint64_t job = 0;
  std::vector<IdRange> ranges;
  size_t most = 0;  // kLiveIds.
  std::string filter;
  bool roots_only = false;  // kMatches: without children.
  // kAttempt, kEnded, kMembers: tells requests for the same attempt or task apart.
  uint64_t asked_in = 0;
  // Commit that the view must hold: the one that was open when the engine asked.
  uint64_t min_number = 0;
};

struct LoadedTask {
  TaskId id = 0;
  // NONE: never existed. REMOVED: its records are gone.
  LiveState state = LiveState::NONE;
  // Live tasks, with `body` if it was asked for.
  std::unique_ptr<Task> task;
  // Instead of `task` or `end`: what of it is missing or unreadable. Files of what is removed are given back whoever
  // still holds a view from before; so either the task has ended and was removed since this view, or its records are
  // damaged.
  std::string damage;
  // Live tasks that are damaged: what the live table says.
  LiveEntry entry;
  // Terminal tasks: what ended the last attempt.
  AttemptEnd end;
};

// Everything about a task that has ended.
struct EndedTask {
  std::unique_ptr<Task> task;
  // Its end, and its state before that.
  std::string row;
  LiveState from = LiveState::NONE;
  // Who had its unique key as of this commit; 0: nobody.
  TaskId key_holder = 0;
  uint64_t as_of = 0;
};

struct LoadResult {
  LoadRequest request;
  std::vector<LoadedTask> tasks;      // kTasks: one for each id, in their order.
  AttemptEnd ended;                   // kAttempt; attempt 0: no such attempt ended.
  LiveState state = LiveState::NONE;  // kAttempt, kEnded: of the task.
  EndedTask end;                      // kEnded, if `state` is terminal.
  Members members;                    // kMembers.
  std::string damage;                 // kEnded, kMembers: what of it cannot be read; empty: nothing.
  Removal removal;                    // kPart, and all that is asked for below `until` is in it.
  TaskId until = 0;                   // kPart.
  std::vector<TaskId> found;          // kLiveIds, kMatches.
  size_t ranges_begun = 0;            // kLiveIds: how many of `ranges` were looked into.
  IdRange rest;                       // kLiveIds, kMatches: what is left of the range, or of the last one begun.
};

// Tasks that match a filter, which only whoever made it can read, in ascending order; and what is left of the range: at
// its front.
struct Matches {
  std::vector<TaskId> ids;
  IdRange rest;
};
// Looks at the ids of request.range from the last one downwards, for a few milliseconds at most; finds at most
// as many as a round takes steps of jobs.
using FindMatches = std::function<Matches(const View& view, const LoadRequest& request)>;

// `find_matches`: null if nobody asks for any. Errors: DATA_LOSS a file of the store, or the live table, is damaged;
// damage of single records is in the result.
absl::StatusOr<LoadResult> Load(const View& view, LoadRequest request, const FindMatches& find_matches = nullptr);

// One live task as `entry` of the live table and the rows say; also used by recovery. Errors: NOT_FOUND a row of it is
// missing or unreadable; DATA_LOSS a file of the store is damaged.
absl::StatusOr<std::unique_ptr<Task>> LoadTask(const storage::Snapshot& store, const Catalog& catalog,
                                               const LiveEntry& entry);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_LOADER_H_
