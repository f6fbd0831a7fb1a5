#include "tests/bench/producer.h"

#include <sys/prctl.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "baton/client.h"
#include "broker/base/status_macros.h"
#include "tests/bench/board.h"
#include "tests/bench/payload.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(30);

// A call that is under way or could be.
struct Lane {
  Client* client = nullptr;
  int under_way = 0;
};

class Submitter {
 public:
  Submitter(const ProducerOptions& options, Board* board)
      : options_(options),
        board_(board),
        role_(&board->header().producers[options.index]),
        lanes_(static_cast<size_t>(options.calls)) {
    const auto clients = static_cast<size_t>(options.clients > 0 ? options.clients : options.calls);
    for (size_t i = 0; i < clients; ++i) {
      clients_.push_back(std::make_unique<Client>(ClientOptions{.broker = options.broker}));
    }
    for (size_t i = 0; i < lanes_.size(); ++i) lanes_[i].client = clients_[i % clients].get();
  }

  // Submits warm-up tasks until as many are acknowledged.
  absl::Status WarmUp(uint64_t count) {
    for (uint64_t at = 0; at < count; at += static_cast<uint64_t>(options_.batch)) {
      Lane* lane = TakeFree();
      if (lane == nullptr) break;
      std::vector<NewTask> tasks = MakeTasks(Kind::kWarmUp, at, std::min<uint64_t>(options_.batch, count - at));
      lane->client->SubmitAllAsync(std::move(tasks), [this, lane](const Results& results) {
        for (const auto& result : results) Check(result);
        Return(lane);
      });
    }
    return Finish();
  }

  // As fast as answers come, so many calls at a time.
  absl::Status Measure() {
    uint64_t to_run = 0;
    for (uint64_t at = 0; at < options_.count; at += static_cast<uint64_t>(options_.batch)) {
      AwaitRoom(to_run);
      Lane* lane = TakeFree();
      if (lane == nullptr) break;
      const uint64_t count = std::min<uint64_t>(options_.batch, options_.count - at);
      const int64_t now = MonotonicNow();
      for (uint64_t i = at; i < at + count; ++i) {
        entry(i).submit_at.store(now, std::memory_order_relaxed);
        if (FateOf(options_.kind, options_.first + i).runs > 0) ++to_run;
      }
      Submit(lane, at, count);
    }
    return Finish();
  }

  // By the clock, until told to be quiet: what is due leaves at once, and counts from when it was due.
  absl::Status Pace() {
    const int64_t begin = MonotonicNow();
    for (uint64_t at = 0; at < options_.count && !IsOver();) {
      const int64_t due = begin + DueAfter(options_, at);
      const auto is_due = [&] { return MonotonicNow() >= due || IsOver(); };
      board_->Await(is_due, absl::Nanoseconds(due - MonotonicNow()));
      if (IsOver()) break;
      uint64_t count = 0;
      do {
        entry(at + count).submit_at.store(begin + DueAfter(options_, at + count), std::memory_order_relaxed);
        ++count;
      } while (count < static_cast<uint64_t>(options_.batch) && at + count < options_.count &&
               begin + DueAfter(options_, at + count) <= MonotonicNow());
      Submit(TakeAny(), at, count);
      at += count;
    }
    return Finish();
  }

 private:
  using Results = std::vector<absl::StatusOr<Submitted>>;

  Entry& entry(uint64_t index) { return board_->entry(options_.first + index); }
  bool IsOver() const { return board_->header().gate.load() >= Gate::kQuiet || !board_->status().ok(); }

  std::vector<NewTask> MakeTasks(Kind kind, uint64_t first, uint64_t count) const {
    std::vector<NewTask> tasks;
    tasks.reserve(count);
    for (uint64_t i = first; i < first + count; ++i) {
      tasks.push_back(MakeTask(kind, i, options_.payload_bytes));
      if (IsParent(kind, i)) tasks.back().payload = ParentPayload(i);
    }
    return tasks;
  }

  static bool IsParent(Kind kind, uint64_t sequence) {
    return kind == Kind::kParent || (kind == Kind::kMixed && MixedPartOf(sequence) == MixedPart::kParent);
  }

  std::string ParentPayload(uint64_t sequence) const {
    const uint64_t before = options_.kind == Kind::kMixed ? CountMixedParents(options_.first, sequence - options_.first)
                                                          : sequence - options_.first;
    return MakeParentPayload(sequence, options_.payload_bytes,
                             {.first = options_.spawn_first + before * options_.spawn_count,
                              .count = options_.spawn_count,
                              .payload_bytes = options_.payload_bytes});
  }

