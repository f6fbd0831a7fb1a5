// A task as the engine holds it while it is resident: about to run, running, or the object of a command.
#ifndef BATON_BROKER_ENGINE_TASK_H_
#define BATON_BROKER_ENGINE_TASK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/clock.h"
#include "broker/base/hash.h"
#include "broker/engine/command.h"
#include "broker/engine/live/page.h"
#include "broker/engine/trace_context.h"

namespace baton::engine {

using Undecided = records::v1::Mutable::Undecided;

struct Task {
  TaskId id = 0;
  LiveState state = LiveState::NONE;
  bool paused = false;  // Held back by an operator, whatever its state.
  uint64_t mark = 0;    // Of the verb that said so last.
  ClassNumber class_number = 0;
  int32_t priority = 0;
  WallMicros due = 0;
  WallMicros created = 0;

  // What never changes.
  TaskId parent = 0;
  TaskId root = 0;  // The task itself if it has no parent.
  uint32_t parent_generation = 0;
  uint32_t depth = 0;
  uint64_t schedule = 0;  // Of which it is a firing; 0: none.
  uint32_t tag_hash = 0;  // By TagHash; 0: no tag.
  Hash128 unique;
  WallMicros start_by = 0;                    // When its first attempt must have begun,
  WallMicros end_by = 0;                      // and it must have ended; 0: no matter.
  std::shared_ptr<const Options> options;     // Set on the task itself; null: nothing.
  std::shared_ptr<const Options> inherited;   // InheritedBy its parent; null: nothing.
  std::shared_ptr<const TraceContext> trace;  // Its own or its parent's; null: none.

  // What steps change (records: Mutable).
  uint32_t stage = 0;
  uint32_t attempt = 0;
  uint32_t failures = 0;
  uint32_t interruptions = 0;
  OptionsNumber options_number = 0;  // Of the first claiming worker; 0: not claimed yet.
  std::vector<IdRange> children;
  uint64_t children_failed = 0;
  uint64_t children_total = 0;
  uint32_t generation = 0;
  uint32_t context_row = 0;
  uint32_t decision_row = 0;
  uint32_t error_row = 0;
  uint32_t progress_row = 0;
  uint32_t suspension_row = 0;
  WallMicros decide_by = 0;  // SUSPENDED: when a decision must have come; 0: no matter.
  Undecided when_undecided = records::v1::Mutable::FAIL;
  bool fail_fast = false;  // WAITING: fails when a child does not complete.
  std::vector<IdRange> staged;
  uint32_t staged_parts = 0;
  // Rows in family `log`.
  uint32_t log_rows = 0;

  // AlarmOf as it is in the live table.
  WallMicros alarm = 0;

  // WAITING, only while passing through.
  uint64_t remaining = 0;

  // RUNNING.
  SessionNumber session = 0;
  uint64_t handler_version = 0;
  WallMicros claimed = 0;
  WallMicros ready = 0;
  // On the engine's lease clock: when the attempt times out, and when it does unless it reports before (0: never).
  SteadyMicros deadline = 0;
  SteadyMicros report_deadline = 0;
  bool started = false;  // The handler is known to run; until then the deadline moves with every beat.

  // What a handler gets; null while RUNNING (it has left) and after a retry (it is loaded again).
  std::shared_ptr<TaskBody> body;
  size_t body_bytes = 0;

  // Commands that need it to stay resident.
  uint32_t pins = 0;
  // Batch in which it was last put down as touched.
  uint64_t touched_in = 0;
};

uint64_t CountOf(const std::vector<IdRange>& ranges);

// The first instant at which something must happen to the task in this state, whatever comes; 0: none.
WallMicros AlarmOf(const Task& task);
WallMicros AlarmOf(LiveState state, uint32_t attempt, WallMicros start_by, WallMicros end_by, WallMicros decide_by);

// What the live table keeps of it.
LiveEntry EntryOf(const Task& task);

// The part of a row that changes, from and to its record.
void ToRecord(const Task& task, records::v1::Mutable* record);
void FromRecord(const records::v1::Mutable& record, Task* task);

// Sets everything that never changes from its encoded row. False if the row is not well-formed.
bool ReadTaskRow(absl::string_view row, TaskId id, const Catalog& catalog, Task* task);

// Hash under which a unique key is kept.
Hash128 UniqueHash(absl::string_view type, absl::string_view unique_key);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_TASK_H_
