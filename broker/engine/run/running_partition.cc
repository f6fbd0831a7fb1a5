#include "broker/engine/run/running_partition.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/named_thread.h"
#include "broker/base/status_macros.h"
#include "broker/engine/live/recovery.h"

namespace baton::engine {
namespace {

// How often an idle follower looks whether pages are due.
constexpr Micros kFollowerPause = kSecond;
// Commits nobody waits to see are folded together: each time a thread is woken costs as much as folding a few tasks.
constexpr Micros kFoldPause = 10 * kMillisecond;
// Beats of workers that hold nothing are gathered for so long: each alone would wake two threads, which is most of what
// idle workers cost. Nothing waits for their answers.
constexpr Micros kPatience = 100 * kMillisecond;
// A batch as small as that of a few tasks is committed by the engine's own thread when there is nothing else to do.
// Waking the committer would take some 100 µs of the millisecond that a lone task needs to its worker.
constexpr size_t kOwnCommitBytes = 8 << 10;

std::string CannotLoad(const absl::Status& status) {
  return absl::StrCat("cannot load what is stored: ", status.message(),
                      absl::IsDataLoss(status) ? ". The store is damaged: batond verify tells what is left of it; "
                                                 "restore a backup if it cannot mend that"
                                               : "");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Partition>> Partition::Start(PartitionOptions options, storage::Store* store,
                                                            const Clock* clock) {
  auto partition = std::make_unique<RunningPartition>(std::move(options), store, clock);
  RETURN_IF_ERROR(partition->Open());
  return partition;
}

RunningPartition::RunningPartition(PartitionOptions options, storage::Store* store, const Clock* clock)
    : options_(std::move(options)), store_(store), clock_(clock), lanes_(options_.engine) {}

RunningPartition::~RunningPartition() { Stop(); }

absl::Status RunningPartition::Open() {
  const Now now = clock_->Read();
  follower_ = std::make_unique<Follower>(options_.engine, store_, &catalog_);
  ASSIGN_OR_RETURN(Recovered recovered,
                   Recover(store_, options_.broker_version, now.wall, options_.random, &catalog_, follower_.get()));
  follower_->Observe(&activity_, clock_);
  incarnation_ = recovered.incarnation;
  committed_ = recovered.number;
  meters_.folded = recovered.number;
  sweeper_ =
      std::make_unique<Sweeper>(AgesOf(options_.engine), now, recovered.next_id, recovered.oldest_request_window);
  engine_ = std::make_unique<Engine>(options_.engine, &catalog_, &board_, std::move(recovered), now);
  engine_->Observe(&meters_.attempt_ends);
  engine_has_more_ = true;  // What was recovered may be due.
  threads_.push_back(NamedThread("engine", [this] { RunEngine(); }));
  threads_.push_back(NamedThread("committer", [this] { RunCommitter(); }));
  threads_.push_back(NamedThread("follower", [this] { RunFollower(); }));
  threads_.push_back(NamedThread("reader", [this] { readers_.Serve(); }));
  threads_.push_back(NamedThread("loader", [this] { loaders_.Serve(); }));
  return absl::OkStatus();
}

Error RunningPartition::Send(std::unique_ptr<Command>& command) {
  if (command->lane == Lane::kBulk &&
      follower_lag_bytes_.load(std::memory_order_relaxed) > options_.engine.page_journal_bytes) {
    return ResourceExhausted("OVERLOADED", "the broker's bookkeeping is behind: retry later with backoff", kSecond);
  }
  absl::MutexLock lock(&mu_);
  if (closed_) return Unavailable("DRAINING", "the broker is shutting down: retry with backoff");
  const bool first = lanes_.empty();
  const Lane lane = command->lane;
  const bool patient = command->patient;
  Error error = lanes_.Push(command);
  if (!error.ok()) return error;
  urgent_ |= !patient || lanes_.IsHalfFull(lane);
  if (first && patient) patient_until_ = clock_->Read().steady + kPatience;
  // The first of them tells the engine how long it may wait.
  if (first || urgent_) engine_wake_.Signal();
  return {};
}

// ── Engine thread ────────────────────────────────────────────────────────────────────────────────────────────────

void RunningPartition::RunEngine() {
  Input input;
  while (WaitForInput(&input)) {
    const Now began = clock_->Read();
    meters_.round_began.store(began.steady, std::memory_order_relaxed);
    engine_->BeginRound(began, input.disk_stalls);
    // What waited for them may be large: what does not fit into this commit goes into the next.
    for (; !loads_.empty() && engine_->batch_bytes() < options_.engine.work.open_batch_bytes; loads_.pop_front()) {
      engine_->Apply(std::move(loads_.front()));
    }
    const size_t applied = ApplyCommands();
    if (input.pages.has_value()) engine_->AddPages(*input.pages);
    engine_->FinishRound(input.expire && std::none_of(commands_.begin(), commands_.end(), IsSignOfLife));
    HandOver();
    MeterRound(began.steady, applied);
    sleep_ = engine_->SleepTime();
    engine_has_batch_ = engine_->has_batch();
    engine_is_full_ = engine_->batch_bytes() >= options_.engine.work.open_batch_bytes;
    engine_has_more_ = engine_->has_more() || !loads_.empty();
  }
}

size_t RunningPartition::ApplyCommands() {
  const size_t taken = commands_.size();
  ApplyTaken(
      options_.engine.work, &commands_, [this] { return engine_->batch_bytes(); },
      [this](std::unique_ptr<Command> command) { engine_->Apply(std::move(command)); });
  return taken - commands_.size();
}

void RunningPartition::MeterRound(SteadyMicros began, size_t commands) {
  meters_.round_commands.Add(commands);
  meters_.round_micros.Add(static_cast<uint64_t>(std::max<Micros>(clock_->Read().steady - began, 0)));
  meters_.round_began.store(0, std::memory_order_relaxed);
}

bool RunningPartition::HasInput() const {
  // A full batch takes nothing until the committer has taken it.
  if (engine_is_full_ && committing_) return false;
  return urgent_ || (closed_ && !lanes_.empty()) || !loaded_.empty() || pages_.has_value() || engine_has_more_ ||
         (engine_has_batch_ && !committing_);
}

bool RunningPartition::WaitForInput(Input* input) {
  *input = Input();
  absl::MutexLock lock(&mu_);
  // By the steady clock: that the wall clock was set forward, or the machine slept, shows when it is looked at again.
  // While the batch is full and not taken, what is overdue has to wait, too.
  const Micros sleep = engine_is_full_ && committing_ ? kMaxSleep : std::min(sleep_, kMaxSleep);
  const SteadyMicros deadline = clock_->Read().steady + sleep;
  urgent_ |= !commands_.empty();
  lanes_.PutBack(&commands_);
  engine_idle_ = true;
  if (closed_) stopped_wake_.SignalAll();
  while (!HasInput() && !ending_) {
    const bool gathers = !lanes_.empty() && !(engine_is_full_ && committing_);
    const Micros rest = (gathers ? std::min(deadline, patient_until_) : deadline) - clock_->Read().steady;
    if (rest <= 0 || engine_wake_.WaitWithTimeout(&mu_, absl::Microseconds(rest))) break;
  }
  if (ending_) return false;
  engine_idle_ = false;
  const SteadyMicros commit_began = meters_.commit_began.load(std::memory_order_relaxed);
  input->disk_stalls = commit_began != 0 && clock_->Read().steady - commit_began > kPauseThreshold;
  // It is handed over first.
  if (engine_is_full_) return true;
  lanes_.Take(&commands_);
  urgent_ = !lanes_.empty();
  input->expire = lanes_.outcomes_empty();
  std::move(loaded_.begin(), loaded_.end(), std::back_inserter(loads_));
  loaded_.clear();
  input->pages = std::move(pages_);
  pages_.reset();
  return true;
}

void RunningPartition::HandOver() {
  if (!engine_->has_batch()) return;
  bool alone = engine_->batch_bytes() <= kOwnCommitBytes && !engine_->has_more();
  {
    absl::MutexLock lock(&mu_);
    if (committing_) return;
    committing_ = true;
    alone = alone && committer_idle_ && !view_wanted_ && lanes_.empty();
    own_commit_ = alone;
  }
  ClosedBatch batch = engine_->CloseBatch();
  if (alone) return CommitAlone(std::move(batch));
  absl::MutexLock lock(&mu_);
  to_commit_ = std::move(batch);
  committer_wake_.Signal();
}

void RunningPartition::CommitAlone(ClosedBatch batch) {
  Commit(std::move(batch));
  absl::MutexLock lock(&mu_);
  own_commit_ = false;
  if (view_wanted_) committer_wake_.Signal();
}

// ── Committer thread ─────────────────────────────────────────────────────────────────────────────────────────────

void RunningPartition::RunCommitter() {
  while (true) {
    std::optional<ClosedBatch> batch;
    {
      absl::MutexLock lock(&mu_);
      committer_idle_ = true;
      while (!to_commit_.has_value() && !(view_wanted_ && !own_commit_) && !ending_) committer_wake_.Wait(&mu_);
      committer_idle_ = false;
      if (to_commit_.has_value()) {
        batch = std::move(to_commit_);
        to_commit_.reset();
      } else if (ending_) {
        return;
      }
    }
    if (batch.has_value()) {
      Commit(*std::move(batch));
    } else {
      MakeSnapshot();
    }
  }
}

void RunningPartition::Commit(ClosedBatch batch) {
  if (batch.number != 0) Write(batch);
  {
    // The engine may hand over the next batch while this one is passed on.
    absl::MutexLock lock(&mu_);
    committing_ = false;
    if (engine_idle_ && HasInput()) engine_wake_.Signal();
  }
  PassOn(batch);
}

void RunningPartition::Write(const ClosedBatch& batch) {
  const SteadyMicros began = clock_->Read().steady;
  meters_.commit_began.store(began, std::memory_order_relaxed);
  std::string error;
  const storage::CommitResult result = store_->Commit(batch.writes, batch.number, &error);
  if (result != storage::CommitResult::kDone) {
    options_.fatal(absl::StrCat("commit ", batch.number, " failed, the state of the disk is unknown: ", error));
  }
  committed_.store(batch.number, std::memory_order_release);
  meters_.sync_micros.Add(static_cast<uint64_t>(std::max<Micros>(clock_->Read().steady - began, 0)));
  meters_.commit_bytes.Add(batch.writes.bytes());
  meters_.commit_began.store(0, std::memory_order_relaxed);
}

void RunningPartition::PassOn(ClosedBatch& batch) {
  if (!batch.outbox.empty()) options_.release(std::move(batch.outbox));
  for (const std::string& warning : batch.warnings) {
    if (options_.warn != nullptr) options_.warn(warning);
  }
  if (!batch.loads.empty()) RequestLoads(std::move(batch.loads));
  if (batch.number == 0) return;
  Committed committed{
      batch.number, std::move(batch.entry), batch.entry_bytes, std::move(batch.tagged), batch.stores_pages, nullptr};
  follower_lag_bytes_.fetch_add(committed.entry_bytes, std::memory_order_relaxed);
  absl::MutexLock lock(&mu_);
  if (view_wanted_) {
    view_wanted_ = false;
    committed.snapshot = store_->TakeSnapshot();
  }
  const bool awaited = committed.snapshot != nullptr || committed.stores_pages || !watchers_.empty();
  if (awaited || to_fold_.empty()) follower_wake_.Signal();
  fold_now_ |= awaited;
  to_fold_.push_back(std::move(committed));
}

void RunningPartition::MakeSnapshot() {
  Committed committed;
  committed.number = committed_.load(std::memory_order_acquire);
  committed.snapshot = store_->TakeSnapshot();
  absl::MutexLock lock(&mu_);
  view_wanted_ = false;
  to_fold_.push_back(std::move(committed));
  fold_now_ = true;
  follower_wake_.Signal();
}

// ── Follower thread ──────────────────────────────────────────────────────────────────────────────────────────────

void RunningPartition::RunFollower() {
  while (true) {
    std::deque<Committed> batch;
    {
      absl::MutexLock lock(&mu_);
      while (!fold_now_ && !sightings_.has_value() && !reclaimed_ && !ending_ &&
             !(flushing_ && !flushed_ && !follower_->pages_out())) {
        const Micros pause = to_fold_.empty() ? kFollowerPause : kFoldPause;
        if (follower_wake_.WaitWithTimeout(&mu_, absl::Microseconds(pause))) break;
      }
      if (ending_ && to_fold_.empty()) return;
      fold_now_ = false;
      batch.swap(to_fold_);
    }
    for (const Committed& committed : batch) Follow(committed);
    StorePages();
    Sweep();
  }
}

void RunningPartition::Follow(const Committed& committed) {
  if (committed.entry != nullptr) {
    const absl::Status status =
        follower_->Fold(committed.number, *committed.entry, committed.entry_bytes, committed.tagged);
    if (!status.ok()) options_.fatal(absl::StrCat("the live table broke: ", status.ToString()));
    follower_lag_bytes_.fetch_sub(committed.entry_bytes, std::memory_order_relaxed);
    meters_.folded.store(committed.number, std::memory_order_relaxed);
    if (committed.stores_pages) follower_->PagesStored();
    sweeper_->Fold(*committed.entry, clock_->Read());
    if (committed.entry_bytes > 0) watchers_.Notify(*committed.entry);
  }
  if (committed.snapshot == nullptr) return;
  const std::shared_ptr<const View> view = follower_->MakeView(committed.snapshot);
  readers_.Publish(view);
  loaders_.Publish(view);
  // Asked for while this one was being made, and newer than it.
  if (readers_.wanting() || loaders_.wanting()) WantView();
}

void RunningPartition::StorePages() {
  if (follower_->pages_out()) return;
  bool all;
  {
    absl::MutexLock lock(&mu_);
    all = flushing_;
  }
  std::optional<storage::WriteBatch> pages = follower_->TakeDuePages(clock_->Read().wall, all);
  absl::MutexLock lock(&mu_);
  if (pages.has_value()) {
    pages_ = std::move(pages);
    engine_wake_.Signal();
  } else if (flushing_ && to_fold_.empty() && !follower_->dirty()) {
    flushed_ = true;
    stopped_wake_.SignalAll();
  }
}

// ── Readers ──────────────────────────────────────────────────────────────────────────────────────────────────────

void RunningPartition::WantView() {
  absl::MutexLock lock(&mu_);
  if (view_wanted_) return;
  view_wanted_ = true;
  committer_wake_.Signal();
}

void RunningPartition::Read(ReadDone done) {
  if (readers_.Add(committed_.load(std::memory_order_acquire), std::move(done))) WantView();
}

uint64_t RunningPartition::Watch(TaskId task, std::function<void()> changed) {
  return watchers_.Add(task, std::move(changed));
}

uint64_t RunningPartition::WatchAny(std::function<void()> changed) { return watchers_.AddForAny(std::move(changed)); }

void RunningPartition::RequestLoads(std::vector<LoadRequest> requests) {
  bool want = false;
  for (LoadRequest& request : requests) {
    const uint64_t min_number = request.min_number;
    want |= loaders_.Add(min_number, [this, request = std::move(request)](std::shared_ptr<const View> view) {
      absl::StatusOr<LoadResult> loaded = Load(*view, request, options_.find_matches);
      if (!loaded.ok()) options_.fatal(CannotLoad(loaded.status()));
      absl::MutexLock lock(&mu_);
      loaded_.push_back(*std::move(loaded));
      engine_wake_.Signal();
    });
  }
  if (want) WantView();
}

void RunningPartition::Stop() {
  {
    absl::MutexLock lock(&mu_);
    if (stopped_) return;
    stopped_ = true;
    closed_ = true;
    if (!threads_.empty()) {
      engine_wake_.Signal();
      while (!(engine_idle_ && !HasInput() && !committing_))
        stopped_wake_.WaitWithTimeout(&mu_, absl::Milliseconds(10));
      flushing_ = true;
      follower_wake_.Signal();
      while (!flushed_) stopped_wake_.WaitWithTimeout(&mu_, absl::Milliseconds(10));
    }
    ending_ = true;
    engine_wake_.SignalAll();
    committer_wake_.SignalAll();
    follower_wake_.SignalAll();
  }
  readers_.Stop();
  loaders_.Stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace baton::engine
