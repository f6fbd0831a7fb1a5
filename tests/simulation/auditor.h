// Watches the engine at work and holds it against the model. It sees what goes in (commands, rounds, the clock), what
// is written, in order (rows of the open batch), and what comes out (answers, deliveries, orders). From the first it
// knows what must follow; anything else, more or less, is a Violation.
#ifndef BATON_TESTS_SIMULATION_AUDITOR_H_
#define BATON_TESTS_SIMULATION_AUDITOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/engine/engine.h"
#include "broker/engine/inspection_commands.h"
#include "broker/engine/job_commands.h"
#include "broker/engine/live/follower.h"
#include "broker/engine/retention/removal.h"
#include "broker/engine/routing_commands.h"
#include "tests/simulation/coverage.h"
#include "tests/simulation/model.h"

namespace baton::simulation {

class Auditor {
 public:
  Auditor(const EngineSettings& settings, TaskId first_id, Coverage* coverage)
      : settings_(settings), coverage_(coverage), model_(first_id) {}

  // ── In the order in which the broker does it ──
  // A broker has started: its live table must be that of the last durable commit.
  void Started(const engine::Engine& engine, engine::Follower& follower, const engine::Catalog& catalog,
               uint64_t durable, Now now);
  void RoundBegins(Now now, bool disk_stalls = false);
  void Applies(const engine::Command& command);
  void AppliesLoad() { --loads_; }
  void Applied(const engine::Engine& engine);
  void Finished(const engine::Engine& engine, bool expire);
  void Closed(const engine::ClosedBatch& batch);
  void Committed(uint64_t number) { durable_ = number; }
  // An answer leaves.
  void Released(const engine::Command& command);

  // Where everything that happens is told, for a person who replays a seed; null: nowhere.
  std::ostream* trace = nullptr;
  // Tells whether a sign of life of this session has reached the broker and waits to be applied.
  std::function<bool(SessionNumber)> beat_waits;

  // The state as of a commit, or of now.
  const Model& AsOf(uint64_t number) const;
  const Model& model() const { return model_; }
  // Number of the last commit that is on disk.
  uint64_t durable() const { return durable_; }
  // Nothing lives, and everything that ended is removed.
  bool everything_removed() const;
  // Nothing lives, and what is left is kept for ever.
  bool nothing_to_remove() const;
  // Commands applied so far.
  uint64_t commands() const { return commands_; }
  // Nothing is under way: nobody must wait for an answer, but who has drained the broker, and nothing be looked up.
  void CheckNobodyWaits() const;
  // Compares everything in the store with the history of every task.
  void CheckHistory(const storage::Snapshot& store) const;

 private:
  // A step that must be written before the engine has gone through what it is at.
  struct Expected {
    TaskId task;
    Step::Kind kind;
    std::string cause;
  };
  // What is kept of a command until it is answered.
  struct Waiting {
    uint64_t number = 0;                 // Among all commands.
    std::vector<engine::NewTask> tasks;  // Submit.
    std::vector<std::string> reasons;    // Complete, Report: expected reason of each answer; "" is OK.
    std::string reason;                  // Others.
    std::set<LiveState> states;          // Retry: that the task was in since.
    bool staged_seen = false;            // Cancel, Resume, Pause: the task was STAGED when it came.
    bool live_seen = false;              // Delete: something of the workflow was live since.
    bool scattered_seen = false;         // Delete: the workflow lay in too many places when it came.
    uint64_t ahead = 0;                  // Explain: tasks that may go first.
  };
  struct Creation {
    TaskId id;
    records::v1::TaskRow row;
  };
  // How much of the open batch was looked at.
  struct Seen {
    size_t writes = 0;
    size_t answers = 0;
    std::map<SessionNumber, size_t> deliveries;
    std::map<SessionNumber, size_t> cancels;
    std::map<SessionNumber, size_t> recalls;
    std::map<SessionNumber, size_t> others;
  };

