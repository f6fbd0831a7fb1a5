// What goes into the engine and what comes out: the whole interface between whoever speaks to clients and the rules.
//
// A command is made by a decoder, which has checked everything that can be checked without the state of tasks, and has
// encoded the rows to be stored as far as it could. The engine fills in the results and moves the command into an
// Outbox; once what it tells is on disk, Answer() is called. Commands are used by one thread at a time.
#ifndef BATON_BROKER_ENGINE_COMMAND_H_
#define BATON_BROKER_ENGINE_COMMAND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "broker/base/error.h"
#include "broker/base/hash.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/new_task.h"
#include "broker/engine/options.h"
#include "broker/engine/schedules/schedule_book.h"

namespace baton::engine {

using records::v1::LiveState;
using SessionNumber = uint64_t;

// Bounded queues in front of the engine, each served before the next. Overload refuses in the last one first.
enum class Lane : uint8_t { kOutcomes = 0, kControl = 1, kBulk = 2 };
inline constexpr int kLaneCount = 3;

class Command {
 public:
  enum class Kind : uint8_t {
    kSubmit,
    kHello,
    kUpdateWorker,
    kStreamClosed,
    kPace,
    kHeartbeat,
    kComplete,
    kReport,
    kSpawnChildren,
    kCancel,
    kResume,
    kRetry,
    kDelete,  // job_commands.h
    kPause,
    kPauseType,
    kSetTypeLimit,  // routing_commands.h
    kDrainWorker,   // routing_commands.h
    kCreateSchedule,
    kChangeSchedule,
    kStartJob,  // job_commands.h
    kStopJob,
    kListJobs,
    kListWorkers,  // inspection_commands.h
    kExplain,
    kDrain,
    kRemove,  // retention/removal.h
  };

  Command(Kind own_kind, Lane own_lane) : kind(own_kind), lane(own_lane) {}
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // Called once, when the results are final and on disk. Must not block.
  virtual void Answer() = 0;

  const Kind kind;
  const Lane lane;
  // Its answer may come with that of others, some 100 ms later.
  bool patient = false;
  // Bytes it occupies, for the bounds of lanes and rounds; an estimate.
  size_t bytes = 0;
  // Who calls: "local" without access control.
  std::string actor;
  // Set by the engine when the whole call is refused.
  Error error;
};

// ── Submitting ───────────────────────────────────────────────────────────────────────────────────────────────────

struct SubmitResult {
  Error error;
  TaskId id = 0;
  bool existing = false;
  LiveState state = LiveState::NONE;
  bool paused = false;
  bool runnable = false;
};

class SubmitCommand : public Command {
 public:
  SubmitCommand() : Command(Kind::kSubmit, Lane::kBulk) {}
  std::vector<NewTask> tasks;
  // Hash of the request id and of the body; empty: none.
  Hash128 request, body;
  // Needed when there is a request id or a unique key: number of the commit at which the store was asked, and what it
  // had for the request.
  uint64_t looked_up_at = 0;
  std::optional<records::v1::KeyRow> found_request;

  std::vector<SubmitResult> results;
};

// ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────

// One execution of one task, as an attempt token names it.
struct AttemptId {
  TaskId task = 0;
  uint32_t attempt = 0;
  friend bool operator==(const AttemptId&, const AttemptId&) = default;
};

struct HandlerInfo {
  std::string type;
  Options options;
  std::string description;
  uint64_t version = 0;
  // Attempts that the worker takes at the same time; 0: as many as it has slots.
  uint32_t max_concurrency = 0;

  friend bool operator==(const HandlerInfo&, const HandlerInfo&) = default;
};

struct WorkerInfo {
  Capabilities capabilities;
  std::vector<HandlerInfo> handlers;
  uint32_t slots = 0;
  // Retry strategy of the worker.
  Options default_options;
};

enum class Verdict : uint8_t { kValid = 1, kOver = 2, kCancelled = 3 };

class HelloCommand : public Command {
 public:
  HelloCommand() : Command(Kind::kHello, Lane::kControl) {}
  std::string worker_id, instance_id, pod_id, client;
  uint64_t pod_generation = 0;
  WorkerInfo worker;
  // Void tokens of another incarnation have task 0.
  std::vector<AttemptId> held;
  // Their types, or nothing.
  std::vector<std::string> held_types;
  uint64_t last_delivery = 0;

