#include "tests/bench/worker.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "baton/worker.h"
#include "broker/base/status_macros.h"
#include "tests/bench/board.h"
#include "tests/bench/payload.h"
#include "tests/bench/producer.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(30);

// Connecting and draining are part of the plan.
void LogTrouble(LogLevel level, const std::string& text) {
  if (level >= LogLevel::kWarning) LogToStderr(level, text);
}

class BenchWorker {
 public:
  BenchWorker(const BenchWorkerOptions& options, Board* board)
      : options_(options),
        board_(board),
        role_(&board->header().workers[options.index]),
        worker_(WorkerIdentity{
            .broker = options.broker, .worker_id = absl::StrCat("bench-", options.index), .log = LogTrouble}) {}

  absl::Status Run() {
    RETURN_IF_ERROR(worker_.Configure({.max_concurrency = options_.threads, .prefetch = options_.prefetch}));
    RETURN_IF_ERROR(worker_.Use(kWarmUpType, [this](Task&) { return OnWarmUp(); }));
    if (!options_.late) RETURN_IF_ERROR(UseMeasured());
    std::thread control([this] { Control(); });
    absl::Status status = worker_.Run();
    role_->end_at.store(MonotonicNow());
    if (status.ok())
      board_->SetStage(role_, Stage::kDone);
    else
      board_->Fail(absl::StrCat("worker ", options_.index, ": ", status.ToString()));
    control.join();
    board_->Await([this] { return gate() == Gate::kStop; }, kPatience);
    return status;
  }

 private:
  Gate gate() const { return board_->header().gate.load(); }
  bool all_ran() const { return options_.count > 0 && board_->header().ran.load() >= options_.count; }

  absl::Status UseMeasured() {
    if (options_.hold) return worker_.Use(kHeldType, [this](Task& task) { return Hold(task); });
    const auto handler = [this](Task& task) { return OnTask(task); };
    return worker_.Use({{kMeasuredType, handler}, {kBacklogType, handler}});
  }

  // Opens and closes what runs on the other threads.
  void Control() {
    if (options_.warm_up == 0) board_->SetStage(role_, Stage::kReady);
    const bool opened =
        board_->Await([this] { return gate() >= (options_.late ? Gate::kDrain : Gate::kSubmit); }, kPatience);
    role_->begin_at.store(MonotonicNow());
    if (opened && options_.late && !UseMeasured().ok()) board_->Fail("a registration was refused");
    board_->Await([this] { return all_ran() || gate() == Gate::kStop; }, kPatience);
    // Run() returns when every outcome is acknowledged.
    worker_.Shutdown();
  }

  Outcome OnWarmUp() {
    if (board_->header().warm_ran.fetch_add(1) + 1 == options_.warm_up) board_->SetStage(role_, Stage::kReady);
    return {};
  }

  Outcome OnTask(Task& task) {
    const int64_t now = MonotonicNow();
    const std::optional<uint64_t> sequence = SequenceOf(task.payload().bytes());
    if (!sequence || *sequence >= board_->tasks()) {
      board_->Fail(absl::StrCat("task ", task.id(), " came with a payload that nobody submitted"));
      return FinalError("foreign payload");
    }
    Entry& entry = board_->entry(*sequence);
    entry.start_at.store(now, std::memory_order_relaxed);
    entry.ran_id.store(task.id(), std::memory_order_relaxed);
    entry.runs.fetch_add(1, std::memory_order_relaxed);
    const uint64_t ran = board_->header().ran.fetch_add(1) + 1;
    if (ran % Board::kRunsPerRing == 0 || ran >= options_.count) board_->Ring();
    return {};
  }

  // The start is written before the holder: who sees the holder may read the start.
  Outcome Hold(Task& task) {
    board_->entry(0).start_at.store(MonotonicNow());
    board_->header().holder.store(static_cast<uint32_t>(options_.index) + 1);
    board_->Ring();
    while (!task.WaitCancelled(absl::Seconds(1)) && gate() != Gate::kStop) {
    }
    return {};
  }

  const BenchWorkerOptions& options_;
  Board* const board_;
  Role* const role_;
  Worker worker_;
};

}  // namespace

absl::Status RunBenchWorker(const BenchWorkerOptions& options) {
  if (options.index < 0 || options.index >= kMaxWorkers) {
    return absl::InvalidArgumentError(absl::StrCat("--index ", options.index, ": allowed are 0 to ", kMaxWorkers - 1));
  }
  ASSIGN_OR_RETURN(Board board, Board::Open(options.board_descriptor));
  BenchWorker worker(options, &board);
  return worker.Run();
}

}  // namespace baton::bench
