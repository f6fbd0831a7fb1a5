#ifndef BATON_WORKER_SDK_EVENT_H_
#define BATON_WORKER_SDK_EVENT_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"

namespace baton::inline sdk {
namespace internal {

// Happens once. As absl::Notification, but timeouts go by the steady clock: there, if the wall clock is set back by
// hours while a thread waits, the thread waits for so much longer. Thread-safe.
class Event {
 public:
  void Notify() {
    const std::lock_guard lock(mutex_);
    happened_ = true;
    changed_.notify_all();
  }
  bool HasBeenNotified() const { return happened_; }
  // Whether it happened within `timeout`, or before.
  bool WaitForNotificationWithTimeout(absl::Duration timeout) const {
    // Later points in time have no number.
    const absl::Duration wait = std::clamp(timeout, absl::ZeroDuration(), absl::Hours(24 * 365));
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, absl::ToChronoMicroseconds(wait), [this] { return happened_.load(); });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::atomic<bool> happened_ = false;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_EVENT_H_
