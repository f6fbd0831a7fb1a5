// What the broker says about tasks: their states, and how they stand.
#ifndef BATON_TASK_INFO_H_
#define BATON_TASK_INFO_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "baton/payload.h"

namespace baton::inline sdk {

// kCompleted, kPermanentlyFailed and kCancelled are terminal.
enum class TaskState {
  // A state that this version of the library does not know.
  kUnknown,
  // Waits for its due time, or for a worker.
  kPending,
  // An attempt is at a worker.
  kRunning,
  // Waits for children or for a decision.
  kSuspended,
  // Ended with a result.
  kCompleted,
  // Ended without one.
  kPermanentlyFailed,
  // Ended by Cancel.
  kCancelled,
  // Held back by an operator, whatever the state beneath.
  kPaused,
};

// "PENDING", "RUNNING", ...
const char* TaskStateName(TaskState state);
bool IsTerminal(TaskState state);

// How far a handler says it is. One of percent, text and stage_name is required.
struct ProgressReport {
  // 0 ... 100.
  std::optional<double> percent = {};
  // For people: "chunk 7 of 12". At most 1 KiB.
  std::string text = {};
  // Stable name of the phase of the work, by custom lower_snake_case. At most 128 bytes.
  std::string stage_name = {};
  // A JSON object, at most 64 KiB, or less if the broker is configured so. Optional.
  std::string metadata_json = {};
};

// How a child ended.
struct ChildOutcome {
  uint64_t id = 0;
  std::string type;
  std::string tag;
  // Terminal; kUnknown if `missing` is set.
  TaskState state = TaskState::kUnknown;
  // kCompleted only.
  Payload result;
  // kPermanentlyFailed or kCancelled only.
  std::string error;
  // Position among the children of this spawn, from 0, in the order they were given to Next().
  uint64_t index = 0;
  // Set instead of everything but `index` when the child's record is gone: why.
  std::string missing;

  bool completed() const { return state == TaskState::kCompleted; }
};

// A task as it stands.
struct TaskInfo {
  uint64_t id = 0;
  std::string type;
  TaskState state = TaskState::kUnknown;
  std::string tag;
  // 0 for a task without parent; the root of such a task is itself.
  uint64_t parent_id = 0;
  uint64_t root_id = 0;
  int priority = 0;
  absl::Time created_at;
  // kPending: earliest start of the next attempt.
  absl::Time due_at;
  // Terminal states only; otherwise absl::InfinitePast().
  absl::Time ended_at = absl::InfinitePast();
  // Number of the current or last attempt, from 1; 0 before the first.
  int attempt = 0;
  // Phase of the handler, from 0.
  int stage = 0;
  // Failed attempts of the current stage.
  int failed_attempts = 0;
  // Who has it or had it last.
  std::string worker_id;
  std::string suspend_reason;
  uint64_t children_remaining = 0;
  uint64_t children_failed = 0;
  uint64_t children_total = 0;
  // Text of the last failure.
  std::string last_error;
  std::string cancel_reason;
  ProgressReport progress;
  Payload payload;
  Payload result;
  Payload context;
  // Whether some live worker could run it.
  bool runnable = false;
  // The schedule that created it, empty if none did, and the instant at which that was due (absl::InfinitePast(): it
  // was triggered by hand).
  std::string schedule;
  absl::Time scheduled_at = absl::InfinitePast();
  // When its first attempt must have begun, it must have ended, and, while a handler has suspended it, a decision must
  // have come; absl::InfiniteFuture(): no limit.
  absl::Time start_by = absl::InfiniteFuture();
  absl::Time end_by = absl::InfiniteFuture();
  absl::Time decide_by = absl::InfiniteFuture();
  // Its trace context, see NewTask; empty: it has none.
  std::string trace_parent;
  std::string trace_state;
  // In words, why it is not running; empty if it runs or has ended.
  std::string waiting_for;
  // Changes whenever state, attempt, stage or progress change; compare for equality only.
  uint64_t version = 0;

  bool terminal() const { return IsTerminal(state); }
};

}  // namespace baton::inline sdk

#endif  // BATON_TASK_INFO_H_
