#include "tests/unit/engine/harness.h"

#include <algorithm>

#include "broker/engine/live/recovery.h"
#include "tests/unit/engine/first_id.h"

namespace baton::engine::testing {
namespace {

constexpr uint64_t kIncarnation = 4711;
// Rounds without time going by, before the engine is said to spin.
constexpr int kMaxRounds = 2000;

}  // namespace

EngineHarness::EngineHarness(const EngineSettings& settings) : settings_(settings) {
  Open();
  Settle();
}

EngineHarness::~EngineHarness() { VerifyStore(); }

void EngineHarness::Open() {
  snapshot_.reset();
  follower_.reset();
  store_.reset();
  store_ = *storage::OpenMemoryStore(disk_);
  catalog_ = std::make_unique<Catalog>();
  board_ = std::make_unique<RoutingBoard>();
  follower_ = std::make_unique<Follower>(settings_, store_.get(), catalog_.get());
  const Now now = clock_.Read();
  absl::StatusOr<Recovered> recovered = Recover(
      store_.get(), "test", now.wall, [] { return kIncarnation; }, catalog_.get(), follower_.get());
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  sweeper_ = std::make_unique<Sweeper>(AgesOf(settings_), now, recovered->next_id, recovered->oldest_request_window);
  engine_ = std::make_unique<Engine>(settings_, catalog_.get(), board_.get(), *std::move(recovered), now);
}

void EngineHarness::Crash() {
  Stop();
  Start();
}

void EngineHarness::Stop() {
  VerifyStore();
  engine_.reset();
  sent_.clear();
  requested_.clear();
  loaded_.clear();
  looks_.clear();
  removal_.reset();
  for (const auto& worker : workers_) worker->OnCrash();
}

void EngineHarness::Start() {
  Open();
  Round();
}

void EngineHarness::Round(bool commit) {
  engine_->BeginRound(clock_.Read());
  for (size_t i = 0; i < loads_per_round && !hold_loads && !loaded_.empty(); ++i) {
    if (newest_loads_first) std::swap(loaded_.front(), loaded_.back());
    LoadResult loaded = std::move(loaded_.front());
    loaded_.pop_front();
    engine_->Apply(std::move(loaded));
  }
  if (sweeping) SweepStep();
  for (std::unique_ptr<Command>& command : std::exchange(sent_, {})) engine_->Apply(std::move(command));
  if (pages_every != 0 && commits_ >= pages_every && commit) {
    commits_ = 0;
    if (const auto pages = follower_->TakeDuePages(now(), true); pages.has_value()) engine_->AddPages(*pages);
  }
  engine_->FinishRound(true);
  if (commit && engine_->has_batch()) Commit();
  if (broken_ || !check_every_commit) return;
  const std::string broken = engine_->BrokenInvariantForTest();
  if (broken.empty()) return;
  broken_ = true;
  ADD_FAILURE() << broken;
}

void EngineHarness::Commit() {
  ClosedBatch batch = engine_->CloseBatch();
  if (batch.number != 0) {
    ++commits_;
    std::string error;
    ASSERT_EQ(store_->Commit(batch.writes, batch.number, &error), storage::CommitResult::kDone) << error;
    CountWrites(batch.writes);
    const absl::Status folded = follower_->Fold(batch.number, *batch.entry, batch.entry_bytes);
    ASSERT_TRUE(folded.ok()) << folded;
    if (batch.stores_pages) follower_->PagesStored();
    sweeper_->Fold(*batch.entry, clock_.Read());
    Check();
  }
  warnings.insert(warnings.end(), batch.warnings.begin(), batch.warnings.end());
  for (LoadRequest& request : batch.loads) requested_.push_back(std::move(request));
  RunLoads();
  Release(std::move(batch.outbox));
}

void EngineHarness::RunLoads() {
  if (requested_.empty()) return;
  const std::shared_ptr<const View> view = MakeView();
  for (LoadRequest& request : std::exchange(requested_, {})) {
    EXPECT_LE(request.min_number, view->number());
    absl::StatusOr<LoadResult> loaded =
        Load(*view, std::move(request),
             [this](const View& seen, const LoadRequest& asked) { return FindMatches(seen, asked); });
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    loaded_.push_back(*std::move(loaded));
  }
}

void EngineHarness::Release(Outbox outbox) {
  for (std::unique_ptr<Command>& command : outbox.answered) {
    command->Answer();
    AnswerSink* sink = dynamic_cast<AnswerSink*>(command.get());
    sink->Keep(std::move(command));
  }
  std::erase_if(looks_, [](const std::function<bool()>& look) { return look(); });
  for (SessionOutput& output : outbox.sessions) {
    for (const auto& worker : workers_) {
      if (worker->session_ != output.session || !worker->open_) continue;
      worker->Receive(std::move(output));
      break;
    }
  }
}

void EngineHarness::CountWrites(const storage::WriteBatch& batch) {
  batch.ForEach([&](storage::WriteBatch::Op, storage::Family family, absl::string_view key, absl::string_view) {
    if (family == storage::Family::kPage || (family == storage::Family::kMeta && key == CheckpointMetaKey().str())) {
      return;
    }
    ++writes_[static_cast<size_t>(family)];
  });
}

void EngineHarness::Check() {
  if (broken_ || !check_every_commit) return;
  std::string broken = Difference(settings_, *store_, *engine_, *follower_, clock_.Read());
  if (broken.empty()) broken = MiscountIn(*MakeView());
  if (broken.empty() && verify_every_commit) broken = DamageIn(settings_, *store_);
  if (broken.empty()) return;
  broken_ = true;
  ADD_FAILURE() << "after commit " << store_->number() << ": " << broken;
}

void EngineHarness::VerifyStore() {
  if (broken_ || engine_ == nullptr || !verify) return;
  const std::string damage = DamageIn(settings_, *store_);
  if (damage.empty()) return;
  broken_ = true;
  ADD_FAILURE() << "the store is damaged as of commit " << store_->number() << ":\n" << damage;
}

bool EngineHarness::Busy() const {
  return !sent_.empty() || (!loaded_.empty() && !hold_loads) || engine_->has_more() || engine_->has_batch();
}

void EngineHarness::Settle() {
  int rounds = 0;
  do {
    Round();
    ASSERT_LT(++rounds, kMaxRounds) << "the engine spins: " << sent_.size() << " commands, " << loaded_.size()
                                    << " loads, has more: " << engine_->has_more();
  } while (Busy());
}

void EngineHarness::Advance(Micros time) {
  int idle_rounds = 0;
  const SteadyMicros end = clock_.Read().steady + time;
  while (clock_.Read().steady < end) {
    const SteadyMicros now = clock_.Read().steady;
    next_beat_ = std::max(next_beat_, now);  // After a pause beats are late too.
    const Micros step = std::min({engine_->SleepTime(), next_beat_ - now, end - now});
    ASSERT_LT(step == 0 ? ++idle_rounds : idle_rounds = 0, kMaxRounds)
        << "the engine spins: " << sent_.size() << " commands, " << loaded_.size()
        << " loads, has more: " << engine_->has_more();
    clock_.AdvanceBoth(step);
    if (clock_.Read().steady == next_beat_) {
      for (const auto& worker : workers_) {
        if (worker->alive_ && worker->session_ != 0) worker->Beat();
      }
      next_beat_ += settings_.beat_interval;
    }
    Settle();
  }
}

void EngineHarness::StorePages() {
  const auto pages = follower_->TakeDuePages(now(), true);
  if (!pages.has_value()) return;
  engine_->AddPages(*pages);
  Settle();
}

bool EngineHarness::SweepStep() {
  if (removal_.has_value() && removal_->answered()) {
    if (!(*removal_)->error.ok()) sweeper_->NotSent(clock_.Read());
    removal_.reset();
  }
  if (auto deletes = sweeper_->TakeOldRows(clock_.Read()); deletes.has_value()) {
    auto command = std::make_unique<Tracked<RemoveCommand>>();
    command->removal.deletes = *std::move(deletes);
    sent_.push_back(std::move(command));
    return true;
  }
  const std::vector<Look> looks = sweeper_->TakeLooks(clock_.Read());
  if (!looks.empty()) {
    auto removal = sweeper_->Take(LookAt(*MakeView(), looks));
    if (!removal.has_value()) return true;
    auto command = std::make_unique<Tracked<RemoveCommand>>();
    command->page_number = removal->page_number;
    command->number = removal->number;
    command->removal = std::move(removal->removal);
    removal_ = command->reply();
    sent_.push_back(std::move(command));
    return true;
  }
  const std::optional<IdRange> range = sweeper_->TakeReclaim();
  if (!range.has_value()) return false;
  reclaimed.push_back(*range);
  EXPECT_TRUE(
      store_->Reclaim(storage::Family::kTask, TaskKey(range->first), TaskKey(range->first + range->count)).ok());
  sweeper_->Reclaimed();
  return true;
}

void EngineHarness::Sweep() {
  while (SweepStep()) Settle();
}

void EngineHarness::StartAt(TaskId first) {
  Stop();
  storage::WriteBatch batch;
  AddRemovedBefore(first, store_->number(), &batch);
  std::string error;
  ASSERT_EQ(store_->Commit(batch, store_->number() + 1, &error), storage::CommitResult::kDone) << error;
  Start();
}

TaskId EngineHarness::Submit(const TaskSpec& spec) { return SubmitMany(1, spec).at(0); }

std::vector<TaskId> EngineHarness::SubmitMany(size_t count, const TaskSpec& spec) {
  const Reply<SubmitCommand> reply = SubmitCall(std::vector<TaskSpec>(count, spec));
  std::vector<TaskId> ids;
  for (const SubmitResult& result : reply->results) {
    EXPECT_THAT(result.error, NoError());
    ids.push_back(result.id);
  }
  return ids;
}

Reply<SubmitCommand> EngineHarness::SubmitCall(const std::vector<TaskSpec>& specs, const std::string& request_id) {
  return Call(MakeSubmit(specs, request_id, store(), now()));
}

Error EngineHarness::Cancel(TaskId id, const std::string& reason) {
  auto cancel = std::make_unique<Tracked<CancelCommand>>();
  cancel->task = id;
  cancel->reason = reason;
  cancel->actor = "local";
  return Call(std::move(cancel)).error();
}

Error EngineHarness::Retry(TaskId id, bool from_start, const std::string& reason) {
  auto retry = std::make_unique<Tracked<RetryCommand>>();
  retry->task = id;
  retry->from_start = from_start;
  retry->reason = reason;
  retry->actor = "local";
  return Call(std::move(retry)).error();
}

Error EngineHarness::Resume(TaskId id, const std::string& decision, std::optional<uint32_t> stage) {
  auto resume = std::make_unique<Tracked<ResumeCommand>>();
  resume->task = id;
  resume->stage = stage;
  resume->actor = "local";
  resume->has_decision = !decision.empty();
  if (resume->has_decision) resume->step = DecisionStep(decision);
  return Call(std::move(resume)).error();
}

Error EngineHarness::PauseTask(TaskId id, bool cascade, const std::string& reason) {
  return Call(MakePause(id, true, cascade, reason)).error();
}

Error EngineHarness::UnpauseTask(TaskId id, bool cascade, const std::string& reason) {
  return Call(MakePause(id, false, cascade, reason)).error();
}

Error EngineHarness::PauseType(const std::string& type, bool pause) {
  auto command = std::make_unique<Tracked<PauseTypeCommand>>();
  command->type = type;
  command->pause = pause;
  command->actor = "local";
  command->reason = "the mail server is down";
  return Call(std::move(command)).error();
}

std::vector<WorkerView> EngineHarness::Workers() {
  return Call(std::make_unique<Tracked<ListWorkersCommand>>())->workers;
}

TestWorker& EngineHarness::NewWorker(const WorkerSpec& spec) {
  workers_.push_back(std::make_unique<TestWorker>(this, spec));
  return *workers_.back();
}

TestWorker& EngineHarness::Connect(const WorkerSpec& spec) {
  TestWorker& worker = NewWorker(spec);
  EXPECT_THAT(worker.Hello(), NoError());
  return worker;
}

const storage::Snapshot& EngineHarness::store() {
  snapshot_ = store_->TakeSnapshot();
  return *snapshot_;
}

LiveState EngineHarness::StateOf(TaskId id) { return *MakeView()->StateOf(id); }

LiveEntry EngineHarness::EntryOf(TaskId id) {
  LiveEntry entry;
  EXPECT_TRUE(MakeView()->StateOf(id, &entry).ok());
  return entry;
}

std::vector<Step> EngineHarness::LogOf(TaskId id) {
  std::vector<Step> steps;
  EXPECT_TRUE(store()
                  .Scan(storage::Family::kLog, LogKey(id, 0), LogKey(id + 1, 0),
                        [&](absl::string_view, absl::string_view value) {
                          return steps.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()));
                        })
                  .ok());
  return steps;
}

Step EngineHarness::EndOf(TaskId id) {
  std::string row;
  Step step;
  EXPECT_TRUE(store().Get(storage::Family::kEnd, EndKey(id), &row).ok()) << "task " << id << " has not ended";
  EXPECT_TRUE(step.ParseFromString(row));
  return step;
}

std::vector<Step::Kind> EngineHarness::KindsOf(TaskId id) {
  std::vector<Step::Kind> kinds;
  for (const Step& step : LogOf(id)) kinds.push_back(step.kind());
  std::string row;
  if (store().Get(storage::Family::kEnd, EndKey(id), &row).ok()) kinds.push_back(EndOf(id).kind());
  return kinds;
}

records::v1::TaskRow EngineHarness::RowOf(TaskId id) {
  std::string row;
  records::v1::TaskRow task;
  EXPECT_TRUE(store().Get(storage::Family::kTask, TaskKey(id), &row).ok());
  EXPECT_TRUE(task.ParseFromString(row));
  return task;
}

}  // namespace baton::engine::testing
