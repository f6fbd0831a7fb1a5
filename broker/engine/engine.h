// All rules of a partition, applied by one thread, one command after another. Deterministic: the same state, inputs and
// readings of the clock give the same results. Reads nothing: what it does not hold is asked for (LoadRequest) and
// comes back as an input.
//
// A round is: BeginRound, any number of Apply, FinishRound. Between rounds the open batch may be closed and committed.
//
// The code is spread over files by topic: engine.cc rounds and recovery, engine_submit.cc creating tasks,
// engine_sessions.cc and engine_beats.cc workers, engine_claims.cc dispatch, engine_outcomes.cc the end of attempts,
// engine_children.cc workflows, engine_alarms.cc deadlines of tasks, engine_verbs.cc cancel, resume and pause,
// engine_retries.cc what had ended, engine_deletes.cc what is taken out, engine_jobs.cc what is done to many tasks,
// engine_bulk.cc to those that match a filter, engine_schedules.cc what is created again and again, engine_retention.cc
// what is no longer retained, engine_loads.cc what is not in memory.
#ifndef BATON_BROKER_ENGINE_ENGINE_H_
#define BATON_BROKER_ENGINE_ENGINE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
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
#include "broker/engine/routing.h"
#include "broker/engine/rules/transition.h"
#include "broker/engine/schedules/schedule_book.h"
#include "broker/engine/session.h"
#include "broker/engine/task.h"

namespace baton::engine {

// Not thread-safe. `catalog` and `board` must outlive it.
class Engine {
 public:
  Engine(const EngineSettings& settings, Catalog* catalog, RoutingBoard* board, Recovered recovered, Now now);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void BeginRound(Now now);
  void Apply(std::unique_ptr<Command> command);
  void Apply(LoadResult loaded);
  // Pages to be stored with the open batch.
  void AddPages(const storage::WriteBatch& pages);
  // Timers, jobs and dispatch. `expire`: every input that waited when the round began was applied, so that silence is
  // really silence; otherwise nothing expires in this round.
  void FinishRound(bool expire);

  // Whether there is something to hand on, and how large it is.
  bool has_batch() const { return !batch_.empty(); }
  size_t batch_bytes() const { return batch_.bytes(); }
  ClosedBatch CloseBatch();

  // How long it may sleep when no input comes.
  Micros SleepTime() const;
  // More to do at once: timers or job steps were left over.
  bool has_more() const { return has_more_; }

  uint64_t incarnation() const { return incarnation_; }
  TaskId next_id() const { return next_id_; }
  size_t resident_tasks() const { return tasks_.size(); }

  // Everything the engine knows of its live tasks, in order of ids; for tests. Of a pending task that is not resident
  // only class, priority and due time are known; suspended ones are known only while resident.
  std::vector<LiveEntry> LiveForTest() const;
  // Every schedule, with all that is stored of it, in order of names; for tests.
  std::vector<std::string> SchedulesForTest() const;
  // Checks what must always hold between tasks, sessions, timers and order; a sentence if it does not.
  std::string BrokenInvariantForTest() const;
  // What it has decided since the last CloseBatch; for tests.
  const Batch& OpenBatchForTest() const { return batch_; }

 private:
  // Gets the resident task, or what is known of one that is not live.
  using Continuation = std::function<void(Task* task, const LoadedTask& found)>;

  // ── engine.cc ──
  void Restore(Recovered recovered);
  void Expire();
  bool Due(SteadyMicros deadline) const { return deadline != 0 && deadline <= lease_now_; }
  void PublishRouting();
  void Touch(Task& task);
  void WriteTouched();

  // ── engine_submit.cc ──
  void Submit(std::unique_ptr<Command> owned);
  // `known`: holders of unique keys that were fetched and pinned, or found to have ended.
  void SubmitKnowing(std::unique_ptr<Command> owned, std::vector<TaskId> known);
  bool RefuseOldLookUps(SubmitCommand& command) const;
  bool AnswerRepeated(SubmitCommand& command);
  void SubmitAll(SubmitCommand& command);
  void SubmitOne(SubmitCommand& command, size_t index);
  bool ResolveUnique(const SubmitCommand& command, const NewTask& task, SubmitResult* result);
  void RememberRequest(SubmitCommand& command);
  Placement Place(const std::string& type, const Options* options);
  // Creates one task; `parent` null for a root.
  TaskId Create(NewTask& source, const Placement& placement, const Task* parent, bool staged);

