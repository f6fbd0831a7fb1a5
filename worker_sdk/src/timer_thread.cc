#include <queue>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker_sdk/src/scheduler.h"
#include "worker_sdk/src/system_clock.h"

namespace baton::inline sdk {
namespace internal {
namespace {

struct Timer {
  int64_t due;
  uint64_t order;
  std::function<void()> action;

  // For a queue with the soonest on top; equal ones in the order they were set.
  bool operator<(const Timer& other) const { return due != other.due ? due > other.due : order > other.order; }
};

class TimerThread final : public Scheduler {
 public:
  ~TimerThread() override { Stop(); }

  int64_t Now() const override { return SteadyMicros(); }
  int64_t WallNow() const override { return WallMicros(); }

  void After(absl::Duration delay, std::function<void()> action) override {
    const int64_t due = Now() + absl::ToInt64Microseconds(delay);
    absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
    const bool soonest = timers_.empty() || due < timers_.top().due;
    timers_.push({due, next_order_++, std::move(action)});
    if (soonest) changed_.Signal();
  }

  void Stop() override {
    std::thread thread;
    {
      absl::MutexLock lock(&mutex_);
      stopped_ = true;
      changed_.Signal();
      thread.swap(thread_);
    }
    if (thread.joinable()) thread.join();
    // The actions may own what owns this object: let go of them outside the lock.
    std::priority_queue<Timer> forgotten;
    absl::MutexLock lock(&mutex_);
    forgotten.swap(timers_);
  }

 private:
  void Loop() {
    mutex_.Lock();
    while (!stopped_) {
      if (timers_.empty()) {
        changed_.Wait(&mutex_);
        continue;
      }
      const int64_t wait = timers_.top().due - Now();
      if (wait > 0) {
        changed_.WaitWithTimeout(&mutex_, absl::Microseconds(wait));
        continue;
      }
      std::function<void()> action = std::move(const_cast<Timer&>(timers_.top()).action);
      timers_.pop();
      mutex_.Unlock();
      action();
      action = nullptr;
      mutex_.Lock();
    }
    mutex_.Unlock();
  }

  absl::Mutex mutex_;
  absl::CondVar changed_;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
  std::priority_queue<Timer> timers_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_order_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::shared_ptr<Scheduler> MakeTimerThread() { return std::make_shared<TimerThread>(); }

}  // namespace internal
}  // namespace baton::inline sdk
