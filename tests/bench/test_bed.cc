#include "tests/bench/test_bed.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "worker_sdk/src/access_token.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(30);
constexpr absl::Duration kEndPatience = absl::Seconds(60);
// Between two looks at whether everybody lives.
constexpr absl::Duration kLook = absl::Milliseconds(250);

}  // namespace

absl::StatusOr<RunDirectory> RunDirectory::Create(const BenchOptions& options) {
  std::string path = options.directory + "/baton-bench-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("--dir ", options.directory, ": cannot make a directory in it"));
  }
  return RunDirectory(std::move(path), options.keep);
}

std::unique_ptr<cli::Broker> TestBed::Connect() const {
  std::unique_ptr<cli::Broker> broker = cli::ConnectBroker(broker_.address());
  if (const std::shared_ptr<internal::AccessToken> token = internal::FindAccessToken("", "")) {
    broker->UseAccessToken([token] { return token->TextFor("127.0.0.1:0", /*is_encrypted=*/false).value_or(""); });
  }
  return broker;
}

RunDirectory::~RunDirectory() {
  if (path_.empty() || keep_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<std::unique_ptr<TestBed>> TestBed::Create(const BenchOptions& options, uint64_t tasks) {
  ASSIGN_OR_RETURN(RunDirectory directory, RunDirectory::Create(options));
  ASSIGN_OR_RETURN(Board board, Board::Create(tasks));
  std::unique_ptr<TestBed> bed(new TestBed(options, std::move(directory), std::move(board)));
  RETURN_IF_ERROR(bed->broker_.Start());
  return bed;
}

TestBed::TestBed(const BenchOptions& options, RunDirectory directory, Board board)
    : options_(options),
      directory_(std::move(directory)),
      board_(std::move(board)),
      broker_({.batond = options.batond, .directory = directory_.path(), .config = options.config}) {}

ProducerOptions TestBed::MakeProducer(const Portion& portion) const {
  return {.broker = broker_.address(),
          .board_descriptor = board_.descriptor(),
          .kind = portion.kind,
          .first = portion.first,
          .count = portion.count,
          .payload_bytes = options_.payload_bytes,
          .batch = options_.batch,
          .calls = options_.calls,
          .clients = options_.clients};
}

BenchWorkerOptions TestBed::MakeWorker(Kind kind, uint64_t count) const {
  return {.broker = broker_.address(),
          .board_descriptor = board_.descriptor(),
          .threads = options_.threads,
          .prefetch = options_.slots - options_.threads,
          .kinds = {kind},
          .count = count};
}

absl::Status TestBed::StartProducer(const ProducerOptions& options) {
  phase_tasks_ += options.count;
  ASSIGN_OR_RETURN(producers_[options.index], Process::Start({OwnPath(), "producer", nlohmann::json(options).dump()}));
  return absl::OkStatus();
}

absl::Status TestBed::StartWorker(const BenchWorkerOptions& options) {
  ASSIGN_OR_RETURN(workers_[options.index], Process::Start({OwnPath(), "worker", nlohmann::json(options).dump()}));
  return absl::OkStatus();
}

absl::Status TestBed::CheckAlive() const {
  if (IsInterrupted()) return absl::CancelledError("interrupted");
  if (broker_.HasEnded()) return absl::UnavailableError(absl::StrCat("batond has ended.\n", broker_.LogTail()));
  for (const std::optional<Process>& producer : producers_) {
    if (producer && producer->HasEnded()) return absl::UnavailableError("a producer process has ended");
  }
  for (const std::optional<Process>& worker : workers_) {
    if (worker && worker->HasEnded()) return absl::UnavailableError("a worker process has ended");
  }
  return absl::OkStatus();
}

absl::Status TestBed::Await(const std::string& what, const std::function<bool()>& condition, absl::Duration patience) {
  const int64_t deadline = MonotonicNow() + absl::ToInt64Nanoseconds(patience);
  while (!board_.Await(condition, kLook)) {
    RETURN_IF_ERROR(board_.status());
    RETURN_IF_ERROR(CheckAlive());
    if (MonotonicNow() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(what, ": not within ", absl::FormatDuration(patience)));
    }
    progress_.Show(Status(what));
  }
  return absl::OkStatus();
}

std::string TestBed::Status(const std::string& what) const {
  const BoardHeader& header = board_.header();
  uint64_t submitted = 0;
  for (const Role& producer : header.producers) submitted += producer.submitted.load();
  return absl::StrCat(options_.mode, ": ", what, ": submitted ", submitted, " of ", phase_tasks_, ", ran ",
                      header.ran.load() + header.spawned_ran.load() + header.stream_ran.load());
}

absl::Status TestBed::AwaitReady() {
  const auto all_ready = [this] {
    const BoardHeader& header = board_.header();
    for (int i = 0; i < kMaxProducers; ++i) {
      if (producers_[i] && header.producers[i].stage.load() < Stage::kReady) return false;
    }
    for (int i = 0; i < kMaxWorkers; ++i) {
      if (workers_[i] && header.workers[i].stage.load() < Stage::kReady) return false;
    }
    return true;
  };
  return Await("warming up", all_ready, kPatience);
}

absl::Status TestBed::AwaitProducerDone(int index) {
  const Role& role = board_.header().producers[index];
  return Await(
      "submitting", [&] { return role.stage.load() == Stage::kDone; }, kPatience);
}

absl::Status TestBed::AwaitWorkerDone(int index) {
  const Role& role = board_.header().workers[index];
  return Await(
      "working", [&] { return role.stage.load() == Stage::kDone; }, kPatience);
}

absl::Status TestBed::Watch(const std::string& what, absl::Duration time) {
  const int64_t end = MonotonicNow() + absl::ToInt64Nanoseconds(time);
  while (MonotonicNow() < end) {
    RETURN_IF_ERROR(board_.status());
    RETURN_IF_ERROR(CheckAlive());
    progress_.Show(Status(what));
    // Nothing but a failure is waited for.
    board_.Await([&] { return MonotonicNow() >= end; }, std::min(kLook, absl::Nanoseconds(end - MonotonicNow())));
  }
  return absl::OkStatus();
}

absl::Status TestBed::EndPhase() {
  board_.OpenGate(Gate::kStop);
  const auto end = [](std::optional<Process>& child) {
    absl::Status status = child ? child->Wait(kEndPatience) : absl::OkStatus();
    child.reset();
    return status;
  };
  for (std::optional<Process>& producer : producers_) RETURN_IF_ERROR(end(producer));
  for (std::optional<Process>& worker : workers_) RETURN_IF_ERROR(end(worker));
  phase_tasks_ = 0;
  RETURN_IF_ERROR(board_.status());
  board_.BeginPhase();
  return absl::OkStatus();
}

Meter::Reading Meter::Read() const {
  const auto sum = [](const auto& processes) -> std::optional<int64_t> {
    std::optional<int64_t> cpu_us;
    for (const std::optional<Process>& process : processes) {
      if (!process) continue;
      cpu_us = cpu_us.value_or(0) + process->Usage().value_or(ProcessUsage()).cpu_us;
    }
    return cpu_us;
  };
  return {.at = MonotonicNow(),
          .machine_us = MachineBusyMicros(),
          .own_us = static_cast<int64_t>(std::clock()) * 1'000'000 / CLOCKS_PER_SEC,
          .broker = bed_->broker_.Usage().value_or(ProcessUsage()),
          .producers_us = sum(bed_->producers_),
          .workers_us = sum(bed_->workers_)};
}

double Meter::BrokerCorePercent() const {
  const double wall_us = static_cast<double>(end_.at - begin_.at) / 1000;
  return Rounded(100 * static_cast<double>(end_.broker.cpu_us - begin_.broker.cpu_us) / wall_us);
}

void Meter::AddTo(Report* report, uint64_t tasks) const {
  const auto per_task = [tasks](int64_t us) { return Rounded(static_cast<double>(us) / static_cast<double>(tasks)); };
  const int64_t broker = end_.broker.cpu_us - begin_.broker.cpu_us;
  const int64_t producers = end_.producers_us.value_or(0) - begin_.producers_us.value_or(0);
  const int64_t workers = end_.workers_us.value_or(0) - begin_.workers_us.value_or(0);
  (*report)["broker_cpu_us_per_task"] = per_task(broker);
  if (end_.producers_us) (*report)["producer_cpu_us_per_task"] = per_task(producers);
  if (end_.workers_us) (*report)["worker_cpu_us_per_task"] = per_task(workers);
  (*report)["broker_rss_mib"] = Rounded(end_.broker.rss_mib);
  (*report)["broker_peak_rss_mib"] = Rounded(end_.broker.peak_rss_mib);
  (*report)["disk_mib"] = Rounded(bed_->broker_.DiskMebibytes());
  const double capacity = static_cast<double>(end_.at - begin_.at) / 1000 * std::thread::hardware_concurrency();
  const auto share = [capacity](int64_t us) {
    return Rounded(std::max(0.0, 100 * static_cast<double>(us) / capacity));
  };
  const int64_t machine = end_.machine_us - begin_.machine_us;
  (*report)["machine"]["busy_percent"] = share(machine);
  (*report)["machine"]["busy_elsewhere_percent"] =
      share(machine - broker - producers - workers - (end_.own_us - begin_.own_us));
}

}  // namespace baton::bench
