// What a broker should know, in the plainest form: every task with its whole history, every session, no batches, no
// pages, no memory limits. Written from the design, not from the engine.
#ifndef BATON_TESTS_SIMULATION_MODEL_H_
#define BATON_TESTS_SIMULATION_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "baton/v1/admin.pb.h"
#include "broker/engine/command.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/page.h"

namespace baton::simulation {

using engine::AttemptId;
using engine::Capabilities;
using engine::EngineSettings;
using engine::LiveState;
using engine::Options;
using engine::SessionNumber;
using engine::Settled;
using engine::TaskId;
using records::v1::Step;

// One that was written, and what with: of the store the same is asked.
struct ModelStep {
  Step::Kind kind = Step::KIND_UNSPECIFIED;
  uint64_t hash = 0;  // Of what it tells, wherever it is stored.
  friend bool operator==(const ModelStep&, const ModelStep&) = default;
};
ModelStep ModelStepOf(const Step& step);
// What a caller has sent in it: result, error, context, decision, checkpoints, progress.
std::string ContentOf(const Step& step);

struct ModelTask {
  TaskId id = 0;
  std::string type;
  Capabilities required;
  int32_t priority = 0;
  WallMicros created = 0;
  WallMicros due = 0;
  std::string payload, tag;
  Options own, inherited;
  std::string unique;  // Hash of type and key; empty: none.
  std::string trace;   // Parent of its trace context.
  TaskId parent = 0;
  uint32_t parent_generation = 0;
  uint32_t depth = 0;
  uint64_t schedule = 0;
  WallMicros start_by = 0, end_by = 0;  // 0: no matter.

  LiveState state = LiveState::NONE;
  LiveState removed_as = LiveState::NONE;  // How it had ended.
  bool paused = false;
  uint64_t mark = 0;
  uint32_t stage = 0;
  uint32_t attempt = 0;
  uint32_t failures = 0;
  uint32_t interruptions = 0;
  std::optional<Settled> settled;
  std::string context, decision;
  // SUSPENDED.
  WallMicros decide_by = 0;
  records::v1::Mutable::Undecided when_undecided = records::v1::Mutable::FAIL;
  std::string default_decision;
  // WAITING.
  bool fail_fast = false;
  std::vector<TaskId> children;
  uint32_t generation = 0;
  uint64_t remaining = 0;
  uint64_t failed = 0;
  uint64_t children_total = 0;
  std::vector<TaskId> staged;
  uint32_t parts = 0;

  // RUNNING.
  SessionNumber session = 0;
  WallMicros claimed = 0;
  SteadyMicros deadline = 0;         // On the lease clock.
  SteadyMicros report_deadline = 0;  // 0: none.
  bool started = false;

  // Ended: the state before that.
  LiveState ended_from = LiveState::NONE;

  // When the commit in which it ended was closed, and in which life of the broker: the steady clock of each is another.
  Now ended_at;
  uint64_t ended_in_life = 0;

  // How attempts ended, by number; and every step that was written, in order.
  std::map<uint32_t, Step::Kind> ended;
  std::vector<ModelStep> steps;
};

struct ModelHeld {
  uint64_t delivery = 0;
  std::string type;  // Empty: not known, it was over before the broker began.
  bool cancelled = false;
};

struct ModelSession {
  SessionNumber number = 0;
  std::string worker_id, instance_id, pod_id;
  uint64_t pod_generation = 0;
  engine::WorkerInfo worker;
  bool open = false, draining = false, silent = false, restored = false;
  bool behind = false;  // It does not read what it is sent.
  std::map<std::pair<TaskId, uint32_t>, ModelHeld> held;
  uint64_t last_delivery = 0;
  uint64_t last_beat = 0;
  // On the lease clock; 0: not armed.
  SteadyMicros lease = 0, grace = 0;

  bool accepts() const { return open && !draining && !silent; }
  // Whether its handler takes one more attempt of the type, if there is a free slot.
  bool HasRoomFor(const std::string& type) const;
};

struct ModelRequest {
  std::string body;
  WallMicros time = 0;
  std::vector<engine::SubmitResult> results;
};

// Something that is done to all tasks that match a filter.
struct ModelJob {
  records::v1::JobRow row;  // As it was stored last.
  v1::TaskFilter filter;
  bool stopped = false;
  bool restarted = false;   // The broker was, in the middle of it: what was found may be found again.
  bool committed = false;   // So are those two.
  std::set<TaskId> ever;    // Tasks that matched in some commit since it began.
  std::set<TaskId> always;  // In every one.
  uint64_t steps = 0;       // That tell of it.
  std::set<TaskId> roots;   // Of workflows that it deletes.

