#ifndef BATON_TESTS_BENCH_TEST_BED_H_
#define BATON_TESTS_BENCH_TEST_BED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client_cli/broker_client.h"
#include "tests/bench/board.h"
#include "tests/bench/broker_process.h"
#include "tests/bench/options.h"
#include "tests/bench/process.h"
#include "tests/bench/producer.h"
#include "tests/bench/progress.h"
#include "tests/bench/report.h"
#include "tests/bench/verify.h"
#include "tests/bench/worker.h"

namespace baton::bench {

// A directory of this run's own, removed in the end unless it is to be kept.
class RunDirectory {
 public:
  static absl::StatusOr<RunDirectory> Create(const BenchOptions& options);
  RunDirectory(RunDirectory&& other) noexcept : path_(std::move(other.path_)), keep_(other.keep_) {
    other.path_.clear();
  }
  RunDirectory& operator=(RunDirectory&&) = delete;
  ~RunDirectory();

  const std::string& path() const { return path_; }

 private:
  RunDirectory(std::string path, bool keep) : path_(std::move(path)), keep_(keep) {}

  std::string path_;
  bool keep_;
};

// A broker on a fresh data directory, a board, and the children that work with them. Main thread only.
class TestBed {
 public:
  // `tasks`: how many the run counts.
  static absl::StatusOr<std::unique_ptr<TestBed>> Create(const BenchOptions& options, uint64_t tasks);

  const BenchOptions& options() const { return options_; }
  const std::string& directory() const { return directory_.path(); }
  Board& board() { return board_; }
  BrokerProcess& broker() { return broker_; }
  // For questions to the broker, with the access token of the environment, if there is one. A new connection each time.
  std::unique_ptr<cli::Broker> Connect() const;

  // As the command line says; fill in what is special. The worker is done when `count` tasks ran.
  ProducerOptions MakeProducer(const Portion& portion) const;
  BenchWorkerOptions MakeWorker(Kind kind, uint64_t count) const;
  absl::Status StartProducer(const ProducerOptions& options);
  absl::Status StartWorker(const BenchWorkerOptions& options);
  Process& worker(int index) { return *workers_[static_cast<size_t>(index)]; }
  // Kills it, if it still runs, and no longer expects anything of it.
  void ForgetWorker(int index) { workers_[static_cast<size_t>(index)].reset(); }

  // Waits until the condition holds, showing progress. Errors: of a child; one of them, or the broker, has ended;
  // DEADLINE_EXCEEDED.
  absl::Status Await(const std::string& what, const std::function<bool()>& condition, absl::Duration patience);
  // Until all children that were started have warmed up, and until one has done what it was started for.
  absl::Status AwaitReady();
  absl::Status AwaitProducerDone(int index = 0);
  absl::Status AwaitWorkerDone(int index = 0);
  // Lets time pass. Errors: as Await, but for the last one.
  absl::Status Watch(const std::string& what, absl::Duration time);

  // Lets the children end, and begins a new phase.
  absl::Status EndPhase();

 private:
  TestBed(const BenchOptions& options, RunDirectory directory, Board board);
  absl::Status CheckAlive() const;
  std::string Status(const std::string& what) const;

  const BenchOptions options_;
  RunDirectory directory_;
  Board board_;
  BrokerProcess broker_;
  Progress progress_;
  // How many tasks the producers of this phase submit.
  uint64_t phase_tasks_ = 0;
  std::optional<Process> producers_[kMaxProducers];
  std::optional<Process> workers_[kMaxWorkers];

  friend class Meter;
};

// What a measured part cost, from its construction to Stop. The test bed must outlive it.
class Meter {
 public:
  explicit Meter(TestBed* bed) : bed_(bed), begin_(Read()) {}

  void Stop() { end_ = Read(); }
  // Processor time of the broker as percent of one processor.
  double BrokerCorePercent() const;
  // Processor time of each process for a task, memory and disk of the broker, and what the rest of the machine did.
  void AddTo(Report* report, uint64_t tasks) const;

 private:
  struct Reading {
    int64_t at = 0;
    int64_t machine_us = 0;
    int64_t own_us = 0;
    ProcessUsage broker;
    // Sums over all of them; nothing if there are none.
    std::optional<int64_t> producers_us;
    std::optional<int64_t> workers_us;
  };

  Reading Read() const;

  TestBed* const bed_;
  const Reading begin_;
  Reading end_;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_TEST_BED_H_
