// What callers are told.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

void Auditor::ReadAnswers(const engine::Batch& batch) {
  const auto& answered = batch.outbox().answered;
  for (; seen_.answers < answered.size(); ++seen_.answers) {
    const engine::Command& command = *answered[seen_.answers];
    const auto waiting = waiting_.find(&command);
    REQUIRE(waiting != waiting_.end(), "an answer to what nobody asked");
    Tell("answers command ", waiting->second.number);
    CheckAnswer(command, waiting->second);
    waiting_.erase(waiting);
    decided_[&command] = durable_;
    undecided_commit_.push_back(&command);
  }
}

// `reason`: what it has to be; "" for none, several are separated by '|'.
void Auditor::ExpectError(const std::string& call, const Error& error, const std::string& reason) {
  const std::string got = error.ok() ? "" : error.reason;
  Tell(call, " is answered ", got.empty() ? "OK" : got);
  const std::vector<std::string> allowed = absl::StrSplit(reason, '|');
  REQUIRE(std::find(allowed.begin(), allowed.end(), got) != allowed.end(), call, " is answered ",
          got.empty() ? "OK" : got, " (", error.message, "), not ", reason.empty() ? "OK" : reason);
  coverage_->Count(absl::StrCat(call, ": ", got.empty() ? "OK" : got));
}

void Auditor::CheckAnswer(const engine::Command& command, Waiting& waiting) {
  using Kind = engine::Command::Kind;
  switch (command.kind) {
    case Kind::kSubmit:
      return CheckSubmit(static_cast<const engine::SubmitCommand&>(command), waiting);
    case Kind::kHello:
      return CheckHello(static_cast<const engine::HelloCommand&>(command), waiting);
    case Kind::kUpdateWorker:
    case Kind::kStreamClosed:
    case Kind::kPace:
      return ExpectError("Claim", command.error, "");
    case Kind::kHeartbeat:
      return CheckBeat(static_cast<const engine::HeartbeatCommand&>(command));
    case Kind::kComplete:
      return CheckComplete(static_cast<const engine::CompleteCommand&>(command), waiting);
    case Kind::kReport:
      return CheckItems(static_cast<const engine::ReportCommand&>(command).results, waiting, "Report");
    case Kind::kSpawnChildren: {
      const auto& spawn = static_cast<const engine::SpawnChildrenCommand&>(command);
      ExpectError("SpawnChildren", spawn.error, waiting.reason);
      CheckExpired(spawn.attempt.task, spawn.error);
      const ModelTask* parent = model_.Running(spawn.attempt);
      // A refusal may have waited, and an attempt that was to come have begun meanwhile.
      REQUIRE(!spawn.error.ok() || parent == nullptr || spawn.staged == parent->staged.size(),
              "SpawnChildren tells of ", spawn.staged,
              " staged children: ", parent == nullptr ? "" : Describe(*parent));
      return;
    }
    case Kind::kCancel:
      waiting.reason = static_cast<const engine::CancelCommand&>(command).reason;
      return CheckVerb(static_cast<const engine::CancelCommand&>(command).task, command.error, waiting, true);
    case Kind::kResume:
      return CheckResume(static_cast<const engine::ResumeCommand&>(command), waiting);
    case Kind::kRetry:
      return CheckRetry(static_cast<const engine::RetryCommand&>(command), waiting);
    case Kind::kPause:
      return CheckPause(static_cast<const engine::PauseCommand&>(command), waiting);
    case Kind::kPauseType:
      return ExpectError(static_cast<const engine::PauseTypeCommand&>(command).pause ? "PauseType" : "UnpauseType",
                         command.error, waiting.reason);
    case Kind::kSetTypeLimit: {
      const auto& limit = static_cast<const engine::SetTypeLimitCommand&>(command);
      REQUIRE(limit.running == model_.RunningOf(limit.type), limit.running, " tasks of type ", limit.type,
              " are said to run, not ", model_.RunningOf(limit.type));
      return ExpectError("SetTypeLimit", command.error, "");
    }
    case Kind::kDrainWorker:
      return ExpectError("DrainWorker", command.error, waiting.reason);
    case Kind::kCreateSchedule:
    case Kind::kChangeSchedule:
      return CheckSchedule(command, waiting);
    case Kind::kListWorkers:
      return CheckWorkers(static_cast<const engine::ListWorkersCommand&>(command));
    case Kind::kExplain:
      return CheckExplain(static_cast<const engine::ExplainCommand&>(command), waiting);
    case Kind::kDelete:
      return CheckDelete(static_cast<const engine::DeleteCommand&>(command), waiting);
    case Kind::kStartJob:
      return CheckStartJob(static_cast<const engine::StartJobCommand&>(command));
    case Kind::kStopJob:
      return CheckStopJob(static_cast<const engine::StopJobCommand&>(command));
    case Kind::kListJobs:
      return CheckJobs(static_cast<const engine::ListJobsCommand&>(command));
    case Kind::kDrain:
      for (const TaskId id : model_.live) {
        REQUIRE(model_.At(id).state != LiveState::RUNNING, "drained, but there runs ", Describe(model_.At(id)));
      }
      coverage_->Count("Drain: OK");
      return;
    case Kind::kRemove:
      return ExpectError("Remove", command.error, waiting.reason);
  }
}