  // ── auditor.cc ──
  void ReadWrites(const storage::WriteBatch& writes);
  void ForgetRequests(absl::string_view first_window, absl::string_view end);
  void CheckNoMoreExpected();
  // ── auditor_waits.cc ──
  void CheckNothingWaitsInVain(const engine::Engine& engine);
  void CheckSleep(const engine::Engine& engine) const;
  void Expect(TaskId task, Step::Kind kind, std::string cause) { expected_.push_back({task, kind, std::move(cause)}); }
  // ── auditor_commands.cc: what a command must bring about ──
  void AppliesComplete(const engine::CompleteCommand& command);
  static Step::Kind StepOf(engine::Outcome::Kind kind);
  std::string PredictOutcome(const engine::Outcome& outcome, std::map<TaskId, Step::Kind>* accepted);
  void AppliesReport(const engine::ReportCommand& command);
  void AppliesPause(const engine::PauseCommand& command);
  void AppliesPauseType(const engine::PauseTypeCommand& command);
  void AppliesTypeLimit(const engine::SetTypeLimitCommand& command);
  void AppliesSpawn(const engine::SpawnChildrenCommand& command);
  std::string PredictChildren(const ModelTask& parent, size_t count) const;
  // Of a part, among those of all others.
  std::string PredictStaging(const ModelTask& parent) const;
  // Of a part for an attempt that does not run.
  std::string PredictLatePart(TaskId parent) const;
  // ── auditor_schedules.cc ──
  void AppliesCreateSchedule(const engine::CreateScheduleCommand& command);
  void AppliesChangeSchedule(const engine::ChangeScheduleCommand& command);
  void CheckSchedule(const engine::Command& command, const Waiting& waiting);
  engine::NewTask ExpectFiring(engine::Schedule& schedule, WallMicros instant);
  void TakeFiring();
  void Define(engine::Schedule schedule);
  void ReadSchedule(const std::string& name, const records::v1::ScheduleRow& row);
  void ReadScheduleState(const std::string& name, const records::v1::ScheduleStateRow& state);
  void ReadScheduleDelete(const std::string& name);
  bool IsDue(const engine::Schedule& schedule) const;
  void Fire(const std::string& name, engine::Schedule& schedule);
  void FiringEnded(const ModelTask& task);
  void FiringRevived(const ModelTask& task);
  void CheckSchedules(const storage::Snapshot& store) const;
  // ── auditor_deletes.cc ──
  void AppliesDelete(const engine::DeleteCommand& command);
  TaskId TopOf(TaskId id) const;
  void CheckDelete(const engine::DeleteCommand& command, const Waiting& waiting);
  void NoteRevived();
  // The workflow lies in more places than can be deleted.
  bool IsScattered(TaskId top) const;
  bool IsBeingDeleted(TaskId id) const;
  void ReadDeleted(TaskId id);
  // ── auditor_jobs.cc ──
  bool JustifyByJob(const ModelTask& task, const Step& step);
  void CheckStartJob(const engine::StartJobCommand& command);
  void CheckStopJob(const engine::StopJobCommand& command);
  void CheckJobs(const engine::ListJobsCommand& command);
  void ReadJob(uint64_t number, const records::v1::JobRow& row);
  void CheckRoom(uint64_t number, const records::v1::JobRow& row) const;
  void ReadWorkflowsOf(uint64_t number, const records::v1::JobRow& row);
  void CheckJobEnd(uint64_t number, const ModelJob& job) const;
  void LookForJobs();
  bool MayBeDeletedByJob(TaskId id) const;
  // ── auditor_retention.cc ──
  void AppliesRemove(const engine::RemoveCommand& command);
  void CheckMayGo(const ModelTask& task) const;
  void CheckWorkflows(const std::set<TaskId>& roots) const;
  Micros AgeOf(const ModelTask& task) const;
  LiveState EndOfRoot(const ModelTask& task) const;
  Micros KeptFor(LiveState end) const;
  void ReadDeletes(storage::WriteBatch::Op op, storage::Family family, absl::string_view key, absl::string_view value);
  // ── auditor_sessions.cc ──
  void AppliesHello(const engine::HelloCommand& hello);
  std::string PredictHello(const engine::HelloCommand& hello);
  void TakeOver(const engine::HelloCommand& hello, ModelSession* fresh);
  void AppliesUpdate(const engine::UpdateWorkerCommand& command);
  void RegisterTypes(const engine::WorkerInfo& worker, const engine::WorkerInfo& before);
  void AppliesClosed(const engine::StreamClosedCommand& command);
  void AppliesBeat(const engine::HeartbeatCommand& beat);
  void TakeInBeat(const engine::HeartbeatCommand& beat, ModelSession& session);
  void ExpectRecalls(const engine::HeartbeatCommand& beat, const ModelSession& session);
  void CheckRecall(const engine::Order& order, const ModelSession& session);
  // Another worker that is no fuller with `more` attempts more than the holder with as many less.
  bool CouldBegin(const ModelTask& task, const ModelSession& holder, size_t more) const;
  void FreeSlot(SessionNumber number, const AttemptId& attempt);
  void ExpectInterruptions(const ModelSession& session, const std::string& cause);
  void AppliesDrainWorker(const engine::DrainWorkerCommand& command);
  void ExpectExpiry(const engine::Engine& engine);
  // In what was written and not looked at yet.
  bool WasWritten(const engine::Engine& engine, TaskId id, Step::Kind kind) const;
  void Renew(ModelSession& session) { session.lease = lease_now_ + settings_.beat_window, session.silent = false; }
  void RestoreSessions(Now now);
  // ── auditor_rows.cc: what was written ──
  void ReadStep(TaskId id, const Step& step, bool last);
  void ApplyStep(TaskId id, const Step& step, bool last);
  void JustifyStep(const ModelTask& task, const Step& step);
  void JustifyMark(const ModelTask& task, const Step& step);
  void CheckStep(const ModelTask& before, const ModelTask& after, const Step& step) const;
  std::string ExpectedContent(const ModelTask& before, const Step& step);
  const std::string* DecisionFor(const ModelTask& task, const Step& step) const;
  void EndTask(TaskId id);
  void ChildEnded(TaskId id, uint32_t generation, LiveState state);
  void ReadDropped(TaskId id);
  void TakeCreations(ModelTask& parent, size_t count, LiveState state);
  ModelTask TakeCreation(const engine::NewTask& source, const ModelTask* parent, LiveState state);
  void Place(const engine::NewTask& source, ModelTask* task) const;
  // ── auditor_moves.cc ──
  void Move(ModelTask& task, const Step& step);
  void LeaveAttempt(ModelTask& task, Step::Kind kind);
  void Report(ModelTask& task);
  void Fail(ModelTask& task, const Step& step);
  void Spawn(ModelTask& task);
  void Suspend(ModelTask& task, const Step& step);
  void ExpectCancel(const ModelTask& task);
  void Mark(ModelTask& task, const Step& step);
  void Resume(ModelTask& task, const Step& step);
  // ── auditor_retries.cc ──
  bool IsOverdue(const ModelTask& task) const;
  bool JustifyByTime(const ModelTask& task, const Step& step) const;
  bool JustifyRetry(const ModelTask& task, const Step& step);
  bool BeginsRevival(TaskId id) const;
  void Revive(ModelTask& task);
  void CheckRetry(const engine::RetryCommand& command, const Waiting& waiting);
  std::string RefusalOfRetry(const ModelTask& task, bool from_start) const;
  // ── auditor_answers.cc ──
  void ReadAnswers(const engine::Batch& batch);
  void ExpectError(const std::string& call, const Error& error, const std::string& reason);
  void CheckAnswer(const engine::Command& command, Waiting& waiting);
  void CheckSubmit(const engine::SubmitCommand& command, Waiting& waiting);
  bool CheckRepeated(const engine::SubmitCommand& command);
  void CheckSubmitted(const engine::SubmitCommand& command, Waiting& waiting, size_t index);
  bool CheckUnique(const engine::NewTask& source, const engine::SubmitResult& result);
  bool Runnable(const std::string& type, const Capabilities& required) const;
  void CheckItems(const std::vector<Error>& results, const Waiting& waiting, const std::string& call);
  void CheckComplete(const engine::CompleteCommand& command, const Waiting& waiting);
  void CheckExpired(TaskId id, const Error& error) const;
  bool TakeDone(const std::string& reason);
  void CheckResume(const engine::ResumeCommand& command, Waiting& waiting);
  void CheckVerb(TaskId id, const Error& error, Waiting& waiting, bool cancels);
  static std::string RefusalOf(LiveState state, bool cancels);
  void CheckPause(const engine::PauseCommand& command, Waiting& waiting);
  void CheckHello(const engine::HelloCommand& hello, const Waiting& waiting);
  void CheckBeat(const engine::HeartbeatCommand& beat);
  void CheckWorkers(const engine::ListWorkersCommand& command) const;

