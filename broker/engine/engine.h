// All rules of a partition, applied by one thread, one command after another. Deterministic: the same state, inputs and
// readings of the clock give the same results. Reads nothing: what it does not hold is asked for (LoadRequest) and
// comes back as an input.
//
// A round is: BeginRound, any number of Apply, FinishRound. Between rounds the open batch may be closed and committed.
//
// The code is spread over files by topic, engine_*.cc, which are named below; what it all works on is in
// engine_state.h.
#ifndef BATON_BROKER_ENGINE_ENGINE_H_
#define BATON_BROKER_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/engine/command.h"
#include "broker/engine/engine_parts.h"
#include "broker/engine/engine_state.h"
#include "broker/engine/inspection_commands.h"
#include "broker/engine/job_commands.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/loader.h"
#include "broker/engine/live/recovery.h"
#include "broker/engine/routing.h"
#include "broker/engine/rules/transition.h"
#include "broker/engine/session.h"
#include "broker/engine/task.h"

namespace baton::engine {

// Not thread-safe. `catalog` and `board` must outlive it.
class Engine : private EngineState {
 public:
  Engine(const EngineSettings& settings, Catalog* catalog, RoutingBoard* board, Recovered recovered, Now now);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // From now on, tells `ends` how attempts end; it must outlive the engine.
  void Observe(AttemptEnds* ends) { attempt_ends_ = ends; }

  // From now on the clock is one that is turned by hand, and stands still while the engine works: that nobody looked at
  // it for long is no pause of the process, and it need not be looked at before something is due.
  void ClockIsTurned() { clock_is_turned_ = true; }

  // `disk_stalls`: a commit has been under way for longer than kPauseThreshold. No lease, grace or timeout runs on
  // meanwhile: nobody hears of what was handed out, and no answer leaves.
  void BeginRound(Now now, bool disk_stalls = false);
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
  // What a round had no room for; for tests.
  Overdue OverdueForTest() const;
  // What it has decided since the last CloseBatch; for tests.
  const Batch& OpenBatchForTest() const { return batch_; }

 private:
  // ── engine.cc ──
  void Restore(Recovered recovered);
  void Expire();
  bool Due(SteadyMicros deadline) const { return deadline != 0 && deadline <= lease_now_; }
  void PublishRouting();
  void Touch(Task& task);
  void WriteTouched();

  // ── engine_submit.cc ──
  void Submit(std::unique_ptr<Command> owned);
  // Goes on when all holders of unique keys are at hand, or are known to have ended.
  void SubmitKnowing(const std::shared_ptr<Parked>& parked);
  // Notes what was found of a holder of a unique key.
  void Keep(TaskId holder, Task* task, Parked& parked);
  // It was found to have ended, and nothing can have changed since.
  bool HasGone(TaskId holder, const Parked& parked) const;
  // Those for which there was no room in the batch when their holders came.
  void SubmitReady();
  bool RefuseOldLookUps(SubmitCommand& command) const;
  bool AnswerRepeated(SubmitCommand& command);
  SubmitResult RepeatedResult(const NewTask& task, TaskId id);
  void SubmitAll(SubmitCommand& command);
  void SubmitOne(SubmitCommand& command, size_t index);
  bool ResolveUnique(const SubmitCommand& command, const NewTask& task, SubmitResult* result);
  void RememberRequest(SubmitCommand& command);
  // Those of the task, completed by its type's definition and by what it inherits (null: nothing).
  Options MergedOptions(const NewTask& task, const Options* inherited) const;
  // Class 0: it would be a new one, and there are too many.
  Placement Place(const NewTask& task, const Options* inherited);
  TaskId Create(NewTask& source, const Placement& placement, const Parent& parent, LiveState state);

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
  void Pace(std::unique_ptr<Command> owned);
  void ListWorkers(std::unique_ptr<Command> owned);
  WorkerView ViewOf(const Session& session) const;
  void Drain(std::unique_ptr<Command> owned);
  Session* FindSession(SessionNumber number);
  Session* FindWorker(const std::string& worker_id);
  void RemoveSession(Session& session);
  // Takes valid attempts back from a worker that is lost.
  void InterruptAll(Session& session, const std::string& why);
  // False: the batch has `most` bytes, and some are left.
  bool InterruptUpTo(Session& session, const std::string& why, size_t most);
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
  // What the beat says has not begun goes back if it was paused meanwhile, or if another worker could begin it sooner.
  void RecallUnstarted(const HeartbeatCommand& beat, const Session& session);
  void Arm(Session& session);
  void Disarm(Session& session);
  void ExpireSessions();
  void SilenceOverdue();
  bool Expire(Session& session, size_t most);
  void Silence(Session& session);
  void ExpireAttempts();
  // When the attempt times out, as things are.
  static std::pair<SteadyMicros, TaskId> TimeoutOf(const Task& task);
  void HasReported(Task& task);

