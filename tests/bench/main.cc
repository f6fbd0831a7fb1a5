// baton-bench: measures a real broker with a real producer and a real worker, and checks what they did.
//
// Exit codes: 0 measured and verified; 1 it could not be measured, or a task did not have the fate it should have; 2 a
// flag is wrong.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/modes.h"
#include "tests/bench/process.h"
#include "tests/bench/producer.h"
#include "tests/bench/worker.h"

namespace {

using baton::bench::BenchOptions;
using baton::bench::BenchWorkerOptions;
using baton::bench::ProducerOptions;
using baton::bench::Report;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

struct Mode {
  const char* name;
  const char* help;
  uint64_t tasks;
  absl::StatusOr<Report> (*run)(const BenchOptions&);
};

constexpr Mode kModes[] = {
    {"lifecycle", "Submit, run and complete, all at once", 2'000'000, baton::bench::RunLifecycle},
    {"submit", "Submit only", 1'000'000, baton::bench::RunSubmit},
    {"backlog-drain", "Run and complete what waits", 1'000'000, baton::bench::RunBacklogDrain},
    {"latency", "One task every 5 ms: submit call to handler start", 2000, baton::bench::RunLatency},
    {"recovery", "Restart after SIGKILL with N waiting and N finished tasks; loss of a worker", 1'000'000,
     baton::bench::RunRecovery},
    {"limits", "What disk, gRPC and RocksDB can do on this machine", 0, baton::bench::RunLimits},
};

int Complain(int code, const absl::Status& status) {
  std::fprintf(stderr, "baton-bench: %s\n", std::string(status.message()).c_str());
  return code;
}

void DeclareBenchFlags(CLI::App* app, BenchOptions* options) {
  app->add_flag("--json", options->json, "Print one JSON object");
  app->add_option("--dir", options->directory, "Where to make a temporary directory; its disk is measured")
      ->check(CLI::ExistingDirectory);
  app->add_flag("--keep", options->keep, "Leave data and log of the broker behind");
  app->add_option("--batond", options->batond, "The broker; default: batond beside this program");
  app->add_option("--config", options->config, "Settings of the broker; default: none")->check(CLI::ExistingFile);
  app->add_option("--batch", options->batch, "Tasks in one Submit call")->check(CLI::Range(1, 1000));
  app->add_option("--calls", options->calls, "Calls under way at the same time")->check(CLI::Range(1, 64));
  if (app->get_name() == "limits") {
    app->add_option("--seconds", options->seconds, "Length of each measurement")->check(CLI::Range(1, 600));
    return;
  }
  app->add_option("--tasks", options->tasks, "How many tasks")->check(CLI::Range(1, 100'000'000));
  const std::map<std::string, baton::bench::Verify> verify = {{"full", baton::bench::Verify::kFull},
                                                              {"counts", baton::bench::Verify::kCounts}};
  app->add_option("--verify", options->verify, "full: ask the broker for each task; counts: only how many")
      ->transform(CLI::CheckedTransformer(verify));
  app->add_option("--payload-bytes", options->payload_bytes, "Size of each payload")->check(CLI::Range(8, 1 << 20));
  app->add_option("--ahead", options->ahead, "Tasks that the producer may be ahead of the worker")
      ->check(CLI::Range(1000, 100'000'000));
  app->add_option("--threads", options->threads, "Threads of the worker that run handlers")->check(CLI::Range(1, 1000));
  app->add_option("--slots", options->slots, "Tasks that the worker holds at a time")->check(CLI::Range(1000, 10'000));
  app->add_option("--warm-up", options->warm_up, "Tasks before the measurement")->check(CLI::Range(0, 100'000'000));
  if (app->get_name() == "latency") {
    app->add_option("--interval-us", options->interval_us, "Microseconds between tasks")
        ->check(CLI::Range(100, 60'000'000));
  }
}

// How this program starts itself; not for people.
CLI::App* DeclareProducer(CLI::App* app, ProducerOptions* options) {
  CLI::App* producer = app->add_subcommand("producer")->group("");
  producer->add_option("--broker", options->broker);
  producer->add_option("--board-descriptor", options->board_descriptor);
  producer->add_option("--type", options->type);
  producer->add_option("--first", options->first);
  producer->add_option("--count", options->count);
  producer->add_option("--payload-bytes", options->payload_bytes);
  producer->add_option("--batch", options->batch);
  producer->add_option("--calls", options->calls);
  producer->add_option("--ahead", options->ahead);
  producer->add_option("--warm-up", options->warm_up);
  producer->add_option("--interval-us", options->interval_us);
  producer->add_option("--pause-every", options->pause_every);
  producer->add_option("--first-pause", options->first_pause);
  producer->add_option("--pause-us", options->pause_us);
  return producer;
}

CLI::App* DeclareWorker(CLI::App* app, BenchWorkerOptions* options) {
  CLI::App* worker = app->add_subcommand("worker")->group("");
  worker->add_option("--broker", options->broker);
  worker->add_option("--board-descriptor", options->board_descriptor);
  worker->add_option("--index", options->index);
  worker->add_option("--threads", options->threads);
  worker->add_option("--prefetch", options->prefetch);
  worker->add_option("--count", options->count);
  worker->add_option("--warm-up", options->warm_up);
  worker->add_flag("--late", options->late);
  worker->add_flag("--hold", options->hold);
  return worker;
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
  if (mode.tasks > 0 && !std::filesystem::exists(options.batond, error)) {
    return Complain(kUsage,
                    absl::NotFoundError(absl::StrCat("--batond ", options.batond,
                                                     ": no such program; build the target batond, or name one")));
  }
  return Print(options, mode.run(options));
}

int RunChild(const absl::Status& status) { return status.ok() ? EXIT_SUCCESS : Complain(kFailed, status); }

}  // namespace

int main(int argc, char** argv) {
  // As batond does: it costs three quarters of every lock.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  CLI::App app("Measures a Baton broker on a fresh data directory.", "baton-bench");
  app.require_subcommand(1);
  BenchOptions options;
  ProducerOptions producer;
  BenchWorkerOptions worker;
  for (const Mode& mode : kModes) DeclareBenchFlags(app.add_subcommand(mode.name, mode.help), &options);
  const CLI::App* producer_command = DeclareProducer(&app, &producer);
  const CLI::App* worker_command = DeclareWorker(&app, &worker);
  const CLI::App* server_command = app.add_subcommand("raw-grpc-server")->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? EXIT_SUCCESS : kUsage;
  }
  if (producer_command->parsed()) return RunChild(baton::bench::RunProducer(producer));
  if (worker_command->parsed()) return RunChild(baton::bench::RunBenchWorker(worker));
  if (server_command->parsed()) return RunChild(baton::bench::RunRawGrpcServer());
  for (const Mode& mode : kModes) {
    if (app.got_subcommand(mode.name)) return RunMode(mode, options);
  }
  return kUsage;
}