  // Deliveries and orders for this session come after Answer() was called with it.
  SessionNumber session = 0;
  std::vector<Verdict> verdicts;
};

class UpdateWorkerCommand : public Command {
 public:
  UpdateWorkerCommand() : Command(Kind::kUpdateWorker, Lane::kControl) {}
  SessionNumber session = 0;
  WorkerInfo worker;
};

class StreamClosedCommand : public Command {
 public:
  StreamClosedCommand() : Command(Kind::kStreamClosed, Lane::kControl) {}
  SessionNumber session = 0;
};

// Whether what was handed out is piling up before the worker's connection: it gets no more meanwhile.
class PaceCommand : public Command {
 public:
  PaceCommand() : Command(Kind::kPace, Lane::kControl) {}
  SessionNumber session = 0;
  bool behind = false;
};

struct HeldAttempt {
  AttemptId attempt;
  // Unset: not started.
  std::optional<Micros> running;
};

class HeartbeatCommand : public Command {
 public:
  HeartbeatCommand() : Command(Kind::kHeartbeat, Lane::kOutcomes) {}
  SessionNumber session = 0;
  std::string instance_id;
  uint64_t number = 0;
  bool stream_open = false;
  uint64_t last_delivery = 0;
  std::vector<HeldAttempt> held;

  // Positions in `held`.
  std::vector<uint32_t> over, cancelled;
  bool reconnect = false;
};

// ── Outcomes ─────────────────────────────────────────────────────────────────────────────────────────────────────

struct Outcome {
  enum class Kind : uint8_t { kSucceeded, kFailed, kSpawned, kSuspended, kReleased, kCancelled };
  // Refused by the decoder. The attempt's slot is freed all the same.
  Error error;
  AttemptId attempt;
  Kind kind = Kind::kSucceeded;
  // Step, fields 1–9, encoded: result or error or context, checkpoints, progress, reason, queued and ran.
  std::string step;
  bool retryable = false;
  bool has_context = false;
  bool has_progress = false;
  // Spawned.
  std::vector<NewTask> children;
  uint32_t parts = 0;
  bool fail_fast = false;
  // Suspended: how long it waits for a decision (0: without end), and what else happens. Of a decision for that case
  // `step` has field 4.
  Micros decide_within = 0;
  records::v1::Mutable::Undecided when_undecided = records::v1::Mutable::FAIL;
};

class CompleteCommand : public Command {
 public:
  CompleteCommand() : Command(Kind::kComplete, Lane::kOutcomes) {}
  SessionNumber session = 0;
  std::vector<Outcome> outcomes;

  std::vector<Error> results;
};

struct Report {
  Error error;
  AttemptId attempt;
  // Step, fields 5 or 6, encoded: a checkpoint, or progress.
  std::string step;
  bool is_progress = false;
};

class ReportCommand : public Command {
 public:
  ReportCommand() : Command(Kind::kReport, Lane::kOutcomes) {}
  std::vector<Report> reports;

  std::vector<Error> results;
};

class SpawnChildrenCommand : public Command {
 public:
  SpawnChildrenCommand() : Command(Kind::kSpawnChildren, Lane::kBulk) {}
  AttemptId attempt;
  uint32_t part = 0;
  // All free of errors: the decoder refuses the whole part otherwise.
  std::vector<NewTask> children;

