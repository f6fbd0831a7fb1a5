// One process of a measurement of a peer: see README.md. It tells its parent "ready" after a warm-up, waits for a line
// from it, does its part and tells "done BEGIN END" (CLOCK_MONOTONIC, nanoseconds). The file of results has, for each
// task, its time (8 bytes), and then, for each task, how often it was acknowledged or run (4 bytes).
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "tests/bench/peers/system.h"
#include "tests/bench/peers/trouble.h"

namespace baton::peers {
namespace {

struct Options {
  std::string system;
  SystemOptions of_system;
  uint64_t tasks = 1000;
  uint64_t warm_up = 100;
  uint64_t payload_bytes = 200;
  int64_t interval_us = 0;
  uint64_t ahead = 0;
  int credit_descriptor = -1;
  std::string results;
};

std::unique_ptr<System> MakeSystem(const Options& options) {
  static const std::map<std::string, std::unique_ptr<System> (*)(const SystemOptions&)> makers = {
      {"beanstalkd", MakeBeanstalkd}, {"gearman", MakeGearman},   {"nats", MakeNats},
      {"postgres", MakePostgres},     {"rabbitmq", MakeRabbitmq},
  };
  const auto maker = makers.find(options.system);
  if (maker == makers.end()) Fail("no system " + options.system);
  return maker->second(options.of_system);
}

void Say(const std::string& line) { std::cout << line << std::endl; }

void AwaitParent() {
  Say("ready");
  std::string line;
  if (!std::getline(std::cin, line)) Fail("the parent has gone");
}

void WriteResults(const std::string& path, const std::vector<int64_t>& times, const std::vector<uint32_t>& counts) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(times.data()), static_cast<std::streamsize>(times.size() * sizeof(int64_t)));
  file.write(reinterpret_cast<const char*>(counts.data()),
             static_cast<std::streamsize>(counts.size() * sizeof(uint32_t)));
  if (!file.flush()) Fail("writing " + path);
}

// The tasks of the warm-up have the numbers behind those that are measured.
void Produce(const Options& options) {
  const std::unique_ptr<System> system = MakeSystem(options);
  const std::unique_ptr<Producer> producer = system->MakeProducer();
  SupplyPlan plan{.first = options.tasks,
                  .count = options.warm_up,
                  .batch = options.of_system.batch,
                  .payload_bytes = options.payload_bytes};
  Supply warm_up(plan);
  producer->Submit(&warm_up);
  AwaitParent();
  plan.first = 0;
  plan.count = options.tasks;
  plan.interval_us = options.interval_us;
  plan.ahead = options.ahead;
  plan.credit_descriptor = options.credit_descriptor;
  Supply supply(plan);
  producer->Submit(&supply);
  WriteResults(options.results, supply.times(), supply.acknowledgements());
  Say("done " + std::to_string(supply.begin_at()) + " " + std::to_string(supply.end_at()));
}

void Work(const Options& options) {
  const std::unique_ptr<System> system = MakeSystem(options);
  const std::unique_ptr<Worker> worker = system->MakeWorker();
  Ledger warm_up(options.tasks, options.warm_up, -1);
  worker->Work(&warm_up);
  AwaitParent();
  const int64_t begin = MonotonicNow();
  Ledger ledger(0, options.tasks, options.credit_descriptor);
  worker->Work(&ledger);
  WriteResults(options.results, ledger.times(), ledger.runs());
  Say("done " + std::to_string(begin) + " " + std::to_string(ledger.end_at()));
}

void Count(const Options& options) {
  const Counts counts = MakeSystem(options)->Count();
  Say("waiting " + std::to_string(counts.waiting) + " finished " + std::to_string(counts.finished));
}

void AddOptions(CLI::App* app, Options* options) {
  app->add_option("--system", options->system, "beanstalkd, gearman, nats, postgres or rabbitmq")->required();
  app->add_option("--port", options->of_system.port, "Of the server, on the loopback address")->required();
  app->add_option("--storage", options->of_system.storage, "Of the stream of NATS: file or memory");
  app->add_flag("--paced", options->of_system.paced, "Tasks come one by one: prefer a short way to a high rate");
  app->add_option("--batch", options->of_system.batch, "Tasks in one submission");
  app->add_option("--window", options->of_system.window, "Submissions under way; 0: what suits the system");
  app->add_option("--connections", options->of_system.connections, "0: what suits the system");
  app->add_option("--tasks", options->tasks, "Tasks that are measured");
  app->add_option("--warm-up", options->warm_up, "Tasks before them");
  app->add_option("--payload-bytes", options->payload_bytes, "Size of each payload");
  app->add_option("--interval-us", options->interval_us, "Time between two tasks; 0: as fast as possible");
  app->add_option("--ahead", options->ahead, "Tasks that the producer may be before the worker; 0: no limit");
  app->add_option("--credit-descriptor", options->credit_descriptor,
                  "Open file by which the worker tells how far it is");
  app->add_option("--results", options->results, "File to write");
}

int Main(int argc, char** argv) {
  // What a killed parent leaves behind ends too.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  CLI::App app("One process of a measurement of a peer; started by tests/bench/peers/run.");
  app.require_subcommand(1);
  Options options;
  const std::map<std::string, std::pair<std::string, void (*)(const Options&)>> roles = {
      {"prepare", {"Makes the queue", [](const Options& given) { MakeSystem(given)->Prepare(); }}},
      {"produce", {"Submits tasks", Produce}},
      {"work", {"Runs and completes tasks", Work}},
      {"count", {"Tells how many tasks the server has", Count}},
  };
  for (const auto& [name, role] : roles) {
    CLI::App* command = app.add_subcommand(name, role.first);
    AddOptions(command, &options);
    command->callback([&options, function = role.second] { function(options); });
  }
  CLI11_PARSE(app, argc, argv);
  return 0;
}

}  // namespace
}  // namespace baton::peers

int main(int argc, char** argv) { return baton::peers::Main(argc, argv); }