  bool is_over() const { return row.ended_us() != 0; }
  bool Matches(const ModelTask& task) const;
};

// Cheap to copy: tasks are shared until they change. A copy is the state at one commit.
class Model {
 public:
  // Ids below `first_id` were removed before it all began.
  explicit Model(TaskId first_id = 1) : first_id_(first_id) {}

  TaskId first_id() const { return first_id_; }
  // Id of the next task.
  TaskId next_id() const { return first_id_ + tasks_.size(); }
  bool Exists(TaskId id) const { return id >= first_id_ && id < next_id(); }
  const ModelTask& At(TaskId id) const { return *tasks_[id - first_id_]; }
  ModelTask& Change(TaskId id);
  void Add(ModelTask task) { tasks_.push_back(std::make_shared<ModelTask>(std::move(task))); }
  const std::vector<std::shared_ptr<const ModelTask>>& tasks() const { return tasks_; }

  // The task if this very attempt runs; else null.
  const ModelTask* Running(const AttemptId& attempt) const;
  // Held back, by itself or with its type.
  bool IsPaused(const ModelTask& task) const { return task.paused || paused_types.contains(task.type); }
  // As many of the type run as may.
  bool IsFull(const std::string& type) const;
  uint32_t RunningOf(const std::string& type) const;
  // Its parent waits for it no more and has ended, so it is about to.
  bool IsDoomed(const ModelTask& task) const;
  // It waits only for its own failure.
  static bool FailsFast(const ModelTask& task) {
    return task.state == LiveState::WAITING && task.fail_fast && task.failed > 0;
  }
  // The first instant at which something must happen to it whatever comes; 0: none.
  static WallMicros AlarmOf(const ModelTask& task);
  // The state of an id, NONE for one that never was.
  LiveState StateOf(TaskId id) const { return Exists(id) ? At(id).state : LiveState::NONE; }
  // Top of the workflow that the task belongs to; itself if there is none.
  TaskId RootOf(TaskId id) const;
  // Whether the task or a descendant has not ended.
  bool LivesBelow(TaskId id) const;

  ModelJob& ChangeJob(uint64_t number);
  // Of those under way; 0: none has this reason.
  uint64_t JobWith(const std::string& reason) const;

  ModelSession* Session(SessionNumber number);
  ModelSession* Worker(const std::string& worker_id);
  std::vector<TaskId> RunningIn(SessionNumber number) const;
  // Whether the session's worker has a handler for the task and what it requires.
  static bool Fits(const engine::WorkerInfo& worker, const std::string& type, const Capabilities& required);
  const engine::HandlerInfo* Handler(const engine::WorkerInfo& worker, const std::string& type) const;

  // Task that holds a unique key; 0: none.
  TaskId Holder(const std::string& unique) const;

  // Ids of tasks that have not ended; staged ones included.
  std::set<TaskId> live;
  std::map<SessionNumber, ModelSession> sessions;
  std::map<std::string, Options> types;
  std::set<std::string> paused_types;
  std::map<std::string, uint32_t> limits;  // Of types.
  std::map<std::string, engine::Schedule> schedules;
  uint64_t last_schedule = 0;  // The highest number there ever was.
  std::map<std::string, TaskId> holders;
  std::map<uint64_t, std::shared_ptr<const ModelJob>> jobs;
  // Tasks that are to go with all below them.
  std::set<TaskId> deleting;
  std::map<std::string, std::shared_ptr<const ModelRequest>> requests;

 private:
  TaskId first_id_;
  std::vector<std::shared_ptr<const ModelTask>> tasks_;
};

// Options in force for an attempt: the task's own, the handler's, what the task has inherited, the worker's, the
// broker's, in this order.
Settled SettledOptions(const Options& own, const Options& handler, const Options& inherited, const Options& worker,
                       const engine::DefaultOptions& defaults);
// What the children of a task inherit: what it was given, else what it has inherited itself.
Options InheritedFrom(const ModelTask& parent);
// The bounds of the delay before the retry that follows failure number `failures`.
std::pair<Micros, Micros> RetryBounds(const Settled& options, uint32_t failures);

// Runs of ids without a gap: of ascending ones.
size_t PlacesOf(const std::vector<TaskId>& ids);

std::string Describe(const ModelTask& task);

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_MODEL_H_
