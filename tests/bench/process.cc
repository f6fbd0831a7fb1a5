#include "tests/bench/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/board.h"

namespace baton::bench {
namespace {

// Waits until the descriptor is readable, at most until `deadline` (MonotonicNow).
bool AwaitReadable(int descriptor, int64_t deadline) {
  while (true) {
    const int64_t left = std::max<int64_t>(deadline - MonotonicNow(), 0);
    pollfd item{.fd = descriptor, .events = POLLIN, .revents = 0};
    const timespec timeout = absl::ToTimespec(absl::Nanoseconds(left));
    const int ready = ppoll(&item, 1, &timeout, nullptr);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void Become(char* const* arguments, int output, int error, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(output, STDOUT_FILENO);
  if (error >= 0) dup2(error, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

double MebibytesOf(const std::string& status, const std::string& field) {
  const size_t at = status.find(absl::StrCat("\n", field, ":"));
  if (at == std::string::npos) return 0;
  return std::strtod(status.c_str() + at + field.size() + 2, nullptr) / 1024;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int CountEntries(const std::string& directory) {
  std::error_code error;
  int count = 0;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) ++count;
  return count;
}

volatile std::sig_atomic_t is_interrupted = 0;

int64_t TicksToMicros(int64_t ticks) { return ticks * 1'000'000 / sysconf(_SC_CLK_TCK); }

}  // namespace

absl::StatusOr<Process> Process::Start(const std::vector<std::string>& arguments, const std::string& error_file) {
  if (access(arguments[0].c_str(), X_OK) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot run ", arguments[0]));
  }
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe2");
  const int error = error_file.empty() ? -1 : open(error_file.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  const pid_t parent = getpid();
  const pid_t id = fork();
  if (id == 0) Become(pointers.data(), output[1], error, parent);
  const int failure = errno;
  close(output[1]);
  if (error >= 0) close(error);
  if (id > 0) return Process(id, output[0]);
  close(output[0]);
  return absl::ErrnoToStatus(failure, absl::StrCat("cannot start ", arguments[0]));
}

Process::Process(Process&& other) noexcept
    : id_(std::exchange(other.id_, -1)), output_(std::exchange(other.output_, -1)), buffer_(std::move(other.buffer_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(output_, other.output_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

Process::~Process() {
  Kill();
  Close();
}

void Process::Close() {
  if (output_ >= 0) close(std::exchange(output_, -1));
}

absl::StatusOr<std::string> Process::ReadLine(absl::Duration timeout) {
  const int64_t deadline = MonotonicNow() + absl::ToInt64Nanoseconds(timeout);
  while (true) {
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (!AwaitReadable(output_, deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat("process ", id_, " said nothing for ", absl::FormatDuration(timeout)));
    }
    char piece[4096];
    const ssize_t count = read(output_, piece, sizeof(piece));
    if (count == 0) return absl::UnavailableError(absl::StrCat("process ", id_, " ended before it said anything"));
    if (count > 0) buffer_.append(piece, static_cast<size_t>(count));
  }
}

void Process::Signal(int number) const {
  if (id_ > 0) kill(id_, number);
}

absl::Status Process::Wait(absl::Duration timeout) {
  if (id_ <= 0) return absl::OkStatus();
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, id_, 0));
  const bool ended = AwaitReadable(handle, MonotonicNow() + absl::ToInt64Nanoseconds(timeout));
  if (handle >= 0) close(handle);
  if (!ended) {
    return absl::DeadlineExceededError(
        absl::StrCat("process ", id_, " did not end within ", absl::FormatDuration(timeout)));
  }
  int code = 0;
  const pid_t id = std::exchange(id_, -1);
  waitpid(id, &code, 0);
  if (WIFSIGNALED(code)) {
    return absl::InternalError(absl::StrCat("process ", id, " was ended by signal ", WTERMSIG(code)));
  }
  if (WEXITSTATUS(code) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("process ", id, " ended with exit code ", WEXITSTATUS(code)));
}

bool Process::HasEnded() const {
  if (id_ <= 0) return true;
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == id_;
}

void Process::Kill() {
  if (id_ <= 0) return;
  kill(id_, SIGKILL);
  waitpid(std::exchange(id_, -1), nullptr, 0);
}

absl::StatusOr<ProcessUsage> Process::Usage() const {
  const std::string stat = ReadAll(absl::StrCat("/proc/", id_, "/stat"));
  // The name, in parentheses, may contain anything.
  const size_t name_end = stat.rfind(')');
  if (id_ <= 0 || name_end == std::string::npos) {
    return absl::NotFoundError(absl::StrCat("process ", id_, " has ended: no counters in /proc"));
  }
  std::istringstream fields(stat.substr(name_end + 1));
  const std::vector<std::string> parts{std::istream_iterator<std::string>(fields), {}};
  constexpr size_t kUserTime = 11;
  int64_t user = 0;
  int64_t system = 0;
  if (parts.size() <= kUserTime + 1 || !absl::SimpleAtoi(parts[kUserTime], &user) ||
      !absl::SimpleAtoi(parts[kUserTime + 1], &system)) {
    return absl::InternalError(absl::StrCat("/proc/", id_, "/stat is not as expected"));
  }
  const std::string status = ReadAll(absl::StrCat("/proc/", id_, "/status"));
  return ProcessUsage{.cpu_us = TicksToMicros(user + system),
                      .rss_mib = MebibytesOf(status, "VmRSS"),
                      .peak_rss_mib = MebibytesOf(status, "VmHWM"),
                      .descriptors = CountEntries(absl::StrCat("/proc/", id_, "/fd"))};
}

void NoteInterrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { is_interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool IsInterrupted() { return is_interrupted != 0; }

std::string OwnPath() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  return size <= 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

int64_t MachineBusyMicros() {
  std::ifstream file("/proc/stat");
  std::string label;
  // user nice system idle iowait irq softirq steal; guests are part of user.
  int64_t ticks[8] = {};
  file >> label;
  for (int64_t& tick : ticks) file >> tick;
  return TicksToMicros(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]);
}

}  // namespace baton::bench
