#include <chrono>
#include <condition_variable>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

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

// Waits by the steady clock. absl::CondVar does not: with it, a wall clock that is set back by hours would keep beats
// from being sent for as long, and the broker would give the worker up.
class TimerThread final : public Scheduler {
 public:
  ~TimerThread() override { Stop(); }

  int64_t Now() const override { return SteadyMicros(); }
  int64_t WallNow() const override { return WallMicros(); }

  void After(absl::Duration delay, std::function<void()> action) override {
    const int64_t due = Now() + absl::ToInt64Microseconds(delay);
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
    const bool soonest = timers_.empty() || due < timers_.top().due;
    timers_.push({due, next_order_++, std::move(action)});
    if (soonest) changed_.notify_one();
  }

  void Stop() override {
    std::thread thread;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      changed_.notify_one();
      thread.swap(thread_);
    }
    if (thread.joinable()) thread.join();
    // The actions may own what owns this object: let go of them outside the lock.
    std::priority_queue<Timer> forgotten;
    const std::lock_guard lock(mutex_);
    forgotten.swap(timers_);
  }

 private:
  void Loop() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      if (timers_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const int64_t wait = timers_.top().due - Now();
      if (wait > 0) {
        changed_.wait_for(lock, std::chrono::microseconds(wait));
        continue;
      }
      std::function<void()> action = std::move(const_cast<Timer&>(timers_.top()).action);
      timers_.pop();
      lock.unlock();
      action();
      action = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::thread thread_;
  std::priority_queue<Timer> timers_;
  uint64_t next_order_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::shared_ptr<Scheduler> MakeTimerThread() { return std::make_shared<TimerThread>(); }

}  // namespace internal
}  // namespace baton::inline sdk