void Auditor::CheckItems(const std::vector<Error>& results, const Waiting& waiting, const std::string& call) {
  REQUIRE(results.size() == waiting.reasons.size(), call, " has ", results.size(), " answers");
  for (size_t i = 0; i < results.size(); ++i) ExpectError(call, results[i], waiting.reasons[i]);
}

void Auditor::CheckComplete(const engine::CompleteCommand& command, const Waiting& waiting) {
  CheckItems(command.results, waiting, "Complete");
  for (size_t i = 0; i < command.results.size(); ++i) {
    CheckExpired(command.outcomes[i].attempt.task, command.results[i]);
  }
}

// Whoever hears of it drops what it knows of the task.
void Auditor::CheckExpired(TaskId id, const Error& error) const {
  const bool expired = std::string(error.reason) == "TASK_EXPIRED";
  REQUIRE(!expired || model_.StateOf(id) == LiveState::REMOVED,
          "called expired: ", model_.Exists(id) ? Describe(model_.At(id)) : "what never was");
}

bool Auditor::TakeDone(const std::string& reason) {
  const auto done = done_verbs_.find(reason);
  if (done == done_verbs_.end()) return false;
  done_verbs_.erase(done);
  return true;
}

void Auditor::CheckResume(const engine::ResumeCommand& command, Waiting& waiting) {
  Step step;
  step.ParsePartialFromString(command.step);
  waiting.reason = step.reason();
  const ModelTask* task = model_.Exists(command.task) ? &model_.At(command.task) : nullptr;
  const bool suspended = task != nullptr && task->state == LiveState::SUSPENDED;
  const bool was_suspended = were_[command.task].contains(LiveState::SUSPENDED);
  const std::string reason(command.error.reason);
  if (reason == "STAGE_OVER" && command.stage.has_value()) {
    REQUIRE((suspended && *command.stage != task->stage) || was_suspended, "Resume: STAGE_OVER for stage ",
            *command.stage, ": ", Describe(*task));
    return coverage_->Count("Resume: STAGE_OVER");
  }
  CheckVerb(command.task, command.error, waiting, false);
}

void Auditor::CheckVerb(TaskId id, const Error& error, Waiting& waiting, bool cancels) {
  const std::string call = cancels ? "Cancel" : "Resume";
  // Of two copies of a call the first may have come too early.
  if (error.ok() && TakeDone(waiting.reason)) return ExpectError(call, error, "");
  std::set<std::string> allowed = {RefusalOf(model_.StateOf(id), cancels)};
  for (const LiveState state : were_[id]) allowed.insert(RefusalOf(state, cancels));
  if (waiting.staged_seen) allowed.insert("TASK_NOT_FOUND");
  allowed.erase("DONE");
  REQUIRE(!allowed.empty(), call, " did nothing to ", Describe(model_.At(id)));
  ExpectError(call, error, absl::StrJoin(allowed, "|"));
}

// What is said when nothing is done; DONE: something must be.
std::string Auditor::RefusalOf(LiveState state, bool cancels) {
  switch (state) {
    case LiveState::NONE:
    case LiveState::STAGED:
      return "TASK_NOT_FOUND";
    case LiveState::REMOVED:
      return "TASK_EXPIRED";
    case LiveState::CANCELLED:
      return cancels ? "" : "NOT_SUSPENDED";
    case LiveState::COMPLETED:
    case LiveState::FAILED:
      return cancels ? "TASK_TERMINAL" : "NOT_SUSPENDED";
    case LiveState::SUSPENDED:
      return "DONE";
    case LiveState::WAITING:
      return cancels ? "DONE" : "WAITS_FOR_CHILDREN";
    default:
      return cancels ? "DONE" : "NOT_SUSPENDED";
  }
}

