#ifndef BATON_BROKER_BASE_MANUAL_CLOCK_H_
#define BATON_BROKER_BASE_MANUAL_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/clock.h"

namespace baton {

// A clock that stands still until it is turned. Thread-safe.
//
//   ManualClock clock({.wall = 1'700'000'000 * kSecond, .steady = kHour});
//   clock.AdvanceBoth(5 * kSecond);  // time goes by
//   clock.AdvanceWall(-kHour);       // somebody sets the machine's date back
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Now now = {}) : now_(now) {}

  Now Read() const override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }

  void Set(Now now) {
    absl::MutexLock lock(&mutex_);
    now_ = now;
  }

  // Lets time go by on both clocks. `step` must not be negative: the steady clock never goes back.
  void AdvanceBoth(Micros step) {
    absl::MutexLock lock(&mutex_);
    now_.wall += step;
    now_.steady += step;
  }

  // Lets only the wall clock jump, forwards or backwards.
  void AdvanceWall(Micros step) {
    absl::MutexLock lock(&mutex_);
    now_.wall += step;
  }

 private:
  mutable absl::Mutex mutex_;
  Now now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace baton

#endif  // BATON_BROKER_BASE_MANUAL_CLOCK_H_
