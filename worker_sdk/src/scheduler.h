#ifndef BATON_WORKER_SDK_SCHEDULER_H_
#define BATON_WORKER_SDK_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "worker_sdk/src/event.h"

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

  // Waits until `event` has happened, for at most `timeout` by this clock; returns whether it has.
  virtual bool Wait(const Event& event, absl::Duration timeout) {
    return event.WaitForNotificationWithTimeout(timeout);
  }

  // ── For a clock that is turned by hand: it must stand still while handlers are at work ──
  // Held as long as a handler runs or waits for a thread to run on.
  virtual std::shared_ptr<void> BeginWork() { return nullptr; }
  // How many handlers run at the same time, at most.
  virtual void SetHandlerThreads(int /*most*/) {}
};

// The clocks of the machine and one thread, started with the first action.
std::shared_ptr<Scheduler> MakeTimerThread();

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_SCHEDULER_H_
