// Everything that the engine knows: the only copy of a partition's state that decides.
#ifndef BATON_BROKER_ENGINE_ENGINE_STATE_H_
#define BATON_BROKER_ENGINE_ENGINE_STATE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "broker/engine/attempt_ends.h"
#include "broker/engine/batch.h"
#include "broker/engine/catalog.h"
#include "broker/engine/command.h"
#include "broker/engine/dispatcher.h"
#include "broker/engine/engine_parts.h"
#include "broker/engine/job_commands.h"
#include "broker/engine/key_book.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/loader.h"
#include "broker/engine/live/recovery.h"
#include "broker/engine/ready_order.h"
#include "broker/engine/recent_claims.h"
#include "broker/engine/routing.h"
#include "broker/engine/schedules/schedule_book.h"
#include "broker/engine/session.h"
#include "broker/engine/task.h"

namespace baton::engine {

// For the Engine alone.
class EngineState {
 protected:
  // Gets the resident task, or what is known of one that is not live.
  using Continuation = std::function<void(Task* task, const LoadedTask& found)>;

  // What `recovered` tells besides is taken by Engine::Restore.
  EngineState(const EngineSettings& settings, Catalog* catalog, RoutingBoard* board, Recovered* recovered, Now now);
  ~EngineState() = default;

  const EngineSettings settings_;
  Catalog* const catalog_;
  RoutingBoard* const board_;
  uint64_t incarnation_ = 0;
  uint64_t last_entry_ = 0;  // Number of the last commit that has one in the journal; 0: none has.
  TaskId next_id_ = 1;
  SessionNumber next_session_ = 1;
  uint64_t next_job_ = 1;
  size_t staged_ranges_ = 0;           // Of all running tasks.
  absl::btree_set<TaskId> staging_;    // Those that have some.
  uint64_t closed_batches_ = 0;  // With a number or without.

  Now now_;
  // The steady clock less all pauses of the process: leases, grace and timeouts live on it.
  SteadyMicros lease_now_ = 0;
  Micros paused_ = 0;
  SteadyMicros asked_wake_ = 0;  // Steady time; 0: none asked for.
  bool clock_is_turned_ = false;
  bool has_more_ = false;

  Batch batch_;
  // The latest reading of the wall clock while the batch was open: its journal entry is not before any of its steps.
  WallMicros batch_time_ = 0;
  // Changed in the open batch: their states go into its journal entry when it is closed.
  std::vector<TaskId> touched_;
  absl::btree_set<TaskId> touched_waiting_;
  // Parents resumed by their children while not resident.
  std::vector<std::pair<TaskId, LiveEntry>> resumed_;
  // Loaded during the open batch.
  std::vector<TaskId> adopted_;
  // The one whose continuations are being called, and as what one of them has ended it.
  TaskId adopting_ = 0;
  LiveState adopted_ended_ = LiveState::NONE;

  absl::flat_hash_map<TaskId, std::unique_ptr<Task>> tasks_;  // Resident.
  size_t resident_bytes_ = 0;                                 // Of their bodies.
  absl::flat_hash_map<TaskId, Waiting> waiting_;
  // Children of unsealed spawns, and sealed ones that are not in order yet.
  absl::btree_map<TaskId, Placed> staged_;
  std::deque<IdRange> seals_;
  ReadyOrder order_;
  Dispatcher dispatcher_;
  absl::btree_set<std::pair<SteadyMicros, TaskId>> timeouts_;
  // Of all live tasks that have one, but staged children; those that rang while their task was fetched.
  absl::btree_set<std::pair<WallMicros, TaskId>> alarms_, ringing_;
  // Parents to be failed because of a child, and why.
  std::map<TaskId, std::string> doomed_;
  size_t running_ = 0;
  AttemptEnds* attempt_ends_ = nullptr;  // Null: nobody counts them.

  absl::btree_map<SessionNumber, std::unique_ptr<Session>> sessions_;  // Ordered, so that the engine is deterministic.
  absl::flat_hash_map<std::string, SessionNumber> workers_;            // By worker id.
  absl::btree_set<std::pair<SteadyMicros, SessionNumber>> session_timers_;
  std::deque<Dismissal> dismissals_;         // Lately, the oldest first.
  std::vector<RecentClaims> recent_claims_;  // By class.
  bool routing_changed_ = true;
  bool slots_changed_ = false;
  SteadyMicros routing_published_ = 0;
  absl::flat_hash_map<std::string, records::v1::TypeRow> types_;
  ScheduleBook schedules_;
  KeyBook keys_;
  std::string last_placed_type_;
  Placement last_placement_{};
  std::vector<Settled> settled_;  // By options number, for tasks without options of their own.
  Settled settled_own_{};         // Of the last task asked for that has some.
  absl::flat_hash_map<TaskId, std::vector<Continuation>> loading_;
  // Submissions whose holders of unique keys are at hand: first in the next batch, whatever else fills it.
  std::deque<std::shared_ptr<Parked>> ready_submits_;
  // Ended, sealed or dropped while they were being loaded: what comes may be from before that.
  absl::flat_hash_set<TaskId> changed_while_loading_;
  // Live, but of no use until the store is mended: they stand in no order and ring no alarm, so that all others go on.
  // Found anew at each start, when they are wanted.
  absl::btree_map<TaskId, Damaged> set_aside_;
  // Classes whose tasks are not all in memory, since they are handed out.
  absl::flat_hash_map<ClassNumber, Ahead> ahead_;
  // Who waits to learn how an attempt ended; apart by what was the open batch when it was asked for, because a view
  // from then does not know of an end since.
  absl::flat_hash_map<std::pair<AttemptId, uint64_t>, std::vector<std::function<void(const LoadResult&)>>>
      attempt_loads_;
  std::map<uint64_t, Retrying> retrying_;  // In the order in which they came.
  std::map<uint64_t, MembersAsked> members_asked_;
  uint64_t next_asked_ = 1;
  // The newest commit in which a task that had ended was changed, or retried: of each page, and of all.
  absl::flat_hash_map<uint64_t, uint64_t> ended_changed_, revived_;
  uint64_t last_revival_ = 0;
  // In the order in which they began, so that the engine stays deterministic; bulk jobs that have ended.
  std::map<uint64_t, Job> jobs_;
  std::map<uint64_t, records::v1::JobRow> ended_jobs_;
  uint64_t stamped_batch_ = 0, stamps_ = 0;  // Given in the open batch.
  bool draining_ = false;
  std::vector<std::unique_ptr<Command>> drains_;
  records::v1::Step scratch_;  // Reused, to save allocations.
  std::string scratch_bytes_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_ENGINE_STATE_H_
