// What the engine keeps of things under way, each a plain record.
#ifndef BATON_BROKER_ENGINE_ENGINE_PARTS_H_
#define BATON_BROKER_ENGINE_ENGINE_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/catalog.h"
#include "broker/engine/command.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/loader.h"
#include "broker/engine/ready_order.h"

namespace baton::engine {

// A command of which parts wait for loads; answered when none is left.
struct Parked {
  std::unique_ptr<Command> command;
  size_t waiting = 0;
  // Of a submission: holders of unique keys that are kept in memory for it; those that were found to have ended, and
  // how many batches had been closed then.
  std::vector<TaskId> pinned, gone;
  uint64_t gone_in = 0;
};

// A retry that waits for what is known of its task; stale: ask again.
struct Retrying {
  TaskId task = 0;
  bool from_start = false;
  std::string actor, reason;
  std::function<void(const Error&)> tell;
  bool stale = false;
};

// A process that was told to leave, and is told again if it comes back.
struct Dismissal {
  std::string worker_id, instance_id, reason;
};

// Somebody who wants to know the workflow of a task.
struct MembersAsked {
  TaskId task = 0;
  std::function<void(const LoadResult&)> then;
};

// Workers and attempts whose time is over.
struct Overdue {
  std::set<SessionNumber> sessions;
  std::set<TaskId> tasks;

  bool empty() const { return sessions.empty() && tasks.empty(); }
};

// A parent that waits for children; needs no more to be resumed.
struct Waiting {
  ClassNumber class_number = 0;
  int32_t priority = 0;
  WallMicros due = 0;
  uint32_t attempt = 0;
  uint32_t generation = 0;
  uint64_t remaining = 0;
  uint64_t failed = 0;
  bool paused = false;
  bool fail_fast = false;
  WallMicros alarm = 0;
};

// A child that has just ended.
struct EndedChild {
  TaskId id = 0;
  TaskId parent = 0;
  uint32_t generation = 0;
  LiveState state = LiveState::NONE;
};

// Class and priority of a new task.
struct Placement {
  ClassNumber class_number = 0;
  int32_t priority = 0;
};

// Whose child a new task is.
struct Parent {
  const Task* task = nullptr;                // Null: it is a root.
  std::shared_ptr<const Options> inherited;  // By its children; null: nothing.
};

// A live task whose records are missing or unreadable.
struct Damaged {
  LiveEntry entry;
  std::string what;
};

// Where a staged child will stand in the order.
struct Placed {
  ClassNumber class_number = 0;
  OrderKey key;
  WallMicros alarm = 0;  // Armed when it stands there.
};

// How far the tasks of a class are read that are not all in memory, since they are handed out.
struct Ahead {
  size_t window = kFirstReadAhead;  // How many are read next.
  size_t ready = 0;                 // In memory or being read, from the head of the class on; an estimate.
  size_t reading = 0;
  bool held = false;
  // Of those being read.
  size_t read = 0;
  size_t read_bytes = 0;
};

// Something that is done to many tasks.
struct Job {
  records::v1::JobRow row;  // Without `ranges`.
  // Ranges still to be worked on, before what is to be searched; the first one from its first id on.
  std::deque<IdRange> ranges;
  // Children of tasks in them that were found last. They come next, before what is left of the ranges: level by level
  // all tasks of a level would be put down before the first of them is done.
  std::vector<IdRange> below;
  // Found, but put off until what is below those before them is done; come after `below`.
  std::vector<IdRange> put_off;
  bool descended = false;  // Since it was asked last, children of some task were put below.
  bool asked = false;      // Something is being loaded.
  bool of_search = false;  // What was found last is what was searched for, not in a range.
  size_t applying = 0;     // Found, and nothing done to them yet.
  // To go on with when all found are done: so many ranges were begun, and this is left of the last.
  size_t ranges_begun = 0;
  std::optional<IdRange> rest;
  // Workflows to delete that were counted, and may be found again with one that had no room.
  std::set<TaskId> counted;
  bool dirty = true;
};

inline bool IsBulk(const Job& job) { return job.row.has_filter(); }
// It pauses tasks, or lets them go on.
inline bool Marks(const records::v1::JobRow& row) {
  return (row.verb() == records::v1::JobRow::PAUSE || row.verb() == records::v1::JobRow::UNPAUSE) && !row.dry_run();
}

// What became of a task that a bulk job has found.
enum class Applied : uint8_t { kChanged, kUnchanged, kRefused, kPostponed };

// Who says that a task is held back, or not, and as which of all who ever did.
struct Mark {
  uint64_t number = 0;
  bool pause = false;
  std::string actor, reason;
};

// What a step tells besides what the engine knows: a Step, fields 1–9, encoded.
struct Content {
  absl::string_view bytes;
  bool has_context = false;
  bool has_decision = false;
  bool has_progress = false;
  bool decided_before = false;  // The decision is in the row of the suspension.
  // Another step of the task follows in the same commit: nobody ever asks this one which children it has. They may be
  // in thousands of ranges, and a call may have a thousand reports.
  bool is_passing = false;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_ENGINE_PARTS_H_