  uint64_t staged = 0;
};

// ── Verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────

class CancelCommand : public Command {
 public:
  CancelCommand() : Command(Kind::kCancel, Lane::kControl) {}
  TaskId task = 0;
  std::string reason;
};

class ResumeCommand : public Command {
 public:
  ResumeCommand() : Command(Kind::kResume, Lane::kControl) {}
  TaskId task = 0;
  // Step, fields 4 and 7, encoded: decision and reason.
  std::string step;
  bool has_decision = false;
  // That it is about; unset: any.
  std::optional<uint32_t> stage;
};

// Puts a task that has failed or was cancelled back among the pending ones.
class RetryCommand : public Command {
 public:
  RetryCommand() : Command(Kind::kRetry, Lane::kControl) {}
  TaskId task = 0;
  // With its first stage, not with the one at which it ended.
  bool from_start = false;
  std::string reason;
};

// Holds a task back, or lets it go on.
class PauseCommand : public Command {
 public:
  PauseCommand() : Command(Kind::kPause, Lane::kControl) {}
  TaskId task = 0;
  bool pause = true;
  // All its descendants too.
  bool cascade = false;
  std::string reason;

  // Beneath the pause.
  LiveState state = LiveState::NONE;
};

// The same for all tasks of a type.
class PauseTypeCommand : public Command {
 public:
  PauseTypeCommand() : Command(Kind::kPauseType, Lane::kControl) {}
  std::string type;
  bool pause = true;
  std::string reason;
};

// ── Schedules ────────────────────────────────────────────────────────────────────────────────────────────────────

class CreateScheduleCommand : public Command {
 public:
  CreateScheduleCommand() : Command(Kind::kCreateSchedule, Lane::kControl) {}
  // Complete but for its number and times; Prepare has found nothing wrong with it.
  std::unique_ptr<Schedule> schedule;
  bool replace = false;

  bool existing = false;
  WallMicros next = 0;  // 0: it is paused, or has no further firing.
};

class ChangeScheduleCommand : public Command {
 public:
  enum class Verb : uint8_t { kPause, kUnpause, kTrigger, kDelete };

  ChangeScheduleCommand() : Command(Kind::kChangeSchedule, Lane::kControl) {}
  Verb verb = Verb::kPause;
  std::string name;
  std::string reason;  // Pause.

  WallMicros next = 0;  // Unpause; 0: never.
  TaskId task = 0;      // Trigger.
};

// ── The broker itself ────────────────────────────────────────────────────────────────────────────────────────────

// The broker is about to stop: nothing is handed out any more and every worker is told. Answered when no attempt is
// running, or never.
class DrainCommand : public Command {
 public:
  DrainCommand() : Command(Kind::kDrain, Lane::kControl) {}
  std::string reason;
};

// ── What leaves ──────────────────────────────────────────────────────────────────────────────────────────────────

// What a handler gets of its task besides the payload; encoded rows, so that the engine never decodes them.
struct TaskBody {
  std::string task_row;       // TaskRow
  std::string context_step;   // The Step with the context; empty: none.
  std::string decision_step;  // The Step with the decision; empty: none.
};

struct Delivery {
  uint64_t number = 0;
  AttemptId attempt;
  std::string type;
  std::shared_ptr<const TaskBody> body;
  uint32_t stage = 0;
  Micros timeout = 0;
  TaskId parent = 0, root = 0;
  int32_t priority = 0;
  uint32_t failures = 0;
  int32_t max_retries = 0;
  uint64_t children = 0, children_failed = 0;
  uint64_t handler_version = 0;
  WallMicros created = 0;
};

struct Order {
  // kDismiss: drain, and do not come back. kRecall: release those of the attempts that have not begun.
  enum class Kind : uint8_t { kCancel, kRecall, kDrain, kDismiss, kSuperseded };
  Kind kind;
  std::vector<AttemptId> attempts;  // kCancel, kRecall
  std::string text;                 // Reason, or the instance that supersedes.
};

// For one session, in this order: what a batch hands out may be cancelled in the same one, and a worker that heard of
// that first would start the handler afterwards.
struct SessionOutput {
  SessionNumber session = 0;
  std::vector<Delivery> deliveries;
  std::vector<Order> orders;
};

// Leaves the engine with a batch, and the process when that batch and all before it are on disk.
struct Outbox {
  std::vector<std::unique_ptr<Command>> answered;
  // After the answers: a hello is answered before its first delivery.
  std::vector<SessionOutput> sessions;

  bool empty() const { return answered.empty() && sessions.empty(); }
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_COMMAND_H_
