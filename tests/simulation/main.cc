// Runs simulations: see tests/README.md.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "broker/base/clock.h"
#include "tests/simulation/required.h"
#include "tests/simulation/workload.h"

ABSL_FLAG(uint64_t, seed, 0, "run this seed alone");
ABSL_FLAG(uint64_t, first, 1, "first seed");
ABSL_FLAG(uint64_t, seeds, 500, "how many seeds");
ABSL_FLAG(uint64_t, minutes, 0, "instead of a number of seeds: so many minutes of new ones");
ABSL_FLAG(uint64_t, commands, 2000, "commands that each simulation applies before it heals");
ABSL_FLAG(uint64_t, reached, 0, "fail unless everything on the list of required events happened so often");
ABSL_FLAG(std::string, failing, "", "file of seeds that failed once: they run first, and new ones are added");
ABSL_FLAG(bool, trace, false, "with --seed: tell everything that happens");
ABSL_FLAG(bool, counts, false, "print how often everything happened");

namespace baton::simulation {
namespace {

// A seed takes a second or two; under a sanitizer, on a busy machine, a minute.
constexpr time_t kMostSeconds = 240;

// What a failed check of the engine, or of a sanitizer, which ends the process, leaves to be said; so does a seed that
// goes on for ever. The file is open before: a process that dies may do little.
thread_local uint64_t running_seed = 0;
int failing_file = -1;

void SayWhichSeed(int signal) {
  char text[] = "simulation: the process dies in seed 00000000000000000000\n";
  constexpr size_t kDigits = 20;
  char* const number = text + sizeof(text) - 2 - kDigits;
  uint64_t seed = running_seed;
  for (size_t at = kDigits; seed > 0; seed /= 10) number[--at] = static_cast<char>('0' + seed % 10);
  (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
  // The zeros before it do no harm.
  if (failing_file >= 0) (void)!write(failing_file, number, kDigits + 1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// Sends this thread a signal once it has computed for too long in one seed.
class Watchdog {
 public:
  Watchdog() {
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGXCPU;
    event._sigev_un._tid = gettid();
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) != 0) std::abort();
  }
  ~Watchdog() { timer_delete(timer_); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Restart() {
    itimerspec limit = {};
    limit.it_value.tv_sec = kMostSeconds;
    timer_settime(timer_, 0, &limit, nullptr);
  }

 private:
  timer_t timer_;
};

struct Totals {
  absl::Mutex mu;
  Coverage coverage ABSL_GUARDED_BY(mu);
  uint64_t passed ABSL_GUARDED_BY(mu) = 0;
  std::vector<uint64_t> failed ABSL_GUARDED_BY(mu);
};

void RunSeed(uint64_t seed, Totals* totals) {
  static thread_local Watchdog watchdog;
  watchdog.Restart();
  running_seed = seed;
  Coverage coverage;
  std::string failure;
  Workload workload(seed, &coverage);
  if (absl::GetFlag(FLAGS_trace)) workload.Trace(&std::cout);
  try {
    workload.Run(absl::GetFlag(FLAGS_commands));
  } catch (const std::exception& violation) {
    failure = absl::StrCat("seed ", seed, " at ", workload.Position(), ": ", violation.what(),
                           "\n  replay: baton-simulation --trace --seed ", seed, " --commands ",
                           absl::GetFlag(FLAGS_commands));
  }
  absl::MutexLock lock(&totals->mu);
  totals->coverage.Add(coverage);
  if (failure.empty()) {
    ++totals->passed;
    return;
  }
  totals->failed.push_back(seed);
  std::cerr << failure << std::endl;
}

std::vector<uint64_t> SeedsIn(const std::string& path) {
  std::vector<uint64_t> seeds;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    uint64_t seed = 0;
    if (absl::SimpleAtoi(line.substr(0, line.find(' ')), &seed)) seeds.push_back(seed);
  }
  return seeds;
}

void Remember(const std::string& path, const std::vector<uint64_t>& failed) {
  if (path.empty()) return;
  std::set<uint64_t> known;
  for (const uint64_t seed : SeedsIn(path)) known.insert(seed);
  std::ofstream file(path, std::ios::app);
  for (const uint64_t seed : failed) {
    if (known.insert(seed).second) file << seed << "\n";
  }
}

// Stands for a seed that was there already.
constexpr uint64_t kNone = UINT64_MAX;

// On as many threads as there are processors: simulations share nothing.
void RunAll(const std::function<uint64_t()>& next_seed, Totals* totals) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      while (const uint64_t seed = next_seed()) {
        if (seed != kNone) RunSeed(seed, totals);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// 0 is the end.
std::function<uint64_t()> SeedSource() {
  const auto listed = std::make_shared<std::vector<uint64_t>>(SeedsIn(absl::GetFlag(FLAGS_failing)));
  // Each once: or it would count twice for what has to be reached.
  const auto known = std::make_shared<std::set<uint64_t>>();
  std::erase_if(*listed, [&](uint64_t seed) { return !known->insert(seed).second; });
  const auto position = std::make_shared<std::atomic<uint64_t>>(0);
  const uint64_t minutes = absl::GetFlag(FLAGS_minutes);
  const SystemClock clock;
  const SteadyMicros start = clock.Read().steady;
  // New seeds each time; the wall clock is as good as any source.
  const uint64_t first = minutes > 0 ? static_cast<uint64_t>(clock.Read().wall) : absl::GetFlag(FLAGS_first);
  return [=]() -> uint64_t {
    const uint64_t at = (*position)++;
    if (at < listed->size()) return (*listed)[at];
    const uint64_t index = at - listed->size();
    if (minutes > 0) {
      return SystemClock().Read().steady - start < static_cast<Micros>(minutes) * kMinute ? first + index : 0;
    }
    if (index >= absl::GetFlag(FLAGS_seeds)) return 0;
    return known->contains(first + index) ? kNone : first + index;
  };
}

int Report(Totals& totals) {
  absl::MutexLock lock(&totals.mu);
  Remember(absl::GetFlag(FLAGS_failing), totals.failed);
  if (absl::GetFlag(FLAGS_counts)) {
    for (const auto& [what, times] : totals.coverage.counts()) std::cout << times << "\t" << what << "\n";
  }
  std::cout << totals.passed << " seeds passed, " << totals.failed.size() << " failed" << std::endl;
  int missing = 0;
  for (const std::string& what : RequiredEvents()) {
    const uint64_t times = totals.coverage.Of(what);
    if (times >= absl::GetFlag(FLAGS_reached)) continue;
    std::cerr << "reached only " << times << " times: " << what << "\n";
    ++missing;
  }
  return totals.failed.empty() && missing == 0 ? 0 : 1;
}

int Main() {
  const std::string failing = absl::GetFlag(FLAGS_failing);
  if (!failing.empty()) failing_file = open(failing.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU}) std::signal(signal, SayWhichSeed);
  Totals totals;
  if (const uint64_t seed = absl::GetFlag(FLAGS_seed); seed != 0) {
    RunSeed(seed, &totals);
  } else {
    RunAll(SeedSource(), &totals);
  }
  return Report(totals);
}

}  // namespace
}  // namespace baton::simulation

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Simulates brokers, workers and programs from seeds, and checks everything they do.");
  absl::ParseCommandLine(argc, argv);
  return baton::simulation::Main();
}