  // ── engine_claims.cc ──
  void Dispatch();
  // Up to which the batch may grow by what a round hands out, or lets schedules create, however full it is.
  size_t MostBytes() const;
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

  // ── engine_routing.cc ──
  void SetTypeLimit(std::unique_ptr<Command> owned);
  void DrainWorker(std::unique_ptr<Command> owned);
  void Dismiss(Session& session, const std::string& reason);
  const Dismissal* DismissalOf(const Session& session) const;
  // Stores what is known of a type, if anything is.
  void StoreType(const std::string& type);
  // What nobody else knows of slots: the types of attempts that are over.
  void NameSlots(const HelloCommand& hello, Session& session) const;
  // Slots by type, where handlers have limits of their own: all anew, or one that is taken (1) or free again (-1).
  void CountSlots(Session& session);
  void CountSlot(Session& session, const Held& held, int32_t change);
  // The attempt takes no slot any more; false if it took none.
  bool DropSlot(Session& session, const AttemptId& attempt);

  // ── engine_explain.cc ──
  void Explain(std::unique_ptr<Command> owned);
  void ExplainPlace(ExplainCommand& command);
  void ExplainAttempt(ExplainCommand& command);
  // A task of the class was handed out.
  void RememberClaim(ClassNumber class_number);

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
  Error CheckChildren(const Task& parent, const std::vector<NewTask>& children);
  Error CheckRoomToStage(const Task& parent) const;
  // The next task comes right behind the last part.
  bool GoesOn(const Task& parent) const;
  void Stage(std::vector<NewTask>& children, Task& parent);
  void CreateChild(NewTask& child, const Parent& parent, LiveState state);
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
  // So many tasks are being fetched already.
  bool RingsEnough() const;
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
  // Whether the task has to wait until what is below others is done, for there is much.
  bool PutOff(Job& job, Task& task);
  bool MarkForJob(const records::v1::JobRow& row, Task& task);
  void WriteJobs();

  // ── engine_bulk.cc ──
  void StartJob(std::unique_ptr<Command> owned);
  void StopJob(std::unique_ptr<Command> owned);
  void ListJobs(std::unique_ptr<Command> owned);
  void FoundMatches(uint64_t number, Job& job, std::vector<TaskId> ids);
  Applied ApplyToMatch(uint64_t number, Task* task);
  void DeleteMatches(uint64_t number, const std::vector<TaskId>& ids);
  Applied DeleteMatch(uint64_t number, TaskId id, const LoadResult& loaded);
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
  // False: there are too many types, and that of its tasks is a new one.
  bool KnowsType(const Schedule& schedule);
  // `instant`: at which it was due; 0: triggered by hand. Answers 0 if its tasks are of a type that is not known by
  // now, and there are too many.
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
  // The same even if it is resident now; for what is about to leave memory. Only what is to be handed out is needed
  // with its body, which may be large.
  void LoadThen(TaskId id, Continuation then, bool with_body);
  Task* Resident(TaskId id);
  void Adopt(std::unique_ptr<Task> task);
  void TakeBody(Task& loaded, Task& resident);
  void AdoptLoaded(LoadedTask loaded);
  // Passes by a task that cannot be loaded.
  void SetAside(const LiveEntry& entry, const std::string& what);
  void Unpin(TaskId id);
  // One that was loaded because somebody named it, not to be handed out: however many they are, no more of them stay in
  // memory than may.
  void DropBeyondRoom(Task& task);
  // Lets go of a task that neither runs nor is ready to be handed out.
  void EvictIdle(TaskId id);
  std::shared_ptr<Parked> Park(std::unique_ptr<Command> command);
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_ENGINE_H_