  // ── auditor_explain.cc ──
  uint64_t CountAhead(const engine::ExplainCommand& command) const;
  void CheckExplain(const engine::ExplainCommand& command, const Waiting& waiting);
  // ── auditor_output.cc ──
  void ReadOutput(const engine::Engine& engine);
  ModelTask CheckDelivery(const engine::Delivery& delivery, ModelSession& session);
  void CheckFirstOfItsClass(const ModelTask& task) const;
  // Where a task that is due stands among others: the smallest comes first.
  using Rank = std::tuple<int64_t, int64_t, TaskId>;
  Rank RankOf(int32_t priority, WallMicros due, TaskId id) const;

  // Stands for the number of a session until the engine's is known.
  static constexpr SessionNumber kFreshSession = UINT64_MAX;

  template <typename... Parts>
  void Tell(const Parts&... parts) const {
    if (trace != nullptr) *trace << absl::StrCat(now_.steady - kHour, " us: ", parts...) << "\n";
  }

  const EngineSettings settings_;
  Coverage* const coverage_;

  Now started_;                // When the broker's life began.
  uint64_t life_ = 0;          // Counts them.
  std::vector<TaskId> ended_;  // In the open batch.
  Model model_;
  // By number of the last commit they hold; those that readers, or a crash, may still need.
  std::map<uint64_t, Model> commits_;
  uint64_t durable_ = 0;

