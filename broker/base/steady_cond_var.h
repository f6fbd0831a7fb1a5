#ifndef BATON_BROKER_BASE_STEADY_COND_VAR_H_
#define BATON_BROKER_BASE_STEADY_COND_VAR_H_

#include <algorithm>
#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace baton {

// A condition variable for absl::Mutex whose timeouts go by the steady clock. Those of absl::CondVar go by the wall
// clock: if it is set back by hours while a thread waits, the thread waits for so much longer.
class SteadyCondVar {
 public:
  void Wait(absl::Mutex* mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Lock lock{mutex};
    changed_.wait(lock);
  }
  // True if the time was up. Either way the caller looks at what it waits for: it may return early.
  bool WaitWithTimeout(absl::Mutex* mutex, absl::Duration timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Lock lock{mutex};
    const absl::Duration wait = std::clamp(timeout, absl::ZeroDuration(), kLongest);
    return changed_.wait_for(lock, absl::ToChronoMicroseconds(wait)) == std::cv_status::timeout;
  }
  void Signal() { changed_.notify_one(); }
  void SignalAll() { changed_.notify_all(); }

 private:
  // Later points in time have no number.
  static constexpr absl::Duration kLongest = absl::Hours(24 * 365);

  struct Lock {
    absl::Mutex* mutex;
    void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Lock(); }
    void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex->Unlock(); }
  };

  std::condition_variable_any changed_;
};

}  // namespace baton

#endif  // BATON_BROKER_BASE_STEADY_COND_VAR_H_