  // Tasks [at, at + count) of this producer.
  void Submit(Lane* lane, uint64_t at, uint64_t count) {
    std::vector<NewTask> tasks = MakeTasks(options_.kind, options_.first + at, count);
    lane->client->SubmitAllAsync(std::move(tasks), [this, lane, at](const Results& results) {
      for (size_t i = 0; i < results.size(); ++i) Record(&entry(at + i), results[i]);
      role_->submitted.fetch_add(results.size());
      Return(lane);
    });
  }

  void Record(Entry* entry, const absl::StatusOr<Submitted>& result) {
    if (!Check(result)) return;
    entry->submitted_id.store(result->id, std::memory_order_relaxed);
    entry->submits.fetch_add(1, std::memory_order_relaxed);
  }

  bool Check(const absl::StatusOr<Submitted>& result) {
    if (!result.ok()) board_->Fail(absl::StrCat("a submission failed: ", result.status().ToString()));
    return result.ok();
  }

  // Waits until the workers are near enough; `sent`: how many that are to run.
  void AwaitRoom(uint64_t sent) {
    if (options_.ahead == 0 || sent < options_.ahead) return;
    board_->Await([&] { return board_->header().ran.load() + options_.ahead > sent; }, kPatience);
  }

  // One without a call under way; null if something failed or nothing is answered any more.
  Lane* TakeFree() {
    absl::MutexLock lock(&mutex_);
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return LeastBusy()->under_way == 0; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&is_free), kPatience) || !board_->status().ok()) return nullptr;
    return Use(LeastBusy());
  }

  // Does not wait.
  Lane* TakeAny() {
    absl::MutexLock lock(&mutex_);
    return Use(LeastBusy());
  }

  Lane* LeastBusy() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return &*std::min_element(lanes_.begin(), lanes_.end(),
                              [](const Lane& a, const Lane& b) { return a.under_way < b.under_way; });
  }

  Lane* Use(Lane* lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++lane->under_way;
    ++under_way_;
    return lane;
  }

  void Return(Lane* lane) {
    absl::MutexLock lock(&mutex_);
    --lane->under_way;
    --under_way_;
  }

  absl::Status Finish() {
    absl::MutexLock lock(&mutex_);
    const auto all_answered = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return under_way_ == 0; };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&all_answered), kPatience)) {
      return absl::DeadlineExceededError("submissions were not answered");
    }
    return board_->status();
  }

  const ProducerOptions& options_;
  Board* const board_;
  Role* const role_;
  absl::Mutex mutex_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  // Their number does not change; `under_way` of each is guarded by the mutex.
  std::vector<Lane> lanes_;
  // Last: their destructors end the calls, which use the members above.
  std::vector<std::unique_ptr<Client>> clients_;
};

absl::Status Produce(const ProducerOptions& options, Board* board) {
  BoardHeader& header = board->header();
  Role& role = header.producers[options.index];
  Submitter submitter(options, board);
  RETURN_IF_ERROR(submitter.WarmUp(options.warm_up));
  board->SetStage(&role, Stage::kReady);
  if (!board->Await([&] { return header.gate.load() >= Gate::kSubmit; }, kPatience)) return board->status();
  role.begin_at.store(MonotonicNow());
  RETURN_IF_ERROR(options.rate > 0 ? submitter.Pace() : submitter.Measure());
  role.end_at.store(MonotonicNow());
  board->SetStage(&role, Stage::kDone);
  board->Await([&] { return header.gate.load() == Gate::kStop; }, kPatience);
  return absl::OkStatus();
}

}  // namespace

bool IsAfterPause(const ProducerOptions& options, uint64_t index) {
  return options.pause_every > 0 && index >= options.first_pause &&
         (index - options.first_pause) % options.pause_every == 0;
}

int64_t DueAfter(const ProducerOptions& options, uint64_t index) {
  uint64_t pauses = 0;
  if (options.pause_every > 0 && index >= options.first_pause) {
    pauses = (index - options.first_pause) / options.pause_every + 1;
  }
  return static_cast<int64_t>(static_cast<double>(index) * 1e9 / options.rate) +
         static_cast<int64_t>(pauses) * options.pause_us * 1000;
}

absl::Status RunProducer(const ProducerOptions& options) {
  // Otherwise the kernel may wake a thread 50 microseconds after it is due.
  prctl(PR_SET_TIMERSLACK, 1UL);
  ASSIGN_OR_RETURN(Board board, Board::Open(options.board_descriptor));
  absl::Status status = Produce(options, &board);
  if (!status.ok()) board.Fail(absl::StrCat("producer: ", status.message()));
  return status;
}

}  // namespace baton::bench