  // ── engine_sessions.cc ──
  void Hello(std::unique_ptr<Command> owned);
  Error RefuseHello(const HelloCommand& hello) const;
  void Supersede(const HelloCommand& hello);
  void TakeOver(HelloCommand& hello, Session& session);
  Verdict Judge(const AttemptId& attempt, Session* previous, Session& session);
  void UpdateWorker(std::unique_ptr<Command> owned);
  // `before`: what the same process said last.
  void RegisterTypes(const WorkerInfo& worker, const WorkerInfo& before);
  void StreamClosed(std::unique_ptr<Command> owned);
  void ListWorkers(std::unique_ptr<Command> owned);
  void Drain(std::unique_ptr<Command> owned);
  Session* FindSession(SessionNumber number);
  Session* FindWorker(const std::string& worker_id);
  void RemoveSession(Session& session);
  // Takes valid attempts back from a worker that is lost.
  void InterruptAll(Session& session, const std::string& why);
  void InterruptWith(Task& task, const std::string& why);
  void StoreSession(Session& session);
  // The dispatcher and readers learn what the session can do now, and whether it takes anything.
  void UpdateLiveness(Session& session);
  void UpdateSlots(Session& session);

  // ── engine_beats.cc ──
  void Heartbeat(std::unique_ptr<Command> owned);
  void Renew(Session& session);
  void TakeIn(const HeartbeatCommand& beat, Session& session, HeartbeatCommand* answer);
  void JudgeMissing(const HeartbeatCommand& beat, Session& session);
  void Arm(Session& session);
  void ExpireSessions();
  void Silence(Session& session);
  void ExpireAttempts();
  // When the attempt times out, as things are.
  static std::pair<SteadyMicros, TaskId> TimeoutOf(const Task& task);
  void HasReported(Task& task);

  // ── engine_claims.cc ──
  void Dispatch();
  void Claim(Task& task, Session& session);
  const HandlerRef& HandlerFor(Session& session, ClassNumber class_number);
  const Settled& SettledFor(const Task& task);
  // Hands nothing of a class out before its first tasks are in memory.
  void AwaitHead(ClassNumber class_number);
  // One of a class that is read ahead was handed out.
  void CountClaimed(ClassNumber class_number);
  void ReadNext(ClassNumber class_number, Ahead& ahead);
  void HasRead(ClassNumber class_number, const Task* task);
  bool IsOrphan(const Task& task) const;
  void FreeSlot(SessionNumber number, const AttemptId& attempt);
  void Enqueue(ClassNumber class_number, const OrderKey& key);
  bool HasRoomFor(size_t body_bytes) const;
  // Whether a new task is kept in memory. Those that no live worker can run fill at most half of it: whatever waits for
  // a worker to come leaves the rest to the types that are being worked on, which else would be written, dropped and
  // read again, each of them.
  bool StaysResident(ClassNumber class_number, size_t body_bytes);

  // ── engine_outcomes.cc ──
  void Complete(std::unique_ptr<Command> owned);
  Error Conclude(Outcome& outcome, Task& task);
  void Report(std::unique_ptr<Command> owned);
  // Resident, running, and this very attempt; else null.
  Task* FindAttempt(const AttemptId& attempt);
  // An outcome for an attempt that is not running: was it accepted before, or is the attempt over?
  void ExplainOver(const AttemptId& attempt, Outcome::Kind kind, std::function<void(Error)> tell);
  // Applies an event that ends an attempt or a task. `content` is a Step, fields 1–9, encoded.
  void Advance(Task& task, Event event, const Content& content, const std::string& actor);
  Facts FactsOf(const Task& task);
  void LeaveState(Task& task);
  void EnterState(Task& task, const Content& content);
  // Writes a row of family log, or of family end if the task is terminal; `attempt`: what it ends or belongs to;
  // `from`: the state before the last step.
  void WriteStep(Task& task, Step::Kind kind, const Content& content, const std::string& actor,
                 const std::optional<records::v1::AttemptInfo>& attempt, LiveState from = LiveState::NONE);
  std::optional<records::v1::AttemptInfo> AttemptOf(const Task& task);
  void Finish(Task& task, const Content& content);
  void DropBody(Task& task);

