#include "tests/bench/producer.h"

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

constexpr absl::Duration kPatience = absl::Minutes(10);

// Calls under way; a client of its own for each, because one client would join them into fewer, larger ones.
class Submitter {
 public:
  Submitter(const ProducerOptions& options, Board* board) : options_(options), board_(board) {
    for (int i = 0; i < options.calls; ++i) {
      clients_.push_back(std::make_unique<Client>(ClientOptions{.broker = options.broker}));
      free_.push_back(clients_.back().get());
    }
  }

  // Submits warm-up tasks until as many are acknowledged.
  absl::Status WarmUp(uint64_t count) {
    for (uint64_t at = 0; at < count; at += static_cast<uint64_t>(options_.batch)) {
      Client* client = Take();
      if (client == nullptr) break;
      std::vector<NewTask> tasks = MakeTasks(kWarmUpType, at, std::min<uint64_t>(options_.batch, count - at));
      client->SubmitAllAsync(std::move(tasks), [this, client](const Results& results) {
        for (const auto& result : results) Check(result);
        Return(client);
      });
    }
    return Finish();
  }

  absl::Status Measure() {
    const uint64_t end = options_.first + options_.count;
    for (uint64_t at = options_.first; at < end; at += static_cast<uint64_t>(options_.batch)) {
      AwaitRoom(at - options_.first);
      Client* client = Take();
      if (client == nullptr) break;
      SubmitMeasured(client, at, std::min<uint64_t>(options_.batch, end - at));
    }
    return Finish();
  }

  // One task at a time, by the clock.
  absl::Status Pace() {
    int64_t due = MonotonicNow();
    for (uint64_t i = 0; i < options_.count && board_->status().ok(); ++i) {
      due += 1000 * (IsAfterPause(options_, i) ? options_.pause_us : options_.interval_us);
      // No gate opens meanwhile: this is a wait by the clock that ends early when somebody fails.
      board_->Await([&] { return MonotonicNow() >= due; }, absl::Nanoseconds(due - MonotonicNow()));
      Client* client = Take();
      if (client == nullptr) break;
      SubmitMeasured(client, options_.first + i, 1);
    }
    return Finish();
  }

 private:
  using Results = std::vector<absl::StatusOr<Submitted>>;

  std::vector<NewTask> MakeTasks(const std::string& type, uint64_t first, uint64_t count) const {
    std::vector<NewTask> tasks(count);
    for (uint64_t i = 0; i < count; ++i) {
      tasks[i].type = type;
      tasks[i].payload = Payload(MakePayload(first + i, options_.payload_bytes));
    }
    return tasks;
  }

  void SubmitMeasured(Client* client, uint64_t first, uint64_t count) {
    std::vector<NewTask> tasks = MakeTasks(options_.type, first, count);
    const int64_t now = MonotonicNow();
    for (uint64_t i = 0; i < count; ++i) board_->entry(first + i).submit_at.store(now, std::memory_order_relaxed);
    client->SubmitAllAsync(std::move(tasks), [this, client, first](const Results& results) {
      for (size_t i = 0; i < results.size(); ++i) Record(first + i, results[i]);
      board_->header().submitted.fetch_add(results.size());
      Return(client);
    });
  }

  void Record(uint64_t sequence, const absl::StatusOr<Submitted>& result) {
    if (!Check(result)) return;
    Entry& entry = board_->entry(sequence);
    entry.submitted_id.store(result->id, std::memory_order_relaxed);
    entry.submits.fetch_add(1, std::memory_order_relaxed);
  }

  bool Check(const absl::StatusOr<Submitted>& result) {
    if (!result.ok()) board_->Fail(absl::StrCat("a submission failed: ", result.status().ToString()));
    return result.ok();
  }

  // Waits until the workers are near enough.
  void AwaitRoom(uint64_t sent) {
    if (options_.ahead == 0 || sent < options_.ahead) return;
    board_->Await([&] { return board_->header().ran.load() + options_.ahead > sent; }, kPatience);
  }

  // A client without a call under way; null if something failed or nothing is answered any more.
  Client* Take() {
    absl::MutexLock lock(&mutex_);
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !free_.empty(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&is_free), kPatience) || !board_->status().ok()) return nullptr;
    Client* client = free_.back();
    free_.pop_back();
    return client;
  }

  void Return(Client* client) {
    absl::MutexLock lock(&mutex_);
    free_.push_back(client);
  }

  absl::Status Finish() {
    absl::MutexLock lock(&mutex_);
    const auto all_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return free_.size() == clients_.size(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&all_free), kPatience)) {
      return absl::DeadlineExceededError("submissions were not answered");
    }
    return board_->status();
  }

  const ProducerOptions& options_;
  Board* const board_;
  absl::Mutex mutex_;
  std::vector<Client*> free_ ABSL_GUARDED_BY(mutex_);
  // Last: its destructor ends the calls, which use the members above.
  std::vector<std::unique_ptr<Client>> clients_;
};

absl::Status Produce(const ProducerOptions& options, Board* board) {
  BoardHeader& header = board->header();
  Submitter submitter(options, board);
  RETURN_IF_ERROR(submitter.WarmUp(options.warm_up));
  board->SetStage(&header.producer, Stage::kReady);
  if (!board->Await([&] { return header.gate.load() >= Gate::kSubmit; }, kPatience)) return board->status();
  header.producer.begin_at.store(MonotonicNow());
  RETURN_IF_ERROR(options.interval_us > 0 ? submitter.Pace() : submitter.Measure());
  header.producer.end_at.store(MonotonicNow());
  board->SetStage(&header.producer, Stage::kDone);
  board->Await([&] { return header.gate.load() == Gate::kStop; }, kPatience);
  return absl::OkStatus();
}

}  // namespace

bool IsAfterPause(const ProducerOptions& options, uint64_t index) {
  return options.pause_every > 0 && index >= options.first_pause &&
         (index - options.first_pause) % options.pause_every == 0;
}

absl::Status RunProducer(const ProducerOptions& options) {
  ASSIGN_OR_RETURN(Board board, Board::Open(options.board_descriptor));
  absl::Status status = Produce(options, &board);
  if (!status.ok()) board.Fail(absl::StrCat("producer: ", status.message()));
  return status;
}

}  // namespace baton::bench
