#include "tests/simulation/auditor.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "tests/simulation/violation.h"
#include "tests/unit/engine/checks.h"

namespace baton::simulation {
namespace {

using engine::LiveEntry;
using storage::Family;
using storage::WriteBatch;

// Commits of which the model is kept for readers.
constexpr size_t kKeptCommits = 400;

template <typename Record>
Record Parse(absl::string_view bytes) {
  Record record;
  REQUIRE(record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "an unreadable row was written");
  return record;
}

std::string DifferenceOf(const LiveEntry& entry, const ModelTask& task, const engine::Catalog& catalog) {
  const engine::ClassInfo& info = catalog.Class(entry.class_number);
  const bool same =
      entry.id == task.id && entry.state == task.state && info.type == task.type &&
      info.required_capabilities == task.required && entry.priority == task.priority && entry.due == task.due &&
      entry.attempt == task.attempt && entry.paused == task.paused &&
      (task.state != LiveState::RUNNING || (entry.session == task.session && entry.claimed == task.claimed)) &&
      (task.state != LiveState::WAITING || (entry.generation == task.generation && entry.remaining == task.remaining &&
                                            entry.failed == task.failed && entry.fail_fast == task.fail_fast)) &&
      entry.alarm == Model::AlarmOf(task);
  return same ? "" : absl::StrCat(engine::testing::Describe(entry), " (type ", info.type, "), not ", Describe(task));
}

}  // namespace

void Auditor::Started(const engine::Engine& engine, engine::Follower& follower, const engine::Catalog& catalog,
                      uint64_t durable, Now now) {
  if (commits_.empty()) commits_[durable] = model_;
  REQUIRE(commits_.contains(durable), "the store is at commit ", durable, ", which was never closed");
  REQUIRE(durable >= durable_, "the store is at commit ", durable, ", but commit ", durable_, " was on disk");
  model_ = commits_[durable];
  commits_.erase(commits_.upper_bound(durable), commits_.end());
  durable_ = durable;
  catalog_ = &catalog;
  open_number_ = durable + 1;
  waiting_.clear();
  decided_.clear();
  undecided_commit_.clear();
  expected_.clear();
  creations_.clear();
  replaced_.clear();
  done_verbs_.clear();
  written_keys_.clear();
  firing_.reset();
  defined_.reset();
  deleted_schedules_.clear();
  reviving_ = 0;
  ended_changed_.clear();
  last_revival_ = 0;
  expected_cancels_.clear();
  expected_orders_.clear();
  expected_recalls_.clear();
  dismissed_.clear();
  seen_ = {};
  seen_loads_ = 0;
  loads_ = 0;
  draining_ = false;
  lease_now_ = now.steady;
  paused_ = 0;
  asked_wake_ = 0;
  latest_wall_ = now.wall;
  started_ = now;
  ++life_;
  ended_.clear();
  RestoreSessions(now);
  for (const auto& [number, job] : model_.jobs) {
    if (job->is_over()) continue;
    model_.ChangeJob(number).restarted = true;
    coverage_->Count("job: goes on after a restart");
  }
  Tell("started at commit ", durable);

  REQUIRE(engine.next_id() == model_.next_id(), "after a restart the next id is ", engine.next_id(), ", not ",
          model_.next_id());
  const std::vector<LiveEntry> live = engine::testing::LiveOf(follower);
  size_t at = 0;
  for (const TaskId id : model_.live) {
    REQUIRE(at < live.size(), "after a restart ", Describe(model_.At(id)), " is missing");
    const std::string difference = DifferenceOf(live[at++], model_.At(id), catalog);
    REQUIRE(difference.empty(), "after a restart there is ", difference);
  }
  REQUIRE(at == live.size(), "after a restart there are too many tasks");
  Applied(engine);  // Sessions without attempts are removed.
}

void Auditor::RoundBegins(Now now, bool disk_stalls) {
  // The process stood still when it was woken more than a second late, and its disk while a commit takes longer:
  // nobody's fault.
  const Micros late = asked_wake_ != 0 ? now.steady - asked_wake_ : 0;
  if (disk_stalls) {
    paused_ += now.steady - now_.steady;
  } else if (late > kSecond) {
    paused_ += late;
  }
  now_ = now;
  latest_wall_ = std::max(latest_wall_, now.wall);
  lease_now_ = now.steady - paused_;
}

void Auditor::Applies(const engine::Command& command) {
  using Kind = engine::Command::Kind;
  applying_ = &command;
  // The broker's own come as often as they like.
  if (command.kind != Kind::kRemove) ++commands_;
  Tell("applies command ", commands_, " of kind ", static_cast<int>(command.kind), " from '", command.actor, "'");
  Waiting& waiting = waiting_[&command];
  waiting.number = commands_;
  switch (command.kind) {
    case Kind::kSubmit:
      waiting.tasks = static_cast<const engine::SubmitCommand&>(command).tasks;
      return;
    case Kind::kHello:
      return AppliesHello(static_cast<const engine::HelloCommand&>(command));
    case Kind::kUpdateWorker:
      return AppliesUpdate(static_cast<const engine::UpdateWorkerCommand&>(command));
    case Kind::kStreamClosed:
      return AppliesClosed(static_cast<const engine::StreamClosedCommand&>(command));
    case Kind::kHeartbeat:
      return AppliesBeat(static_cast<const engine::HeartbeatCommand&>(command));
    case Kind::kComplete:
      return AppliesComplete(static_cast<const engine::CompleteCommand&>(command));
    case Kind::kReport:
      return AppliesReport(static_cast<const engine::ReportCommand&>(command));
    case Kind::kSpawnChildren:
      return AppliesSpawn(static_cast<const engine::SpawnChildrenCommand&>(command));
    case Kind::kCancel:
      waiting.staged_seen =
          model_.StateOf(static_cast<const engine::CancelCommand&>(command).task) == LiveState::STAGED;
      return;
    case Kind::kResume:
      waiting.staged_seen =
          model_.StateOf(static_cast<const engine::ResumeCommand&>(command).task) == LiveState::STAGED;
      return;
    case Kind::kRetry:
      waiting.states.insert(model_.StateOf(static_cast<const engine::RetryCommand&>(command).task));
      return;
    case Kind::kPause:
      return AppliesPause(static_cast<const engine::PauseCommand&>(command));
    case Kind::kPauseType:
      return AppliesPauseType(static_cast<const engine::PauseTypeCommand&>(command));
    case Kind::kSetTypeLimit:
      return AppliesTypeLimit(static_cast<const engine::SetTypeLimitCommand&>(command));
    case Kind::kDrainWorker:
      return AppliesDrainWorker(static_cast<const engine::DrainWorkerCommand&>(command));
    case Kind::kCreateSchedule:
      return AppliesCreateSchedule(static_cast<const engine::CreateScheduleCommand&>(command));
    case Kind::kChangeSchedule:
      return AppliesChangeSchedule(static_cast<const engine::ChangeScheduleCommand&>(command));
    case Kind::kExplain:
      waiting.ahead = CountAhead(static_cast<const engine::ExplainCommand&>(command));
      return;
    case Kind::kPace: {
      const auto& pace = static_cast<const engine::PaceCommand&>(command);
      if (ModelSession* session = model_.Session(pace.session); session != nullptr) session->behind = pace.behind;
      return;
    }
    case Kind::kListWorkers:
    case Kind::kStartJob:
    case Kind::kStopJob:
    case Kind::kListJobs:
      return;
    case Kind::kDelete:
      return AppliesDelete(static_cast<const engine::DeleteCommand&>(command));
    case Kind::kDrain:
      draining_ = true;
      for (auto& [number, session] : model_.sessions) {
        if (!session.open || session.draining) continue;
        session.draining = true;
        expected_orders_[number] = "drain";
      }
      return;
    case Kind::kRemove:
      return AppliesRemove(static_cast<const engine::RemoveCommand&>(command));
  }
}

void Auditor::Applied(const engine::Engine& engine) {
  const engine::Batch& batch = engine.OpenBatchForTest();
  ReadWrites(batch.writes());
  ReadAnswers(batch);
  ReadOutput(engine);
  CheckNoMoreExpected();
  loads_ += static_cast<int64_t>(batch.load_count() - seen_loads_);
  seen_loads_ = batch.load_count();
  applying_ = nullptr;
  new_children_.clear();
  outcomes_.clear();
  reports_.clear();
  were_.clear();
  were_paused_.clear();
  freed_keys_.clear();
}

void Auditor::Finished(const engine::Engine& engine, bool expire) {
  finishing_ = true;
  expire_ = expire;
  if (expire) ExpectExpiry(engine);
  Applied(engine);
  finishing_ = false;
  CheckNothingWaitsInVain(engine);
  const Micros sleep = engine.SleepTime();
  asked_wake_ = sleep <= engine::kMaxSleep ? now_.steady + sleep : 0;
  const std::string broken = engine.BrokenInvariantForTest();
  REQUIRE(broken.empty(), broken);
}

void Auditor::Closed(const engine::ClosedBatch& batch) {
  const uint64_t number = batch.number;
  ReadWrites(batch.writes);  // How far jobs are is written last.
  seen_ = {};
  seen_loads_ = 0;
  // One without a number tells of nothing but what is on disk, or on its way there.
  for (const engine::Command* command : undecided_commit_) decided_[command] = open_number_ - (number == 0 ? 1 : 0);
  undecided_commit_.clear();
  if (number == 0) return;
  Tell("closes commit ", number);
  REQUIRE(number == open_number_, "commit ", number, " follows ", open_number_ - 1);
  open_number_ = number + 1;
  for (const TaskId id : ended_) {
    ModelTask& task = model_.Change(id);
    task.ended_at = now_;
    task.ended_in_life = life_;
  }
  ended_.clear();
  LookForJobs();
  commits_[number] = model_;
  while (commits_.size() > kKeptCommits && commits_.begin()->first < durable_) commits_.erase(commits_.begin());
}

void Auditor::Released(const engine::Command& command) {
  const auto decided = decided_.find(&command);
  REQUIRE(decided != decided_.end(), "an answer leaves that was never given");
  REQUIRE(decided->second <= durable_, "an answer leaves before commit ", decided->second, " is on disk");
  decided_.erase(decided);
}

const Model& Auditor::AsOf(uint64_t number) const {
  const auto it = commits_.find(number);
  REQUIRE(it != commits_.end(), "nobody knows commit ", number, " any more");
  return it->second;
}

void Auditor::ReadWrites(const WriteBatch& writes) {
  size_t at = 0;
  writes.ForEach([&](WriteBatch::Op op, Family family, absl::string_view key, absl::string_view value) {
    if (at++ < seen_.writes) return;
    ++seen_.writes;
    if (family == Family::kTask && op == WriteBatch::Op::kPut) {
      creations_.push_back({engine::ReadU64(key), Parse<records::v1::TaskRow>(value)});
    } else if (op == WriteBatch::Op::kDelete && family == Family::kEnd && BeginsRevival(engine::ReadU64(key))) {
      reviving_ = engine::ReadU64(key);
    } else if (op != WriteBatch::Op::kPut &&
               (family == Family::kTask || family == Family::kLog || family == Family::kEnd)) {
      ReadDeletes(op, family, key, value);
    } else if (family == Family::kLog || family == Family::kEnd) {
      ReadStep(engine::ReadU64(key), Parse<Step>(value), family == Family::kEnd);
    } else if (family == Family::kKey && key[0] == 'r' && op == WriteBatch::Op::kDeleteRange) {
      ForgetRequests(key, value);
    } else if (family == Family::kKey && key[0] == 'u') {
      const std::string unique(key.substr(1));
      written_keys_[unique] = op == WriteBatch::Op::kPut ? Parse<records::v1::KeyRow>(value).task() : 0;
    } else if (family == Family::kMeta && (key[0] == 'f' || key[0] == 'h')) {
      const std::string name(key.substr(1));
      if (op != WriteBatch::Op::kPut) {
        if (key[0] == 'f') ReadScheduleDelete(name);
      } else if (key[0] == 'h') {
        ReadSchedule(name, Parse<records::v1::ScheduleRow>(value));
      } else {
        ReadScheduleState(name, Parse<records::v1::ScheduleStateRow>(value));
      }
    } else if (family == Family::kMeta && key[0] == 'j') {
      const uint64_t number = engine::ReadU64(key.substr(1));
      if (op == WriteBatch::Op::kPut) {
        ReadJob(number, Parse<records::v1::JobRow>(value));
      } else {
        model_.jobs.erase(number);
      }
    }
  });
}

void Auditor::ForgetRequests(absl::string_view first_window, absl::string_view end) {
  std::erase_if(model_.requests, [&](const auto& request) {
    const engine::Key window = engine::RequestWindowKey(engine::RequestWindowOf(request.second->time));
    const absl::string_view key = window;
    return key >= first_window && key < end;
  });
  coverage_->Count("request ids forgotten");
}

void Auditor::CheckNoMoreExpected() {
  if (!expected_.empty()) {
    const Expected& missing = expected_.front();
    throw Violation(
        absl::StrCat(Step::Kind_Name(missing.kind), " of task ", missing.task, " is missing: ", missing.cause));
  }
  REQUIRE(creations_.empty(), "task ", creations_.empty() ? 0 : creations_.front().id, " was created by nobody");
  REQUIRE(done_verbs_.empty(),
          "something was done and not answered: ", done_verbs_.empty() ? "" : *done_verbs_.begin());
  REQUIRE(reviving_ == 0, "task ", reviving_, " has lost its end");
  REQUIRE(replaced_.empty(), "task ", replaced_.empty() ? 0 : replaced_.begin()->first, " was replaced by nobody");
  for (const auto& [session, attempts] : expected_cancels_) {
    REQUIRE(attempts.empty(), "session ", session, " was not told of a cancelled attempt");
  }
  REQUIRE(expected_orders_.empty(),
          "an order is missing: ", expected_orders_.empty() ? "" : expected_orders_.begin()->second);
  REQUIRE(expected_recalls_.empty(), "what was paused before it began is not recalled: task ",
          expected_recalls_.empty() ? 0 : expected_recalls_.begin()->first);
  for (const auto& [unique, task] : written_keys_) {
    REQUIRE(model_.Holder(unique) == task, "a unique key was stored for task ", task, ", it belongs to task ",
            model_.Holder(unique));
  }
  written_keys_.clear();
}

void Auditor::CheckHistory(const storage::Snapshot& store) const {
  CheckSchedules(store);
  for (const auto& task : model_.tasks()) {
    std::vector<ModelStep> steps;
    const auto read = [&](absl::string_view, absl::string_view value) {
      steps.push_back(ModelStepOf(Parse<Step>(value)));
      return true;
    };
    for (const Family family : {Family::kLog, Family::kEnd}) {
      const absl::Status status =
          family == Family::kLog
              ? store.Scan(family, engine::LogKey(task->id, 0), engine::LogKey(task->id + 1, 0), read)
              : store.Scan(family, engine::EndKey(task->id), engine::EndKey(task->id + 1), read);
      REQUIRE(status.ok(), status.ToString());
    }
    const auto names = [](std::string* out, const ModelStep& step) {
      absl::StrAppend(out, Step::Kind_Name(step.kind), ":", step.hash % 10'000);
    };
    REQUIRE(steps == task->steps, "the store has the steps ", absl::StrJoin(steps, " ", names), " of ", Describe(*task),
            ", there were ", absl::StrJoin(task->steps, " ", names));
    std::string row;
    const bool stored = store.Get(Family::kTask, engine::TaskKey(task->id), &row).ok();
    REQUIRE(stored == (task->state != LiveState::REMOVED), "the record of ", Describe(*task), " is ",
            stored ? "still there" : "missing");
  }
}

}  // namespace baton::simulation