void Auditor::CheckPause(const engine::PauseCommand& command, Waiting& waiting) {
  const char* const call = command.pause ? "Pause" : "Unpause";
  const TaskId id = command.task;
  if (command.error.ok() && TakeDone(command.reason)) return ExpectError(call, command.error, "");
  std::set<LiveState> states = were_[id];
  states.insert(model_.StateOf(id));
  std::set<bool> paused = were_paused_[id];
  if (model_.Exists(id)) paused.insert(model_.At(id).paused);
  std::set<std::string> allowed;
  if (waiting.staged_seen) allowed.insert("TASK_NOT_FOUND");
  for (const LiveState state : states) {
    const std::string refusal = RefusalOf(state, true);
    if (state == LiveState::CANCELLED) {
      allowed.insert("TASK_TERMINAL");
    } else if (refusal != "DONE") {
      allowed.insert(refusal);
    } else if (paused.contains(command.pause)) {
      allowed.insert(command.pause || command.cascade ? "" : "NOT_PAUSED");
    }
  }
  REQUIRE(!allowed.empty(), call, " did nothing to ", Describe(model_.At(id)));
  ExpectError(call, command.error, absl::StrJoin(allowed, "|"));
}

// ── Submit ───────────────────────────────────────────────────────────────────────────────────────────────────────

void Auditor::CheckSubmit(const engine::SubmitCommand& command, Waiting& waiting) {
  if (std::string(command.error.reason) == "OVERLOADED") {
    coverage_->Count("Submit: OVERLOADED by old look-ups");
    REQUIRE(command.looked_up_at + settings_.key_horizon < open_number_, "look-ups at ", command.looked_up_at,
            " are not old at ", open_number_);
    return;
  }
  if (CheckRepeated(command)) return;
  ExpectError("Submit call", command.error, "");
  REQUIRE(command.results.size() == waiting.tasks.size(), "Submit has ", command.results.size(), " answers");
  for (size_t i = 0; i < waiting.tasks.size(); ++i) CheckSubmitted(command, waiting, i);
  if (command.request.empty()) return;
  auto request = std::make_shared<ModelRequest>();
  request->body = command.body.Bytes();
  request->time = now_.wall;
  request->results = command.results;
  model_.requests[command.request.Bytes()] = request;
}

bool Auditor::CheckRepeated(const engine::SubmitCommand& command) {
  if (command.request.empty()) return false;
  const auto known = model_.requests.find(command.request.Bytes());
  if (known == model_.requests.end() || now_.wall - known->second->time > kDay) return false;
  const ModelRequest& request = *known->second;
  const bool reused = request.body != command.body.Bytes();
  ExpectError("Submit call", command.error, reused ? "REQUEST_ID_REUSED" : "");
  if (reused) return true;
  coverage_->Count("Submit call: repeated");
  REQUIRE(command.results.size() == request.results.size(), "a repeated Submit has other answers");
  for (size_t i = 0; i < request.results.size(); ++i) {
    const engine::SubmitResult &first = request.results[i], &again = command.results[i];
    REQUIRE(first.id == again.id && std::string(first.error.reason) == again.error.reason &&
                first.existing == again.existing && (!first.existing || first.state == again.state),
            "a repeated Submit says task ", again.id, " ", again.error.reason, ", it was task ", first.id, " ",
            first.error.reason);
  }
  return true;
}

void Auditor::CheckSubmitted(const engine::SubmitCommand& command, Waiting& waiting, size_t index) {
  const engine::NewTask& source = waiting.tasks[index];
  const engine::SubmitResult& result = command.results[index];
  if (!source.error.ok()) return ExpectError("Submit", result.error, source.error.reason);
  if (!source.unique.empty() && CheckUnique(source, result)) return;
  ExpectError("Submit", result.error, "");
  const ModelTask task = TakeCreation(source, nullptr, LiveState::PENDING);
  REQUIRE(result.id == task.id && !result.existing && result.state == LiveState::PENDING, "Submit tells of task ",
          result.id, ", not of ", Describe(task));
  REQUIRE(result.runnable == Runnable(task.type, task.required), "Submit says runnable ", result.runnable, ": ",
          Describe(task));
  model_.Add(task);
  model_.live.insert(task.id);
  if (!task.unique.empty()) model_.holders[task.unique] = task.id;
  coverage_->Count("-CREATED-> PENDING");
}