  // ── engine_children.cc ──
  Error Spawn(Outcome& outcome, Task& parent);
  void SpawnStaged(std::unique_ptr<Command> owned);
  Error CheckChildren(const Task& parent, const std::vector<NewTask>& children) const;
  void Stage(std::vector<NewTask>& children, Task& parent);
  void Seal(const IdRange& range);
  void EnqueueSealed();
  void DropStaged(Task& parent);
  // What is being loaded of the range has to be loaded once more.
  void LoadAgain(const IdRange& range);
  // `end`: its last step, fields 1–9, encoded.
  void ChildEnded(const EndedChild& child, absl::string_view end);
  // It waits for nothing any more but for its own failure.
  static bool IsDoomed(const Waiting& waiting) { return waiting.fail_fast && waiting.failed > 0; }
  void FailDoomed();
  static LiveEntry EntryOfWaiting(TaskId parent, const Waiting& waiting);

  // ── engine_alarms.cc ──
  // After the state has changed.
  void SetAlarm(Task& task);
  void ArmAlarm(TaskId id, WallMicros alarm);
  void DisarmAlarm(TaskId id, WallMicros alarm);
  void RingAlarms();
  void Ring(Task& task);
  void Expire(Task& task, const std::string& error);
  void DecideByDefault(Task& task);

  // ── engine_retries.cc ──
  void Retry(std::unique_ptr<Command> owned);
  void BeginRetry(Retrying retrying);
  // Asks for the task, again if what came is out of date.
  void LoadEnded(uint64_t number);
  void RetryKnowing(LoadResult loaded);
  Error RefuseRetry(const Retrying& retrying, const LoadResult& loaded) const;
  Error RefuseRevival(const Task& task, TaskId key_holder) const;
  void Revive(EndedTask ended, const Retrying& retrying);
  // Something was done to tasks of the range that had ended: what was read of them before is out of date.
  void EndedChanged(const IdRange& range);

  // ── engine_deletes.cc ──
  void Delete(std::unique_ptr<Command> owned);
  Error RefuseDelete(const LoadResult& loaded) const;
  // Calls `then` with the workflow of a task, once that is known.
  void WithMembers(TaskId id, std::function<void(const LoadResult&)> then);
  void LoadMembers(uint64_t number);
  void MembersKnown(const LoadResult& loaded);
  bool IsOutOfDate(const Members& members) const;
  // It is still there, but a job is about to take it out.
  bool IsBeingDeleted(TaskId id) const;
  void DeletePart(Job& job, const LoadResult& loaded);

  // ── engine_verbs.cc ──
  void Cancel(std::unique_ptr<Command> owned);
  void Resume(std::unique_ptr<Command> owned);
  void Pause(std::unique_ptr<Command> owned);
  void PauseType(std::unique_ptr<Command> owned);
  Mark NextMark(const PauseCommand& command);
  // Greater than all before, also over restarts.
  uint64_t NextStamp();
  bool MarkTask(Task& task, const Mark& mark, bool even_if_unchanged);
  // `job`: that found the task among others; 0: none.
  void CancelTask(Task& task, const std::string& actor, const std::string& reason, uint64_t job);
  // Whoever works on the task, and all it waits for, learns that it ends for another reason than its own.
  void CallOff(Task& task, const std::string& actor, const std::string& reason, uint64_t job);
  void OrderCancel(const Session& session, const AttemptId& attempt, const std::string& reason);

