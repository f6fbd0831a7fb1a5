#include "tests/bench/worker.h"

#include <sys/resource.h>

#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "baton/worker.h"
#include "broker/base/status_macros.h"
#include "tests/bench/board.h"
#include "tests/bench/handlers.h"

namespace baton::bench {
namespace {

// Beyond any run: the parent ends it before.
constexpr absl::Duration kPatience = absl::Hours(240);

// Connecting and draining are part of the plan.
void LogTrouble(LogLevel level, const std::string& text) {
  if (level >= LogLevel::kWarning) LogToStderr(level, text);
}

// Each worker needs a dozen descriptors. Without leave to raise the limit, connecting says what is wrong.
void AllowManyFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

class BenchWorker {
 public:
  BenchWorker(const BenchWorkerOptions& options, Board* board)
      : options_(options),
        board_(board),
        role_(&board->header().workers[options.index]),
        handlers_(board, options.index, options.count) {
    for (int i = 0; i < options.fleet; ++i) {
      workers_.push_back(std::make_unique<Worker>(
          WorkerIdentity{.broker = options.broker, .worker_id = WorkerIdOf(options.index, i), .log = LogTrouble}));
    }
  }

  absl::Status Run() {
    for (size_t i = 0; i < workers_.size(); ++i) RETURN_IF_ERROR(Prepare(static_cast<int>(i)));
    std::thread control([this] { Control(); });
    absl::Status status = RunFleet();
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

  absl::Status Prepare(int number) {
    Worker* const worker = workers_[static_cast<size_t>(number)].get();
    RETURN_IF_ERROR(worker->Configure({.max_concurrency = options_.threads, .prefetch = options_.prefetch}));
    if (options_.warm_up > 0) {
      RETURN_IF_ERROR(worker->Use(TypeOf(Kind::kWarmUp, 0), [this](Task&) { return OnWarmUp(); }));
    }
    return options_.late ? absl::OkStatus() : worker->Use(RegistrationsOf(number));
  }

  std::vector<Registration> RegistrationsOf(int number) {
    if (options_.sharers == 0) return handlers_.For(options_.kinds);
    return handlers_.ForShare(options_.kinds, options_.first_sharer + number, options_.sharers);
  }

  // Until all of them have shut down; the first failure.
  absl::Status RunFleet() {
    std::vector<absl::Status> ends(workers_.size());
    std::vector<std::thread> threads;
    threads.reserve(workers_.size());
    for (size_t i = 0; i < workers_.size(); ++i) {
      threads.emplace_back([this, i, &ends] { ends[i] = workers_[i]->Run(); });
    }
    for (std::thread& thread : threads) thread.join();
    absl::Status status;
    for (const absl::Status& end : ends) status.Update(end);
    return status;
  }

  // Opens and closes what runs on the other threads.
  void Control() {
    if (options_.warm_up == 0) board_->SetStage(role_, Stage::kReady);
    const bool opened =
        board_->Await([this] { return gate() >= (options_.late ? Gate::kDrain : Gate::kSubmit); }, kPatience);
    role_->begin_at.store(MonotonicNow());
    if (opened && options_.late) UseLate();
    board_->Await([this] { return handlers_.AllRan() || gate() == Gate::kStop; }, kPatience);
    // Run() returns when every outcome is acknowledged.
    for (const auto& worker : workers_) worker->Shutdown();
  }

  void UseLate() {
    for (size_t i = 0; i < workers_.size(); ++i) {
      const absl::Status used = workers_[i]->Use(RegistrationsOf(static_cast<int>(i)));
      if (!used.ok()) board_->Fail(absl::StrCat("a registration was refused: ", used.ToString()));
    }
  }

  Outcome OnWarmUp() {
    if (board_->header().warm_ran.fetch_add(1) + 1 == options_.warm_up) board_->SetStage(role_, Stage::kReady);
    return {};
  }

  const BenchWorkerOptions& options_;
  Board* const board_;
  Role* const role_;
  Handlers handlers_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace

std::string WorkerIdOf(int index, int number) { return absl::StrCat("bench-", index, "-", number); }

absl::Status RunBenchWorker(const BenchWorkerOptions& options) {
  AllowManyFiles();
  ASSIGN_OR_RETURN(Board board, Board::Open(options.board_descriptor));
  BenchWorker worker(options, &board);
  return worker.Run();
}

}  // namespace baton::bench
