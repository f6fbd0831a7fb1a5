#ifndef BATON_TESTS_BENCH_PROCESS_H_
#define BATON_TESTS_BENCH_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace baton::bench {

// What the kernel counts for a process.
struct ProcessUsage {
  // User and system time of all its threads, microseconds; the kernel counts in steps of 10,000.
  int64_t cpu_us = 0;
  double rss_mib = 0;
  double peak_rss_mib = 0;
  // Open files and sockets.
  int descriptors = 0;
};

// A child process, which dies with this one. Not thread-safe; start it from the main thread only.
class Process {
 public:
  // Runs `arguments[0]`. Its standard output can be read with ReadLine; its error output goes to the file, if one is
  // named, else to ours. Errors: UNAVAILABLE naming the program.
  static absl::StatusOr<Process> Start(const std::vector<std::string>& arguments, const std::string& error_file = "");

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  // Kills it.
  ~Process();

  pid_t id() const { return id_; }

  // The next line of its standard output. Errors: DEADLINE_EXCEEDED; UNAVAILABLE it ended before.
  absl::StatusOr<std::string> ReadLine(absl::Duration timeout);

  void Signal(int number) const;
  // Waits for its end. Errors: DEADLINE_EXCEEDED; INTERNAL it was killed by a signal or its exit code is not 0.
  absl::Status Wait(absl::Duration timeout);
  bool HasEnded() const;
  // SIGKILL, and waits for the end.
  void Kill();

  // Errors: NOT_FOUND it has ended.
  absl::StatusOr<ProcessUsage> Usage() const;

 private:
  Process(pid_t id, int output) : id_(id), output_(output) {}
  void Close();

  pid_t id_;
  int output_;
  std::string buffer_;
};

// From now on the first SIGINT or SIGTERM only makes IsInterrupted true, so that directories are removed; the second
// one ends the process.
void NoteInterrupts();
bool IsInterrupted();

// Path of the running program.
std::string OwnPath();

// Busy time of all processors together since the machine started, time stolen by others included; microseconds.
int64_t MachineBusyMicros();

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_PROCESS_H_