  std::map<SessionNumber, std::string> worker_names_;  // Of every session there ever was.
  Now now_;
  SteadyMicros lease_now_ = 0, paused_ = 0, asked_wake_ = 0;
  WallMicros latest_wall_ = 0;
  bool expire_ = false;
  bool finishing_ = false;
  bool draining_ = false;

  const engine::Catalog* catalog_ = nullptr;
  const engine::Command* applying_ = nullptr;
  std::map<const engine::Command*, Waiting> waiting_;
  // Answers that have not left: the commit each has to wait for. Of the open batch: whether that will be one is not
  // known before it is closed.
  std::map<const engine::Command*, uint64_t> decided_;
  std::vector<const engine::Command*> undecided_commit_;
  uint64_t open_number_ = 0;
  std::deque<Expected> expected_;
  std::deque<Creation> creations_;
  std::vector<engine::NewTask> new_children_;   // Of the command being applied.
  std::map<TaskId, engine::Outcome> outcomes_;  // Accepted ones of the command being applied.
  std::map<TaskId, std::deque<std::string>> reports_;  // What accepted ones of the command being applied say.
  std::multiset<std::string> done_verbs_;       // Reasons of those whose step was written and not explained yet.
  // Several commands may have waited for one task: what it was before each of them.
  std::map<TaskId, std::set<LiveState>> were_;
  std::map<TaskId, std::set<bool>> were_paused_;
  std::map<std::string, TaskId> cascades_;  // Of pauses, ever applied: the task above all, by reason.
  std::map<std::string, TaskId> freed_keys_;
  std::map<TaskId, Step> replaced_;  // Cancelled in favour of one with the same unique key, not explained yet.
  std::map<SessionNumber, std::set<std::pair<TaskId, uint32_t>>> expected_cancels_;
  std::map<std::string, TaskId> written_keys_;  // Unique keys: the task, 0 for none.
  std::optional<engine::NewTask> firing_;       // Of a schedule that was triggered.
  std::optional<engine::Schedule> defined_;     // By the command being applied, not written yet.
  std::set<std::string> deleted_schedules_;     // By the command being applied, not read yet.
  TaskId reviving_ = 0;                         // Its end is about to become a step before the last one.
  bool from_start_ = false;
  // Of pages: the newest commit in which something was done to a task that had ended.
  std::map<uint64_t, uint64_t> ended_changed_;
  uint64_t last_revival_ = 0;
  std::vector<engine::Verdict> verdicts_;
  std::pair<std::vector<uint32_t>, std::vector<uint32_t>> beat_answer_;
  std::map<SessionNumber, std::string> expected_orders_;
  std::set<std::pair<TaskId, uint32_t>> expected_recalls_;  // Of the worker that beats.
  std::set<std::pair<std::string, std::string>> dismissed_;  // Worker and instance, in the broker's life.
  bool beat_reconnects_ = false;
  Seen seen_;
  uint64_t commands_ = 0;
  int64_t loads_ = 0;  // Asked for and not applied yet.
  size_t seen_loads_ = 0;
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_AUDITOR_H_
