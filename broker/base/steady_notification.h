#ifndef BATON_BROKER_BASE_STEADY_NOTIFICATION_H_
#define BATON_BROKER_BASE_STEADY_NOTIFICATION_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"
#include "broker/base/steady_cond_var.h"

namespace baton {

// Happens once. As absl::Notification, but a wait lasts as long as it says, whatever the wall clock does meanwhile (see
// SteadyCondVar). Thread-safe; whoever was told may destroy it.
class SteadyNotification {
 public:
  void Notify() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    notified_ = true;
    changed_.SignalAll();
  }

  bool HasBeenNotified() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return notified_;
  }

  // Whether it was notified, before or within `time`.
  bool WaitFor(Micros time) ABSL_LOCKS_EXCLUDED(mu_) {
    const SystemClock clock{};
    const SteadyMicros deadline = clock.Read().steady + time;
    absl::MutexLock lock(&mu_);
    while (!notified_) {
      const Micros rest = deadline - clock.Read().steady;
      if (rest <= 0) break;
      changed_.WaitWithTimeout(&mu_, absl::Microseconds(rest));
    }
    return notified_;
  }

 private:
  mutable absl::Mutex mu_;
  SteadyCondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace baton

#endif  // BATON_BROKER_BASE_STEADY_NOTIFICATION_H_
