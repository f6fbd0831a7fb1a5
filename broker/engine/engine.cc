#include "broker/engine/engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"

namespace baton::engine {
namespace {

// What the journal has at most, as a rule, of a task that has changed.
constexpr size_t kTouchedBytes = 32;

// How often readers may see new numbers of free slots.
constexpr Micros kSlotsPublishInterval = 250 * kMillisecond;

// How long it may sleep while a schedule is to fire, or an alarm to ring: less than what makes an instant too old to
// fire.
constexpr Micros kMaxScheduleSleep = kInstantOver / 2;

}  // namespace

EngineState::EngineState(const EngineSettings& settings, Catalog* catalog, RoutingBoard* board, Recovered* recovered,
                         Now now)
    : settings_(settings),
      catalog_(catalog),
      board_(board),
      incarnation_(recovered->incarnation),
      last_entry_(recovered->last_entry),
      next_id_(recovered->next_id),
      next_session_(recovered->next_session),
      next_job_(recovered->next_job),
      now_(now),
      lease_now_(now.steady),
      batch_(recovered->number + 1),
      order_(settings.ageing),
      dispatcher_(catalog),
      types_(std::move(recovered->types)) {}

Engine::Engine(const EngineSettings& settings, Catalog* catalog, RoutingBoard* board, Recovered recovered, Now now)
    : EngineState(settings, catalog, board, &recovered, now) {
  Restore(std::move(recovered));
}

void Engine::Restore(Recovered recovered) {
  for (const auto& [type, row] : types_) {
    if (row.has_pause()) dispatcher_.PauseType(type, true);
    if (row.has_limit()) dispatcher_.LimitType(type, row.limit().max_running());
  }
  for (auto& [number, row] : recovered.sessions) {
    auto session = std::make_unique<Session>();
    session->number = number;
    session->worker_id = row.worker_id();
    session->instance_id = row.instance_id();
    session->pod_id = row.pod_id();
    session->pod_generation = row.pod_generation();
    session->stored = true;
    session->restored = true;
    session->connected_at = now_.wall;
    Renew(*session);
    workers_[session->worker_id] = number;
    sessions_[number] = std::move(session);
  }
  for (std::unique_ptr<Task>& task : recovered.running) {
    Session* session = FindSession(task->session);
    BATON_CHECK(session != nullptr, absl::StrCat("task ", task->id, " runs in session ", task->session, ", unknown"));
    session->held[{task->id, task->attempt}] = {.class_number = task->class_number};
    dispatcher_.AttemptBegan(task->class_number);
    ++session->attempts;
    staged_ranges_ += task->staged.size();
    if (!task->staged.empty()) staging_.insert(task->id);
    // What is left of the timeout by the wall clock, which may have jumped meanwhile. But not before its worker can
    // have come back: it knows when the handler began, and may have the outcome.
    const Settled& options = SettledFor(*task);
    const Micros left = std::min<Micros>(task->claimed + options.timeout - now_.wall, options.timeout);
    task->deadline = lease_now_ + std::max(left, settings_.beat_window);
    // When it reported last is not known.
    if (options.progress_timeout != 0) {
      task->report_deadline = lease_now_ + std::max(options.progress_timeout, settings_.beat_window);
    }
    timeouts_.insert(TimeoutOf(*task));
    ++running_;
    tasks_[task->id] = std::move(task);
  }
  order_ = std::move(recovered.pending);
  for (auto& [entry, what] : recovered.damaged) {
    // Its worker is told that the attempt is over; the session need not outlive it.
    LiveEntry pending{entry.id, LiveState::PENDING, entry.paused, entry.class_number, entry.priority, entry.due};
    pending.attempt = entry.attempt;
    pending.failed = entry.failed;
    pending.alarm = entry.alarm;
    resumed_.emplace_back(entry.id, pending);
    recovered.alarms.erase({entry.alarm, entry.id});
    SetAside(pending, what);
  }
  for (const LiveEntry& entry : recovered.waiting) {
    if (entry.state == LiveState::WAITING) {
      waiting_[entry.id] = {entry.class_number, entry.priority, entry.due,    entry.attempt,   entry.generation,
                            entry.remaining,    entry.failed,   entry.paused, entry.fail_fast, entry.alarm};
      if (IsDoomed(waiting_[entry.id])) doomed_[entry.id] = "a child did not complete";
    } else {
      staged_[entry.id] = {entry.class_number, order_.KeyOf(entry.priority, entry.due, entry.id), entry.alarm};
    }
  }
  alarms_ = std::move(recovered.alarms);
  for (auto& [number, row] : recovered.jobs) {
    if (row.ended_us() != 0) {
      ended_jobs_[number] = std::move(row);
      continue;
    }
    Job& job = jobs_[number];
    for (const auto& range : row.ranges()) job.ranges.push_back({range.first(), range.count()});
    row.clear_ranges();
    job.row = std::move(row);
    job.dirty = false;
  }
  RestoreSchedules(std::move(recovered.schedules));
  std::vector<SessionNumber> idle;
  for (const auto& [number, session] : sessions_) {
    if (session->attempts == 0) idle.push_back(number);
  }
  for (const SessionNumber number : idle) RemoveSession(*sessions_[number]);
}

void Engine::BeginRound(Now now, bool disk_stalls) {
  // The process, or its disk, stood still: nobody else is to blame.
  const Micros late = asked_wake_ != 0 ? now.steady - asked_wake_ : 0;
  if (disk_stalls) {
    paused_ += now.steady - now_.steady;
  } else if (late > kPauseThreshold) {
    paused_ += late;
  }
  now_ = now;
  batch_time_ = batch_.empty() ? now.wall : std::max(batch_time_, now.wall);
  lease_now_ = now.steady - paused_;
  asked_wake_ = 0;
  has_more_ = false;
  SubmitReady();
}

void Engine::Apply(std::unique_ptr<Command> command) {
  switch (command->kind) {
    case Command::Kind::kSubmit:
      return Submit(std::move(command));
    case Command::Kind::kHello:
      return Hello(std::move(command));
    case Command::Kind::kUpdateWorker:
      return UpdateWorker(std::move(command));
    case Command::Kind::kStreamClosed:
      return StreamClosed(std::move(command));
    case Command::Kind::kPace:
      return Pace(std::move(command));
    case Command::Kind::kHeartbeat:
      return Heartbeat(std::move(command));
    case Command::Kind::kComplete:
      return Complete(std::move(command));
    case Command::Kind::kReport:
      return Report(std::move(command));
    case Command::Kind::kSpawnChildren:
      return SpawnStaged(std::move(command));
    case Command::Kind::kCancel:
      return Cancel(std::move(command));
    case Command::Kind::kResume:
      return Resume(std::move(command));
    case Command::Kind::kRetry:
      return Retry(std::move(command));
    case Command::Kind::kDelete:
      return Delete(std::move(command));
    case Command::Kind::kPause:
      return Pause(std::move(command));
    case Command::Kind::kPauseType:
      return PauseType(std::move(command));
    case Command::Kind::kSetTypeLimit:
      return SetTypeLimit(std::move(command));
    case Command::Kind::kDrainWorker:
      return DrainWorker(std::move(command));
    case Command::Kind::kCreateSchedule:
      return CreateSchedule(std::move(command));
    case Command::Kind::kChangeSchedule:
      return ChangeSchedule(std::move(command));
    case Command::Kind::kStartJob:
      return StartJob(std::move(command));
    case Command::Kind::kStopJob:
      return StopJob(std::move(command));
    case Command::Kind::kListJobs:
      return ListJobs(std::move(command));
    case Command::Kind::kListWorkers:
      return ListWorkers(std::move(command));
    case Command::Kind::kExplain:
      return Explain(std::move(command));
    case Command::Kind::kDrain:
      return Drain(std::move(command));
    case Command::Kind::kRemove:
      return Remove(std::move(command));
  }
}

void Engine::AddPages(const storage::WriteBatch& pages) { batch_.AddPages(pages); }

void Engine::FinishRound(bool expire) {
  size_t promoted = 0;
  order_.Promote(now_.wall, settings_.work.round_timers, [&](ClassNumber class_number) {
    ++promoted;
    dispatcher_.ClassReady(class_number);
  });
  if (promoted == settings_.work.round_timers) has_more_ = true;
  if (expire) Expire();
  FailDoomed();
  FireSchedules();
  RunJobs();
  EnqueueSealed();
  Dispatch();
  PublishRouting();
  if (running_ == 0) {
    for (std::unique_ptr<Command>& drain : drains_) batch_.Answer(std::move(drain));
    drains_.clear();
  }
  const Micros sleep = SleepTime();
  if (sleep <= kMaxSleep && !clock_is_turned_) asked_wake_ = now_.steady + sleep;
}

void Engine::Expire() {
  ExpireSessions();
  // Attempts of workers that are lost cost their tasks nothing: these first, however many they are.
  if (session_timers_.empty() || session_timers_.begin()->first > lease_now_) ExpireAttempts();
  RingAlarms();
}

Micros Engine::SleepTime() const {
  Micros sleep = kHour;
  // Somebody who turns the clock looks at it.
  const Micros most_by_wall = clock_is_turned_ ? kHour : kMaxScheduleSleep;
  const Micros most_by_lease = clock_is_turned_ ? kHour : kMaxSleep;
  if (order_.next_due() != std::numeric_limits<WallMicros>::max()) {
    sleep = std::min(sleep, std::max<Micros>(order_.next_due() - now_.wall, 0));
  }
  // Those that are due and wait for the next round need no waking.
  if (!has_more_ && schedules_.next_due() != std::numeric_limits<WallMicros>::max()) {
    // The wall clock may be set forward meanwhile.
    sleep = std::min({sleep, most_by_wall, std::max<Micros>(schedules_.next_due() - now_.wall, 0)});
  }
  if (!has_more_ && !alarms_.empty() && !RingsEnough()) {
    sleep = std::min({sleep, most_by_wall, std::max<Micros>(alarms_.begin()->first - now_.wall, 0)});
  }
  if (!session_timers_.empty()) {
    sleep = std::min({sleep, most_by_lease, std::max<Micros>(session_timers_.begin()->first - lease_now_, 0)});
  }
  if (!timeouts_.empty()) {
    sleep = std::min({sleep, most_by_lease, std::max<Micros>(timeouts_.begin()->first - lease_now_, 0)});
  }
  if (slots_changed_) sleep = std::min(sleep, kSlotsPublishInterval);
  return sleep;
}

void Engine::PublishRouting() {
  if (!routing_changed_ && !(slots_changed_ && now_.steady - routing_published_ >= kSlotsPublishInterval)) return;
  std::shared_ptr<Routing> routing = dispatcher_.MakeRouting();
  for (const auto& [number, session] : sessions_) routing->draining += session->open && session->draining ? 1 : 0;
  board_->Publish(std::move(routing));
  routing_changed_ = false;
  slots_changed_ = false;
  routing_published_ = now_.steady;
}

void Engine::Touch(Task& task) {
  if (task.touched_in == batch_.number()) return;
  task.touched_in = batch_.number();
  touched_.push_back(task.id);
  batch_.HasTag(task.id, task.tag_hash);
  batch_.Expect(kTouchedBytes);
}

void Engine::WriteTouched() {
  for (const TaskId id : touched_) {
    const Task* task = Resident(id);
    if (task == nullptr) continue;  // It has ended: that is in the journal already.
    if (task->state == LiveState::RUNNING) {
      batch_.Claimed(EntryOf(*task));
      if (task->paused) batch_.Paused(id);
      if (task->alarm != 0) batch_.HasAlarm(id, task->alarm);
    } else {
      batch_.Moved(EntryOf(*task));
    }
  }
  for (const auto& [id, entry] : resumed_) {
    if (Resident(id) == nullptr) batch_.Moved(entry);
  }
  for (const TaskId id : touched_waiting_) {
    const auto it = waiting_.find(id);
    if (it != waiting_.end()) batch_.Moved(EntryOfWaiting(id, it->second));
  }
}

ClosedBatch Engine::CloseBatch() {
  ++closed_batches_;
  WriteJobs();
  WriteTouched();
  ClosedBatch closed = batch_.Close(batch_time_, incarnation_, next_id_, &last_entry_);
  // Only what runs, or is ready to be handed out, stays in memory.
  for (const TaskId id : touched_) EvictIdle(id);
  for (const TaskId id : adopted_) EvictIdle(id);
  touched_.clear();
  adopted_.clear();
  resumed_.clear();
  touched_waiting_.clear();
  const uint64_t horizon = batch_.number() > settings_.key_horizon ? batch_.number() - settings_.key_horizon : 0;
  keys_.Forget(horizon, settings_.key_bytes);
  return closed;
}

}  // namespace baton::engine
