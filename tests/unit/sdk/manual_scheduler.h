#ifndef BATON_TESTS_UNIT_SDK_MANUAL_SCHEDULER_H_
#define BATON_TESTS_UNIT_SDK_MANUAL_SCHEDULER_H_

#include <functional>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "worker_sdk/src/scheduler.h"

namespace baton::inline sdk {
namespace internal {

// Time stands still until Advance(), which runs what falls due on the caller's thread, in the order of its time.
class ManualScheduler final : public Scheduler {
 public:
  int64_t Now() const override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }
  int64_t WallNow() const override { return Now() + kWallOffset; }

  void After(absl::Duration delay, std::function<void()> action) override {
    absl::MutexLock lock(&mutex_);
    if (!stopped_) actions_.emplace(now_ + absl::ToInt64Microseconds(delay), std::move(action));
  }

  void Stop() override {
    std::multimap<int64_t, std::function<void()>> forgotten;
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    actions_.swap(forgotten);
  }

  void Advance(absl::Duration step) {
    const int64_t end = Now() + absl::ToInt64Microseconds(step);
    // Far more than there is to do: one that has itself called again and again at the same instant is not to hang.
    int left = 100'000;
    while (std::function<void()> action = TakeDue(end)) {
      if (--left == 0) {
        ADD_FAILURE() << "actions without end at one instant";
        break;
      }
      action();
    }
    absl::MutexLock lock(&mutex_);
    now_ = end;
  }

 private:
  static constexpr int64_t kWallOffset = 1'700'000'000'000'000;

  std::function<void()> TakeDue(int64_t end) {
    absl::MutexLock lock(&mutex_);
    if (actions_.empty() || actions_.begin()->first > end) return nullptr;
    now_ = std::max(now_, actions_.begin()->first);
    std::function<void()> action = std::move(actions_.begin()->second);
    actions_.erase(actions_.begin());
    return action;
  }

  mutable absl::Mutex mutex_;
  int64_t now_ ABSL_GUARDED_BY(mutex_) = 1'000'000;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::multimap<int64_t, std::function<void()>> actions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_TESTS_UNIT_SDK_MANUAL_SCHEDULER_H_
