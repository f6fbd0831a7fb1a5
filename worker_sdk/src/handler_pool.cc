#include "worker_sdk/src/handler_pool.h"

#include <deque>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace baton::inline sdk {
namespace internal {

void StartDetachedThread(std::function<void()> body) { std::thread(std::move(body)).detach(); }

struct HandlerPool::Shared : std::enable_shared_from_this<HandlerPool::Shared> {
  Shared(int most, RunFunction function, StartFunction starter)
      : run(std::move(function)), start(std::move(starter)), max_threads(most) {}

  // Makes sure that somebody looks at the queue. One wake-up at a time: who wakes up wakes the next one.
  void WakeOneLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (queue.empty() || waking || stopped) return;
    if (idle > 0) {
      waking = true;
      work.Signal();
    } else if (threads < max_threads && !refused) {
      waking = StartOneLocked();
    }
  }

  // Also if the last try was in vain.
  void TryToWakeOneLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    refused = false;
    WakeOneLocked();
  }

  bool StartOneLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    try {
      start([self = shared_from_this()] { self->Loop(); });
    } catch (const std::system_error& error) {
      RefusedLocked(error.what());
      return false;
    }
    ++threads;
    return true;
  }

  void RefusedLocked(const char* why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    refused = true;
    if (std::exchange(complained, true)) return;
    complaint =
        absl::StrCat("the system starts no thread for a handler: ", why, "; ", threads, " of ", max_threads,
                     " are there, and others are started when it allows them: see pids.max, TasksMax, ulimit -u");
  }

  void Loop() {
    mutex.Lock();
    waking = false;
    while (!stopped && threads <= max_threads) {
      if (queue.empty()) {
        ++idle;
        work.Wait(&mutex);
        --idle;
        waking = false;
        continue;
      }
      AttemptPtr attempt = std::move(queue.front());
      queue.pop_front();
      WakeOneLocked();
      mutex.Unlock();
      run(attempt);
      attempt.reset();
      mutex.Lock();
    }
    --threads;
    // Somebody else has to do what this thread might have been woken for.
    WakeOneLocked();
    mutex.Unlock();
  }

  const RunFunction run;
  const StartFunction start;
  absl::Mutex mutex;
  absl::CondVar work;
  std::deque<AttemptPtr> queue ABSL_GUARDED_BY(mutex);
  int max_threads ABSL_GUARDED_BY(mutex);
  int threads ABSL_GUARDED_BY(mutex) = 0;
  int idle ABSL_GUARDED_BY(mutex) = 0;
  // A thread was woken or started and has not looked at the queue yet.
  bool waking ABSL_GUARDED_BY(mutex) = false;
  // The system had no thread left. It is not asked again for each attempt that is taken from the queue.
  bool refused ABSL_GUARDED_BY(mutex) = false;
  bool complained ABSL_GUARDED_BY(mutex) = false;
  std::optional<std::string> complaint ABSL_GUARDED_BY(mutex);
  bool stopped ABSL_GUARDED_BY(mutex) = false;
};

HandlerPool::HandlerPool(int max_threads, RunFunction run, StartFunction start)
    : shared_(std::make_shared<Shared>(max_threads, std::move(run), std::move(start))) {}

HandlerPool::~HandlerPool() { Stop(absl::ZeroDuration()); }

void HandlerPool::SetMaxThreads(int max_threads) {
  absl::MutexLock lock(&shared_->mutex);
  shared_->max_threads = max_threads;
  shared_->work.SignalAll();
  shared_->TryToWakeOneLocked();
}

void HandlerPool::Add(std::vector<AttemptPtr> batch) {
  absl::MutexLock lock(&shared_->mutex);
  for (AttemptPtr& attempt : batch) shared_->queue.push_back(std::move(attempt));
  shared_->TryToWakeOneLocked();
}

std::optional<std::string> HandlerPool::RetryThreads() {
  absl::MutexLock lock(&shared_->mutex);
  shared_->TryToWakeOneLocked();
  return std::exchange(shared_->complaint, std::nullopt);
}

std::vector<AttemptPtr> HandlerPool::Take(const std::function<bool(const Attempt&)>& which) {
  std::vector<AttemptPtr> taken;
  absl::MutexLock lock(&shared_->mutex);
  std::erase_if(shared_->queue, [&](AttemptPtr& attempt) {
    if (!which(*attempt)) return false;
    taken.push_back(attempt);
    return true;
  });
  return taken;
}

bool HandlerPool::Stop(absl::Duration timeout) {
  std::deque<AttemptPtr> forgotten;
  Shared& shared = *shared_;
  absl::MutexLock lock(&shared.mutex);
  shared.stopped = true;
  shared.queue.swap(forgotten);
  shared.work.SignalAll();
  const auto ended = [&shared]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared.mutex) { return shared.threads == 0; };
  return shared.mutex.AwaitWithTimeout(absl::Condition(&ended), timeout);
}

}  // namespace internal
}  // namespace baton::inline sdk
