#ifndef BATON_WORKER_SDK_SCHEDULER_H_
#define BATON_WORKER_SDK_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace baton::inline sdk {
namespace internal {

// The time and a thread of its own: everything that waits asks it, so that tests turn the clock by hand. Thread-safe.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Microseconds of a clock that never jumps.
  virtual int64_t Now() const = 0;
  // Microseconds since the Unix epoch.
  virtual int64_t WallNow() const = 0;
  // Calls `action` once after `delay`, on the scheduler's thread; actions run one after another and must be short.
  // Forgotten by Stop().
  virtual void After(absl::Duration delay, std::function<void()> action) = 0;
  // Ends the thread; waits for the action that runs. Must not be called from an action.
  virtual void Stop() = 0;
};

// The clocks of the machine and one thread, started with the first action.
std::shared_ptr<Scheduler> MakeTimerThread();

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_SCHEDULER_H_
