// baton-bench: measures a real broker with real producers and real workers, and checks what they did.
//
// Exit codes: 0 measured and verified; 1 it could not be measured, or a task did not have the fate it should have; 2 a
// flag is wrong.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/flags.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/modes.h"
#include "tests/bench/process.h"
#include "tests/bench/producer.h"
#include "tests/bench/repeat.h"
#include "tests/bench/worker.h"

namespace {

using baton::bench::BenchOptions;
using baton::bench::BenchWorkerOptions;
using baton::bench::Mode;
using baton::bench::ProducerOptions;
using baton::bench::Report;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr Mode kModes[] = {
    {"lifecycle", "Submit, run and complete", 2'000'000, baton::bench::RunLifecycle},
    {"submit", "Only submit", 1'000'000, baton::bench::RunSubmit},
    {"backlog-drain", "Run and complete what waits", 1'000'000, baton::bench::RunBacklogDrain},
    {"latency", "One task every 5 ms: when it is due to handler start", 2000, baton::bench::RunLatency},
    {"open-loop", "The same at a given rate, or at half of what the broker can take", 500'000,
     baton::bench::RunOpenLoop},
    {"cancel", "Running tasks are cancelled; then a parent with N children that wait, beside unrelated tasks", 100'000,
     baton::bench::RunCancel},
    {"fanout", "N children of one parent, and as many tasks without one", 100'000, baton::bench::RunFanout},
    {"backlog", "Memory, disk, rate and cold restart with N tasks that wait", 10'000'000, baton::bench::RunBacklog},
    {"list", "Pages of ListTasks and calls of Explain among N tasks", 1'000'000, baton::bench::RunList},
    {"churn", "What N completed tasks leave on the disk, and what is left once they have expired", 2'000'000,
     baton::bench::RunChurn},
    {"idle", "Connected workers without work", 0, baton::bench::RunIdle},
    {"routing", "Many workers that serve 10,000 types between them, and as many that are alike", 200'000,
     baton::bench::RunRouting},
    {"mixed", "Retries, progress, marks and children together", 500'000, baton::bench::RunMixed},
    {"soak", "The same by the clock for an hour, with retention", 1'800'000, baton::bench::RunSoak},
    {"schedules", "N schedules due at the same second, SIGKILL in the middle", 100'000, baton::bench::RunSchedules},
    {"recovery", "Restart after SIGKILL with N waiting and N finished tasks; loss of a worker", 1'000'000,
     baton::bench::RunRecovery},
    {"limits", "What disk, gRPC and RocksDB can do on this machine", 0, baton::bench::RunLimits},
};

int Complain(int code, const absl::Status& status) {
  std::fprintf(stderr, "baton-bench: %s\n", std::string(status.message()).c_str());
  return code;
}

int Print(const BenchOptions& options, const absl::StatusOr<Report>& report) {
  if (!report.ok()) return Complain(kFailed, report.status());
  std::fputs(options.json ? (report->dump() + "\n").c_str() : baton::bench::ToTable(*report).c_str(), stdout);
  return report->value("verified", true) ? EXIT_SUCCESS : kFailed;
}

int RunMode(const Mode& mode, BenchOptions options) {
  baton::bench::NoteInterrupts();
  options.mode = mode.name;
  if (options.tasks == 0) options.tasks = mode.tasks;
  if (options.batond.empty()) {
    options.batond = (std::filesystem::path(baton::bench::OwnPath()).parent_path() / "batond").string();
  }
  std::error_code error;
  if (mode.run != baton::bench::RunLimits && !std::filesystem::exists(options.batond, error)) {
    return Complain(kUsage,
                    absl::NotFoundError(absl::StrCat("--batond ", options.batond,
                                                     ": no such program; build the target batond, or name one")));
  }
  return Print(options, baton::bench::RunRepeatedly(mode, options));
}

// How this program starts itself, not for people: the options as JSON.
CLI::App* DeclareChild(CLI::App* app, const std::string& name, std::string* options) {
  CLI::App* child = app->add_subcommand(name)->group("");
  child->add_option("options", *options);
  return child;
}

template <typename Options>
int RunChild(const std::string& json, absl::Status (*run)(const Options&)) {
  const absl::Status status = run(nlohmann::json::parse(json).get<Options>());
  return status.ok() ? EXIT_SUCCESS : Complain(kFailed, status);
}

}  // namespace

int main(int argc, char** argv) {
  // As batond does: it costs three quarters of every lock.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("Measures a Baton broker on a fresh data directory.", "baton-bench");
  app.require_subcommand(1);
  BenchOptions options;
  std::string child_options;
  for (const Mode& mode : kModes) {
    baton::bench::DeclareFlags(app.add_subcommand(mode.name, mode.help), mode, &options);
  }
  const CLI::App* producer = DeclareChild(&app, "producer", &child_options);
  const CLI::App* worker = DeclareChild(&app, "worker", &child_options);
  const CLI::App* raw_grpc_server = app.add_subcommand("raw-grpc-server")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? EXIT_SUCCESS : kUsage;
  }
  if (producer->parsed()) return RunChild<ProducerOptions>(child_options, baton::bench::RunProducer);
  if (worker->parsed()) return RunChild<BenchWorkerOptions>(child_options, baton::bench::RunBenchWorker);
  if (raw_grpc_server->parsed()) return baton::bench::RunRawGrpcServer().ok() ? EXIT_SUCCESS : kFailed;
  for (const Mode& mode : kModes) {
    if (app.got_subcommand(mode.name)) return RunMode(mode, options);
  }
  return kUsage;
}