// Whether there is a holder, and it stays.
bool Auditor::CheckUnique(const engine::NewTask& source, const engine::SubmitResult& result) {
  const std::string unique = source.unique.Bytes();
  TaskId holder = model_.Holder(unique);
  const auto freed = freed_keys_.find(unique);
  // The answer may have been given before its holder ended.
  const bool before = holder == 0 && freed != freed_keys_.end() && applying_ == nullptr &&
                      (result.id == freed->second || !result.error.ok());
  if (before) holder = freed->second;
  if (holder == 0) return false;
  const ModelTask& known = model_.At(holder);
  if (source.policy == engine::UniquePolicy::kReject) {
    ExpectError("Submit", result.error, "UNIQUE_KEY_IN_USE");
    return true;
  }
  ExpectError("Submit", result.error, "");
  const bool replaced =
      source.policy == engine::UniquePolicy::kReplacePending && known.state == LiveState::PENDING && known.attempt == 0;
  if (replaced) {
    const auto step = replaced_.extract(holder);
    REQUIRE(!step.empty(), "not replaced: ", Describe(known));
    ApplyStep(holder, step.mapped(), true);
    return false;
  }
  REQUIRE(
      result.existing && result.id == holder && (result.state == known.state || were_[holder].contains(result.state)),
      "Submit tells of task ", result.id, " ", LiveState_Name(result.state), ", the key belongs to ", Describe(known));
  coverage_->Count("Submit: existing");
  return true;
}

bool Auditor::Runnable(const std::string& type, const Capabilities& required) const {
  return std::any_of(model_.sessions.begin(), model_.sessions.end(), [&](const auto& session) {
    return session.second.accepts() && Model::Fits(session.second.worker, type, required);
  });
}

// ── Workers ──────────────────────────────────────────────────────────────────────────────────────────────────────

void Auditor::CheckHello(const engine::HelloCommand& hello, const Waiting& waiting) {
  ExpectError("Hello", hello.error, waiting.reason);
  if (!hello.error.ok()) return;
  REQUIRE(hello.verdicts == verdicts_, "the verdicts of a hello are wrong");
  for (const engine::Verdict verdict : verdicts_) {
    coverage_->Count(absl::StrCat("Hello: verdict ", static_cast<int>(verdict)));
  }
  REQUIRE(worker_names_.empty() || hello.session > worker_names_.rbegin()->first, "session ", hello.session,
          " was there before");
  worker_names_[hello.session] = hello.worker_id;
  ModelSession session = std::move(model_.sessions[kFreshSession]);
  model_.sessions.erase(kFreshSession);
  session.number = hello.session;
  for (const TaskId id : model_.RunningIn(kFreshSession)) model_.Change(id).session = hello.session;
  if (session.draining) {
    expected_orders_[hello.session] = "dismiss";
    coverage_->Count("Hello: told to leave again");
  }
  model_.sessions[hello.session] = std::move(session);
}

void Auditor::CheckBeat(const engine::HeartbeatCommand& beat) {
  ExpectError("Heartbeat", beat.error, "");
  REQUIRE(beat.reconnect == beat_reconnects_, "a beat is told ", beat.reconnect ? "" : "not ", "to reconnect");
  REQUIRE(beat.over == beat_answer_.first && beat.cancelled == beat_answer_.second,
          "a beat is told the wrong attempts: over ", absl::StrJoin(beat.over, " "), ", not ",
          absl::StrJoin(beat_answer_.first, " "));
  if (beat.reconnect) coverage_->Count("Heartbeat: reconnect");
  if (!beat.over.empty()) coverage_->Count("Heartbeat: over");
  if (!beat.cancelled.empty()) coverage_->Count("Heartbeat: cancelled");
}

void Auditor::CheckWorkers(const engine::ListWorkersCommand& command) const {
  const auto first = model_.sessions.upper_bound(command.after);
  const auto count = static_cast<size_t>(std::distance(first, model_.sessions.end()));
  REQUIRE(command.workers.size() == std::min(count, command.most) && command.more == (count > command.most),
          command.workers.size(), " workers behind session ", command.after, " are listed, there are ", count);
  auto next = first;
  for (const engine::WorkerView& view : command.workers) {
    const auto& [number, session] = *next++;
    const size_t attempts = model_.RunningIn(number).size();
    REQUIRE(view.session == number && view.worker_id == session.worker_id && view.connected == session.open &&
                view.draining == session.draining && view.slots_taken == session.held.size() &&
                view.attempts == attempts,
            "worker '", view.worker_id, "' session ", view.session, " is listed with ", view.slots_taken,
            " slots taken and ", view.attempts, " attempts; it is session ", number, " with ", session.held.size(),
            " and ", attempts);
  }
}

}  // namespace baton::simulation
