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

ProducerOptions TestBed::MakeProducerOptions() const {
  return {.broker = broker_.address(),
          .board_descriptor = board_.descriptor(),
          .payload_bytes = options_.payload_bytes,
          .batch = options_.batch,
          .calls = options_.calls};
}

BenchWorkerOptions TestBed::MakeWorkerOptions() const {
  return {.broker = broker_.address(),
          .board_descriptor = board_.descriptor(),
          .threads = options_.threads,
          .prefetch = options_.slots - options_.threads};
}

absl::Status TestBed::StartProducer(const ProducerOptions& options) {
  ASSIGN_OR_RETURN(producer_, Process::Start({OwnPath(),
                                              "producer",
                                              "--broker",
                                              options.broker,
                                              "--board-descriptor",
                                              absl::StrCat(options.board_descriptor),
                                              "--type",
                                              options.type,
                                              "--first",
                                              absl::StrCat(options.first),
                                              "--count",
                                              absl::StrCat(options.count),
                                              "--payload-bytes",
                                              absl::StrCat(options.payload_bytes),
                                              "--batch",
                                              absl::StrCat(options.batch),
                                              "--calls",
                                              absl::StrCat(options.calls),
                                              "--ahead",
                                              absl::StrCat(options.ahead),
                                              "--warm-up",
                                              absl::StrCat(options.warm_up),
                                              "--interval-us",
                                              absl::StrCat(options.interval_us),
                                              "--pause-every",
                                              absl::StrCat(options.pause_every),
                                              "--first-pause",
                                              absl::StrCat(options.first_pause),
                                              "--pause-us",
                                              absl::StrCat(options.pause_us)}));
  return absl::OkStatus();
}

absl::Status TestBed::StartWorker(const BenchWorkerOptions& options) {
  std::vector<std::string> arguments = {OwnPath(),
                                        "worker",
                                        "--broker",
                                        options.broker,
                                        "--board-descriptor",
                                        absl::StrCat(options.board_descriptor),
                                        "--index",
                                        absl::StrCat(options.index),
                                        "--threads",
                                        absl::StrCat(options.threads),
                                        "--prefetch",
                                        absl::StrCat(options.prefetch),
                                        "--count",
                                        absl::StrCat(options.count),
                                        "--warm-up",
                                        absl::StrCat(options.warm_up)};
  if (options.late) arguments.emplace_back("--late");
  if (options.hold) arguments.emplace_back("--hold");
  ASSIGN_OR_RETURN(workers_[options.index], Process::Start(arguments));
  return absl::OkStatus();
}

absl::Status TestBed::CheckAlive() const {
  if (IsInterrupted()) return absl::CancelledError("interrupted");
  if (broker_.HasEnded()) return absl::UnavailableError(absl::StrCat("batond has ended.\n", broker_.LogTail()));
  if (producer_ && producer_->HasEnded()) return absl::UnavailableError("the producer process has ended");
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
    progress_.Show(absl::StrCat(options_.mode, ": ", what, ": submitted ", board_.header().submitted.load(), ", ran ",
                                board_.header().ran.load(), " of ", board_.tasks()));
  }
  return absl::OkStatus();
}

absl::Status TestBed::AwaitProducer(Stage stage) {
  const Role& role = board_.header().producer;
  return Await(
      stage == Stage::kReady ? "warming up" : "submitting", [&] { return role.stage.load() >= stage; }, kPatience);
}

absl::Status TestBed::AwaitWorker(int index, Stage stage) {
  const Role& role = board_.header().workers[index];
  return Await(
      stage == Stage::kReady ? "warming up" : "working", [&] { return role.stage.load() >= stage; }, kPatience);
}

absl::Status TestBed::EndPhase() {
  board_.OpenGate(Gate::kStop);
  if (producer_) RETURN_IF_ERROR(producer_->Wait(kEndPatience));
  producer_.reset();
  for (std::optional<Process>& worker : workers_) {
    if (worker) RETURN_IF_ERROR(worker->Wait(kEndPatience));
    worker.reset();
  }
  RETURN_IF_ERROR(board_.status());
  board_.BeginPhase();
  return absl::OkStatus();
}

Meter::Reading Meter::Read() const {
  const auto usage = [](const std::optional<Process>& process) -> std::optional<ProcessUsage> {
    if (!process) return std::nullopt;
    absl::StatusOr<ProcessUsage> answer = process->Usage();
    return answer.ok() ? std::optional(*answer) : std::nullopt;
  };
  return {.at = MonotonicNow(),
          .machine_us = MachineBusyMicros(),
          .own_us = static_cast<int64_t>(std::clock()) * 1'000'000 / CLOCKS_PER_SEC,
          .broker = bed_->broker_.Usage().value_or(ProcessUsage()),
          .producer = usage(bed_->producer_),
          .worker = usage(bed_->workers_[0])};
}

void Meter::AddTo(Report* report, uint64_t tasks) const {
  const auto spent = [](const std::optional<ProcessUsage>& begin, const std::optional<ProcessUsage>& end) -> int64_t {
    return begin && end ? end->cpu_us - begin->cpu_us : 0;
  };
  const auto per_task = [tasks](int64_t us) { return Rounded(static_cast<double>(us) / static_cast<double>(tasks)); };
  const int64_t broker = end_.broker.cpu_us - begin_.broker.cpu_us;
  const int64_t producer = spent(begin_.producer, end_.producer);
  const int64_t worker = spent(begin_.worker, end_.worker);
  (*report)["broker_cpu_us_per_task"] = per_task(broker);
  if (end_.producer) (*report)["producer_cpu_us_per_task"] = per_task(producer);
  if (end_.worker) (*report)["worker_cpu_us_per_task"] = per_task(worker);
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
      share(machine - broker - producer - worker - (end_.own_us - begin_.own_us));
}

}  // namespace baton::bench
