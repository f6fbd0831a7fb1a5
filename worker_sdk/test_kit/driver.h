#ifndef BATON_WORKER_SDK_TEST_KIT_DRIVER_H_
#define BATON_WORKER_SDK_TEST_KIT_DRIVER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/manual_clock.h"
#include "broker/base/steady_cond_var.h"
#include "worker_sdk/src/event.h"
#include "worker_sdk/src/scheduler.h"

namespace baton::inline sdk {
namespace testing {

// Negative delays are none; there is an end of time, which is far away.
SteadyMicros DueAfter(SteadyMicros now, absl::Duration delay);

// One thread on which a broker in process and everything that belongs to it works, and its clock. What is posted runs
// at once, in order. The clock stands still unless somebody wants time to go by; then it jumps from one thing that is
// due to the next, whenever nothing is left to do and no handler is at work.
//
// Thread-safe.
class Driver : public std::enable_shared_from_this<Driver> {
 public:
  // What is there besides timers. Called on the driver's thread, without a lock.
  struct Machine {
    // Does something that is to be done now; false if there is nothing.
    std::function<bool()> step;
    // Steady instant at which it has something to do.
    std::function<Micros()> next;
    // Nothing is left to do at this instant.
    std::function<void()> idle;
  };
  // `patience`: how long, by the machine's clock, handlers that are at work hold the clock back.
  Driver(Now start, absl::Duration patience) : clock_(start), patience_(patience) {}
  ~Driver() { Stop(); }

  void Start(Machine machine) ABSL_LOCKS_EXCLUDED(mu_);
  // Ends the thread. What waits returns, what was posted is forgotten.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  const Clock& clock() const { return clock_; }
  bool on_thread() const { return std::this_thread::get_id() == thread_id_; }

  // Runs `work` on the driver's thread. False: the driver was stopped.
  bool Post(std::function<void()> work) ABSL_LOCKS_EXCLUDED(mu_);
  // Posts, and waits until it has run or the driver was stopped. Not from the driver's thread.
  void Run(std::function<void()> work) ABSL_LOCKS_EXCLUDED(mu_);

  // Lets time go by until `instant`, or until `done` is true at a moment when nothing else is to be done; returns then.
  // Not from the driver's thread, nor from a handler.
  void PassTime(SteadyMicros instant, std::function<bool()> done = nullptr) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on somebody wants time to go by until `instant`, unless that is dropped before.
  uint64_t WantTime(SteadyMicros instant) ABSL_LOCKS_EXCLUDED(mu_);
  void DropWant(uint64_t want) ABSL_LOCKS_EXCLUDED(mu_);

  // The clock and timers of one worker or client; keeps the driver alive.
  std::shared_ptr<internal::Scheduler> MakeScheduler();

 private:
  class OwnScheduler;
  struct Timer {
    uint64_t owner;
    std::function<void()> action;
  };
  struct Sleeper {
    uint64_t owner;
    const internal::Event* event;
    SteadyMicros due;
    bool awake = false;
  };
  struct Want {
    SteadyMicros until;
    std::function<bool()> done;
    bool met = false;
  };
  // The handlers of one worker.
  struct Handlers {
    int64_t work = 0;
    int64_t threads = 1;
    int64_t asleep = 0;
  };

  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  bool RunPosted() ABSL_LOCKS_EXCLUDED(mu_);
  bool RunTimers() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for handlers that are at work; false if there is something else to do first.
  bool HandlersRest() ABSL_LOCKS_EXCLUDED(mu_);
  bool MeetWants() ABSL_LOCKS_EXCLUDED(mu_);
  bool JumpAhead() ABSL_LOCKS_EXCLUDED(mu_);
  void WakeSleepersLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t BusyLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SteadyMicros Steady() const { return clock_.Read().steady; }

  void After(uint64_t owner, absl::Duration delay, std::function<void()> action) ABSL_LOCKS_EXCLUDED(mu_);
  void Forget(uint64_t owner) ABSL_LOCKS_EXCLUDED(mu_);
  bool Sleep(uint64_t owner, const internal::Event& event, absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);
  void CountWork(uint64_t owner, int change) ABSL_LOCKS_EXCLUDED(mu_);
  void SetThreads(uint64_t owner, int most) ABSL_LOCKS_EXCLUDED(mu_);

  ManualClock clock_;
  const absl::Duration patience_;
  Machine machine_;
  std::thread thread_;
  std::thread::id thread_id_;

  absl::Mutex mu_;
  // Something was posted, or changed.
  SteadyCondVar changed_;
  // Sleepers, wants and posted work that somebody waits for.
  SteadyCondVar told_;
  std::deque<std::function<void()>> posted_ ABSL_GUARDED_BY(mu_);
  // By the instant at which they are due and the order in which they were set.
  std::map<std::pair<SteadyMicros, uint64_t>, Timer> timers_ ABSL_GUARDED_BY(mu_);
  // Whose timer is running; 0: nobody's.
  uint64_t running_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<Sleeper*> sleepers_ ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, std::shared_ptr<Want>> wants_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<uint64_t, Handlers> handlers_ ABSL_GUARDED_BY(mu_);
  // Handlers that were at work for longer than anybody waits.
  int64_t stuck_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t numbers_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace testing
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TEST_KIT_DRIVER_H_
