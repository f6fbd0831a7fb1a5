#include "tests/simulation/workload.h"
#include "broker/engine/inspection_commands.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/simulation/bulk.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {
namespace {

using engine::testing::TaskSpec;

// Tasks that live at the same time; above it few are added.
constexpr size_t kCrowd = 40;
// Larger than a step with its journal entry, as a full batch is.
constexpr int64_t kLeastBatchBytes = 1024;
constexpr Micros kLongestTurn = 40 * kMillisecond;
// For each command that is applied; a hundred times of what is usual.
constexpr uint64_t kMostEvents = 2000;

}  // namespace

Workload::Workload(uint64_t seed, Coverage* coverage)
    : coverage_(coverage),
      random_(seed),
      broker_(DrawSettings(seed, random_), DrawFirstId(random_), DrawDisk(random_), &timeline_, &random_, coverage),
      network_(DrawNetwork(random_, Random(~seed + 1)), &timeline_, &random_, &broker_, coverage) {
  DrawFaults();
  DrawWorkers();
}

EngineSettings Workload::DrawSettings(uint64_t seed, Random& random) {
  EngineSettings settings;
  settings.work = DrawWork(Random(~seed));  // Of its own, so that seeds from before it was drawn stay what they were.
  settings.resident_tasks = random.Chance(500) ? 65'536 : random.Between(1, 8);
  settings.max_interruptions = static_cast<uint32_t>(random.Between(1, 5));
  settings.max_depth = static_cast<uint32_t>(random.Between(1, 3));
  settings.max_children = static_cast<uint64_t>(random.Between(3, 9));
  settings.defaults.timeout = random.Between(2, 20) * kSecond;
  // So short that workers fall silent before what they do has timed out.
  if (random.Chance(250)) {
    settings.beat_interval = random.Between(200, 1000) * kMillisecond;
    settings.beat_window = 5 * settings.beat_interval;
  }
  settings.page_interval = random.Between(1, 60) * kSecond;
  settings.watch_window = random.Between(1, 60) * kSecond;
  settings.watch_bytes = 4096;
  if (random.Chance(300)) settings.page_journal_bytes = static_cast<size_t>(random.Time(100, 20'000));
  if (random.Chance(300)) settings.ageing = random.Time(kMillisecond, kMinute);
  if (random.Chance(300)) settings.max_schedules = static_cast<size_t>(random.Between(1, 3));
  if (random.Chance(300)) settings.lane_commands = static_cast<size_t>(random.Between(2, 8));
  if (random.Chance(300)) settings.key_horizon = static_cast<uint64_t>(random.Between(1, 3));
  DrawRetention(random, &settings);
  return settings;
}

// In some seeds so little that the bounds of a round, and of what is stored with one parent or job, are met.
engine::WorkBounds Workload::DrawWork(Random random) {
  engine::WorkBounds work;
  if (random.Chance(500)) return work;
  work.open_batch_bytes = static_cast<size_t>(random.Between(kLeastBatchBytes, 8 * kLeastBatchBytes));
  work.round_timers = static_cast<size_t>(random.Between(1, 4));
  work.round_job_steps = static_cast<size_t>(random.Between(1, 8));
  work.jobs = static_cast<size_t>(random.Between(1, 4));
  work.ranges_to_delete = static_cast<size_t>(random.Between(1, 4));
  work.child_ranges = static_cast<size_t>(random.Between(1, 3));
  work.staged_ranges = static_cast<size_t>(random.Between(1, 6));
  work.crowded_ranges = static_cast<size_t>(random.Between(1, 8));
  return work;
}

// Of each state, mostly as of all.
void Workload::DrawRetention(Random& random, EngineSettings* settings) {
  const auto age = [&random] { return random.Time(10 * kMillisecond, 30 * kSecond); };
  settings->retention = random.Chance(500) ? 0 : age();
  for (Micros* own : {&settings->retention_completed, &settings->retention_failed, &settings->retention_cancelled}) {
    if (random.Chance(200)) *own = random.Chance(300) ? 0 : age();
  }
}

// Often so that some tasks are in one page and the rest is in the next.
TaskId Workload::DrawFirstId(Random& random) {
  return random.Chance(700) ? 1 : engine::kPageIds - static_cast<TaskId>(random.Between(1, 200));
}

DiskHabits Workload::DrawDisk(Random& random) {
  DiskHabits habits;
  habits.fast = random.Between(100, 5000);
  if (random.Chance(250)) habits.stall_permille = 0;
  if (random.Chance(250)) habits.failure_per_10000 = 0;
  return habits;
}

NetworkHabits Workload::DrawNetwork(Random& random, Random own) {
  NetworkHabits habits;
  if (random.Chance(700)) habits.loss_permille = static_cast<uint32_t>(random.Between(1, 60));
  if (random.Chance(700)) habits.double_permille = static_cast<uint32_t>(random.Between(1, 100));
  if (own.Chance(500)) habits.slow_permille = static_cast<uint32_t>(own.Between(1, 60));
  habits.delay = random.Chance(800) ? 20 * kMillisecond : 2 * kSecond;
  return habits;
}

void Workload::DrawFaults() {
  for (uint32_t* fault :
       {&faults_.kill_broker, &faults_.end_broker, &faults_.freeze_broker, &faults_.jump_wall, &faults_.kill_worker,
        &faults_.freeze_worker, &faults_.break_stream, &faults_.change_worker}) {
    if (random_.Chance(300)) *fault = 0;
  }
  for (bool* kind : {&unique_keys_, &request_ids_, &delays_, &mischief_, &cancels_, &pauses_, &schedules_, &deadlines_,
                     &retries_, &deletes_, &jobs_, &limits_, &dismissals_}) {
    *kind = random_.Chance(750);
  }
}

void Workload::DrawWorkers() {
  const size_t count = 2 + random_.Below(4);
  for (size_t i = 0; i < count; ++i) {
    workers_.push_back(
        std::make_unique<SimulatedWorker>(DrawWorker(i), &timeline_, &random_, &network_, &broker_, coverage_));
  }
}

WorkerHabits Workload::DrawWorker(size_t index) {
  WorkerHabits habits;
  // Now and then two processes claim the same name.
  habits.worker_id = absl::StrCat("worker ", index > 0 && random_.Chance(100) ? index - 1 : index);
  if (random_.Chance(200)) habits.pod_id = absl::StrCat("pod ", random_.Below(2));
  habits.types = {"work", "parent"};
  if (index == 0 || random_.Chance(300)) habits.types.emplace_back("rare");
  if (index == 0 || random_.Chance(300)) habits.capabilities = {"GPU"};
  habits.slots = static_cast<uint32_t>(random_.Between(1, 4));
  if (random_.Chance(300)) habits.max_concurrency = static_cast<uint32_t>(random_.Between(1, 2));
  habits.tells_types = random_.Chance(700);
  if (random_.Chance(500)) habits.handler_options.timeout = random_.Between(1, 10) * kSecond;
  if (random_.Chance(500)) habits.handler_options.retry_interval = random_.Time(kMillisecond, 2 * kSecond);
  if (random_.Chance(300)) habits.handler_options.max_retries = static_cast<int32_t>(random_.Between(1, 5));
  if (random_.Chance(300)) habits.handler_options.priority = static_cast<int32_t>(random_.Between(-1, 1));
  if (random_.Chance(200)) habits.handler_options.progress_timeout = random_.Between(1, 5) * kSecond;
  if (random_.Chance(300)) habits.default_options.retry_backoff = engine::Backoff::kExponential;
  if (random_.Chance(300)) habits.default_options.max_retries = static_cast<int32_t>(random_.Between(1, 5));
  // Some take more than they run.
  if (random_.Chance(250)) habits.wait_permille = 900, habits.slots += 8;
  for (uint32_t* weight :
       {&habits.fail, &habits.fail_finally, &habits.spawn, &habits.suspend, &habits.release, &habits.bad,
        &habits.hang_permille, &habits.ignore_permille, &habits.forget_permille, &habits.report_permille}) {
    if (random_.Chance(200)) *weight = 0;
  }
  return habits;
}

// ── Running ──────────────────────────────────────────────────────────────────────────────────────────────────────

void Workload::Run(uint64_t commands) {
  broker_.Start();
  for (const auto& worker : workers_) worker->Start();
  Turn();
  while (broker_.auditor().commands() < commands) {
    REQUIRE(timeline_.steps() < kMostEvents * commands, "nothing gets done, however much happens");
    timeline_.Step();
  }
  Heal();
}

std::string Workload::Position() const {
  return absl::StrCat("command ", broker_.auditor().commands(), ", ", timeline_.now() / kMillisecond, " ms, task ",
                      broker_.auditor().model().next_id() - 1, healing_ ? ", healing" : "");
}

void Workload::Turn() {
  if (healing_) return;
  Befall();
  Act();
  timeline_.After(random_.Time(10, kLongestTurn), [this] { Turn(); });
}

void Workload::Act() {
  const bool crowded = broker_.auditor().model().live.size() > kCrowd;
  switch (random_.Below(crowded ? 200 : 43)) {
    case 0:
      return ListWorkers();
    case 1:
    case 2:
    case 3:
      return Cancel();
    case 4:
    case 5:
    case 6:
      return Resume(AnyTask());
    case 7:
    case 8:
    case 9:
      return Mischief();
    case 10:
      return broker_.CheckEverything();
    case 11:
      return random_.Chance(500) ? Look(AnyTask()) : Explain(AnyTask());
    case 12:
      return Search();
    case 13:
    case 14:
    case 15:
      return Pause();
    case 16:
    case 17:
      return Schedule();
    case 18:
    case 19:
      return random_.Chance(600) ? Retry() : Delete();
    case 20:
    case 21:
      return Job();
    case 22:
      return random_.Chance(700) ? LimitType() : DismissWorker();
    default:
      if (!crowded || random_.Chance(20)) Submit();
  }
}

// ── What programs and operators do ───────────────────────────────────────────────────────────────────────────────

TaskId Workload::AnyTask() {
  const Model& model = broker_.auditor().model();
  if (!model.live.empty() && random_.Chance(600)) {
    return *std::next(model.live.begin(), static_cast<ptrdiff_t>(random_.Below(model.live.size())));
  }
  return model.first_id() + random_.Below(model.next_id() - model.first_id() + 3);
}

TaskId Workload::AnyParent() {
  const Model& model = broker_.auditor().model();
  for (const TaskId id : model.live) {
    if (model.At(id).state == LiveState::WAITING) return id;
  }
  return AnyTask();
}

TaskId Workload::AnyPaused() {
  const Model& model = broker_.auditor().model();
  for (const TaskId id : model.live) {
    if (model.At(id).paused) return id;
  }
  return AnyTask();
}

TaskSpec Workload::DrawSpec() {
  TaskSpec spec;
  const uint64_t draw = random_.Below(10);
  spec.type = draw < 3 ? "parent" : draw < 4 ? "rare" : draw < 5 ? "unknown" : "work";
  if (spec.type == "unknown" && random_.Chance(900)) spec.type = "work";
  spec.payload = absl::StrCat("payload ", ++numbers_, DrawBulk(broker_.settings(), random_));
  if (numbers_ % 4 == 0) spec.trace = absl::StrCat("trace ", numbers_);
  if (random_.Chance(300)) spec.tag = random_.Chance(700) ? "often" : "seldom";
  if (random_.Chance(300)) spec.options.priority = static_cast<int32_t>(random_.Between(-3, 3));
  if (random_.Chance(100)) spec.options.required_capabilities = Capabilities{"GPU"};
  if (random_.Chance(100)) spec.options.max_retries = static_cast<int32_t>(random_.Between(1, 4));
  if (random_.Chance(100)) spec.options.timeout = random_.Between(1, 5) * kSecond;
  if (random_.Chance(50)) spec.options.retry_backoff = engine::Backoff::kExponential;
  if (delays_ && random_.Chance(200)) spec.delay = random_.Time(kMillisecond, kMinute);
  if (delays_ && random_.Chance(50)) spec.due = timeline_.Read().wall + random_.Between(-kMinute, kMinute);
  if (deadlines_ && random_.Chance(60)) spec.start_timeout = random_.Time(kMillisecond, 30 * kSecond);
  const uint32_t bounded = spec.type == "parent" ? 200 : 100;
  if (deadlines_ && random_.Chance(bounded)) spec.total_timeout = random_.Time(kMillisecond, kMinute);
  if (deadlines_ && random_.Chance(50)) spec.options.progress_timeout = random_.Between(1, 3) * kSecond;
  if (unique_keys_ && random_.Chance(250)) {
    spec.unique_key = absl::StrCat("key ", random_.Below(4));
    spec.policy = static_cast<engine::UniquePolicy>(random_.Below(3));
  }
  return spec;
}

void Workload::Submit() {
  Submission submission;
  if (!submissions_.empty() && random_.Chance(60)) {
    // An old request once more, perhaps with another body.
    submission = submissions_[random_.Below(submissions_.size())];
    if (random_.Chance(300)) submission.specs.push_back(DrawSpec());
    return Send(submission, 1);
  }
  const size_t count = random_.Chance(700) ? 1 : 1 + random_.Below(5);
  for (size_t i = 0; i < count; ++i) submission.specs.push_back(DrawSpec());
  if (request_ids_ && random_.Chance(400)) {
    submission.request_id = absl::StrCat("request ", ++numbers_);
    submissions_.push_back(submission);
    if (submissions_.size() > 20) submissions_.erase(submissions_.begin());
  }
  Send(submission, submission.request_id.empty() ? 1 : 5);
}

void Workload::Send(const Submission& submission, int tries) {
  network_.Call<engine::SubmitCommand>(
      [this, submission](engine::SubmitCommand* command) {
        command->actor = "local";
        engine::testing::FillSubmit(submission.specs, submission.request_id, *broker_.Snapshot(), timeline_.Read().wall,
                                    command);
      },
      [this, submission, tries](const engine::SubmitCommand* answered) {
        if (answered == nullptr && tries > 1) Send(submission, tries - 1);
      });
}

void Workload::ListWorkers() {
  network_.Call<engine::ListWorkersCommand>(
      [this](engine::ListWorkersCommand* command) {
        command->after = listed_to_;
        command->most = 3;
      },
      [this](const engine::ListWorkersCommand* answered) {
        if (answered != nullptr) listed_to_ = answered->more ? answered->workers.back().session : 0;
      });
}

// Tokens of attempts that are over, that never were, or that belong to somebody else.
AttemptId Workload::DrawAttempt() {
  const AttemptId* held = AnyWorker().AnyAttempt();
  AttemptId attempt;
  attempt.task = held != nullptr && random_.Chance(300) ? held->task : AnyTask();
  const Model& model = broker_.auditor().model();
  attempt.attempt = model.Exists(attempt.task) ? model.At(attempt.task).attempt : 1;
  if (random_.Chance(800)) attempt.attempt += static_cast<uint32_t>(random_.Between(0, 1)) * 2 - 1;
  attempt.attempt = std::max(attempt.attempt, 1u);
  return attempt;
}

void Workload::Mischief() {
  if (!mischief_) return;
  const AttemptId attempt = DrawAttempt();
  const uint64_t kind = random_.Below(6);
  if (kind == 0) {
    return network_.Call<engine::ReportCommand>(
        [attempt](engine::ReportCommand* report) {
          report->reports.push_back({{}, attempt, "", false});
        },
        [](const engine::ReportCommand*) {});
  }
  if (kind == 1) {
    return network_.Call<engine::SpawnChildrenCommand>(
        [this, attempt](engine::SpawnChildrenCommand* spawn) {
          spawn->attempt = attempt;
          spawn->part = 1;
          spawn->children.push_back(engine::testing::MakeTask({}, *broker_.Snapshot()));
        },
        [](const engine::SpawnChildrenCommand*) {});
  }
  network_.Call<engine::CompleteCommand>(
      [attempt, kind](engine::CompleteCommand* complete) {
        engine::Outcome outcome;
        outcome.attempt = attempt;
        outcome.kind = kind == 2   ? engine::Outcome::Kind::kFailed
                       : kind == 3 ? engine::Outcome::Kind::kReleased
                                   : engine::Outcome::Kind::kSucceeded;
        complete->outcomes = {outcome, outcome};
      },
      [](const engine::CompleteCommand*) {});
}

}  // namespace baton::simulation
