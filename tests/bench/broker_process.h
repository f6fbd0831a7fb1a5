#ifndef BATON_TESTS_BENCH_BROKER_PROCESS_H_
#define BATON_TESTS_BENCH_BROKER_PROCESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/process.h"

namespace baton::bench {

// A real batond on a data directory of its own, with default settings unless a file of settings is given.
class BrokerProcess {
 public:
  struct Options {
    // Path of the program.
    std::string batond;
    // Holds the data directory `data` and the log `batond.log`.
    std::string directory;
    // A TOML file for batond; empty: defaults.
    std::string config;
  };

  explicit BrokerProcess(Options options) : options_(std::move(options)) {}

  // Starts it and waits until it serves; again after Kill or Stop, at the same address. Errors: what it says itself.
  absl::Status Start();
  // With these settings from the next start on; empty: defaults.
  void UseConfig(std::string config) { options_.config = std::move(config); }
  // SIGKILL.
  void Kill();
  // SIGTERM, and waits for the drain. Errors: it did not end, or not with exit code 0.
  absl::Status Stop();

  // Where it serves: "127.0.0.1:PORT".
  const std::string& address() const { return address_; }
  absl::StatusOr<ProcessUsage> Usage() const;
  bool HasEnded() const { return !process_ || process_->HasEnded(); }
  // What its files take on the disk.
  double DiskMebibytes() const;
  // The end of its log.
  std::string LogTail() const;

 private:
  std::string log_file() const { return options_.directory + "/batond.log"; }
  std::string data_directory() const { return options_.directory + "/data"; }

  Options options_;
  std::string address_;
  std::optional<Process> process_;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_BROKER_PROCESS_H_