  // ── engine_jobs.cc ──
  // The children that the task waits for become part of job number `job`; if that is 0, of a new one as `row` tells.
  void Descend(const Task& task, uint64_t job, const records::v1::JobRow& row);
  bool MarkingUnderWay() const;
  void RunJobs();
  void RunJob(uint64_t number, Job& job);
  void EndJob(uint64_t number);
  void Found(const LoadResult& loaded);
  void ApplyJob(uint64_t number, Task& task);
  bool MarkForJob(const records::v1::JobRow& row, Task& task);
  void WriteJobs();

  // ── engine_bulk.cc ──
  void StartJob(std::unique_ptr<Command> owned);
  void StopJob(std::unique_ptr<Command> owned);
  void ListJobs(std::unique_ptr<Command> owned);
  void FoundMatches(uint64_t number, Job& job, const std::vector<TaskId>& ids);
  Applied ApplyToMatch(uint64_t number, Task* task);
  Applied DeleteMatch(uint64_t number, const LoadResult& loaded);
  void CountMatch(uint64_t number, Applied applied);

  // ── engine_schedules.cc ──
  void RestoreSchedules(std::vector<std::unique_ptr<Schedule>> schedules);
  void CreateSchedule(std::unique_ptr<Command> owned);
  // False, with the error, if there would be too many. `before`: what it replaces.
  bool CheckRoomFor(CreateScheduleCommand& command, const Schedule* before) const;
  // Answers when it fires next; 0: it does not.
  WallMicros PutSchedule(std::unique_ptr<Schedule> schedule, const Schedule* before);
  void ChangeSchedule(std::unique_ptr<Command> owned);
  void PauseSchedule(const ChangeScheduleCommand& command, Schedule& schedule);
  void UnpauseSchedule(ChangeScheduleCommand& command, Schedule& schedule);
  void TriggerSchedule(ChangeScheduleCommand& command, Schedule& schedule);
  void FireSchedules();
  void Fire(Schedule& schedule);
  // `instant`: at which it was due; 0: triggered by hand.
  TaskId CreateFiring(Schedule& schedule, WallMicros instant);
  void FiringEnded(uint64_t number, TaskId id, LiveState state);
  void FiringRevived(uint64_t number, TaskId id);
  void StoreState(Schedule& schedule);

  // ── engine_retention.cc ──
  void Remove(std::unique_ptr<Command> owned);
  bool TakeOut(uint64_t page_number, const Removal& removal);

  // ── engine_loads.cc ──
  // Calls `then` with the task: at once if it is resident, else when it was loaded.
  void WithTask(TaskId id, Continuation then);
  // The same even if it is resident now; for what is about to leave memory.
  void LoadThen(TaskId id, Continuation then);
  Task* Resident(TaskId id);
  void Adopt(std::unique_ptr<Task> task);
  void AdoptLoaded(LoadedTask loaded);
  void Unpin(TaskId id);
  // Lets go of a task that neither runs nor is ready to be handed out.
  void EvictIdle(TaskId id);
  std::shared_ptr<Parked> Park(std::unique_ptr<Command> command);

  const EngineSettings settings_;
  Catalog* const catalog_;
  RoutingBoard* const board_;
  uint64_t incarnation_ = 0;
  TaskId next_id_ = 1;
  SessionNumber next_session_ = 1;
  uint64_t next_job_ = 1;
  uint64_t closed_batches_ = 0;  // With a number or without.

  Now now_;
  // The steady clock less all pauses of the process: leases, grace and timeouts live on it.
  SteadyMicros lease_now_ = 0;
  Micros paused_ = 0;
  SteadyMicros asked_wake_ = 0;  // Steady time; 0: none asked for.
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

  absl::btree_map<SessionNumber, std::unique_ptr<Session>> sessions_;  // Ordered, so that the engine is deterministic.
  absl::flat_hash_map<std::string, SessionNumber> workers_;            // By worker id.
  absl::btree_set<std::pair<SteadyMicros, SessionNumber>> session_timers_;
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
  // Ended, sealed or dropped while they were being loaded: what comes may be from before that.
  absl::flat_hash_set<TaskId> changed_while_loading_;
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
  Step scratch_;  // Reused, to save allocations.
  std::string scratch_bytes_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_ENGINE_H_
