#include "tests/bench/flags.h"

#include <map>
#include <string>

#include "tests/bench/board.h"

namespace baton::bench {
namespace {

void DeclareCommonFlags(CLI::App* app, BenchOptions* options) {
  app->add_flag("--json", options->json, "Print one JSON object");
  app->add_option("--dir", options->directory, "Where to make a temporary directory; its disk is measured")
      ->check(CLI::ExistingDirectory);
  app->add_option("--runs", options->runs, "How often; each figure then as median, min and max")
      ->check(CLI::Range(1, 1000));
  app->add_option("--batch", options->batch, "Tasks in one Submit call")->check(CLI::Range(1, 1000));
  app->add_option("--calls", options->calls, "Calls under way at the same time")->check(CLI::Range(1, 64));
  app->add_option("--seconds", options->seconds, "Length of each measurement of limits (3), and of idle (10)")
      ->check(CLI::Range(1, 600));
}

void DeclareBrokerFlags(CLI::App* app, BenchOptions* options) {
  app->add_flag("--limits", options->limits, "Measure limits before each run, and add the share of them to each rate");
  app->add_flag("--keep", options->keep, "Leave data and log of the broker behind");
  app->add_option("--batond", options->batond, "The broker; default: batond beside this program");
  app->add_option("--config", options->config, "Settings of the broker; default: none")->check(CLI::ExistingFile);
  const std::map<std::string, Verify> verify = {{"full", Verify::kFull}, {"counts", Verify::kCounts}};
  app->add_option("--verify", options->verify, "full: ask the broker for each task; counts: only how many")
      ->transform(CLI::CheckedTransformer(verify));
}

void DeclareTaskFlags(CLI::App* app, BenchOptions* options) {
  app->add_option("--tasks", options->tasks, "How many tasks")->check(CLI::Range(1, 100'000'000));
  app->add_option("--payload-bytes", options->payload_bytes, "Size of each payload")->check(CLI::Range(8, 1 << 20));
  app->add_option("--ahead", options->ahead, "Tasks that the producer may be ahead of the worker")
      ->check(CLI::Range(1000, 100'000'000));
  app->add_option("--threads", options->threads, "Threads of the worker that run handlers")->check(CLI::Range(1, 1000));
  app->add_option("--slots", options->slots, "Tasks that the worker holds at a time")->check(CLI::Range(1000, 10'000));
  app->add_option("--clients", options->clients,
                  "SDK clients that share the calls; default: one for each call, in open-loop one")
      ->check(CLI::Range(1, 64));
  app->add_option("--warm-up", options->warm_up, "Tasks before the measurement")->check(CLI::Range(0, 100'000'000));
}

void DeclareModeFlags(CLI::App* app, const std::string& mode, BenchOptions* options) {
  const auto rates = CLI::Range(0.1, 1'000'000.0);
  if (mode == "latency" || mode == "open-loop" || mode == "soak") {
    app->add_option("--rate", options->rate, "Tasks a second, by the clock")->check(rates);
  }
  if (mode == "open-loop" || mode == "backlog") {
    app->add_option("--lifecycle-tasks", options->lifecycle_tasks, "Tasks of each measurement of the lifecycle rate")
        ->check(CLI::Range(1, 100'000'000));
  }
  if (mode == "backlog") {
    app->add_flag("--keep-page-cache", options->keep_page_cache, "Do not drop the page cache before the restart");
  }
  if (mode == "fanout" || mode == "cancel") {
    app->add_option("--stream-rate", options->stream_rate, "Unrelated tasks a second meanwhile")->check(rates);
  }
  if (mode == "list") {
    app->add_option("--pages", options->pages, "Pages of each kind")->check(CLI::Range(1, 100'000));
  }
  if (mode == "idle" || mode == "routing") {
    app->add_option("--workers", options->workers, "Workers, each with a connection")->check(CLI::Range(1, 100'000));
    app->add_option("--processes", options->processes, "Processes among which they are divided")
        ->check(CLI::Range(1, kMaxWorkers));
  }
}

}  // namespace

void DeclareFlags(CLI::App* app, const Mode& mode, BenchOptions* options) {
  DeclareCommonFlags(app, options);
  if (mode.run == RunLimits) return;
  DeclareBrokerFlags(app, options);
  if (mode.tasks > 0) DeclareTaskFlags(app, options);
  DeclareModeFlags(app, mode.name, options);
}

}  // namespace baton::bench
