#include "worker_sdk/src/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace baton::inline sdk {
namespace internal {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};

// A signal handler may do next to nothing: it writes a byte, and a thread reads it.
std::atomic<int> write_end = -1;

void HandleSignal(int) {
  const int saved = errno;
  for (int signal : kSignals) std::signal(signal, SIG_DFL);
  const char byte = 0;
  // A full pipe already says that a signal came.
  [[maybe_unused]] const ssize_t written = write(write_end, &byte, 1);
  errno = saved;
}

struct Listener {
  absl::Mutex mutex;
  const void* owner ABSL_GUARDED_BY(mutex) = nullptr;
  std::function<void()> action ABSL_GUARDED_BY(mutex);
};

// Never destroyed: the thread may outlive main().
Listener& TheListener() {
  static Listener* const listener = new Listener;
  return *listener;
}

void Listen(int read_end) {
  char byte;
  while (read(read_end, &byte, 1) == 1 || errno == EINTR) {
    std::function<void()> action;
    {
      absl::MutexLock lock(&TheListener().mutex);
      action = TheListener().action;
    }
    if (action) action();
  }
}

bool StartListener() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  write_end = ends[1];
  std::thread(Listen, ends[0]).detach();
  return true;
}

}  // namespace

void OnSignals(const void* owner, std::function<void()> action) {
  static const bool started = StartListener();
  if (!started) return;
  {
    absl::MutexLock lock(&TheListener().mutex);
    TheListener().owner = owner;
    TheListener().action = std::move(action);
  }
  struct sigaction handler = {};
  handler.sa_handler = HandleSignal;
  handler.sa_flags = SA_RESTART;
  sigemptyset(&handler.sa_mask);
  for (int signal : kSignals) sigaction(signal, &handler, nullptr);
}

void ForgetSignals(const void* owner) {
  absl::MutexLock lock(&TheListener().mutex);
  if (TheListener().owner != owner) return;
  TheListener().owner = nullptr;
  TheListener().action = nullptr;
  for (int signal : kSignals) std::signal(signal, SIG_DFL);
}

}  // namespace internal
}  // namespace baton::inline sdk
