#ifndef BATON_TESTS_SIMULATION_TIMELINE_H_
#define BATON_TESTS_SIMULATION_TIMELINE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "broker/base/clock.h"

namespace baton::simulation {

// Virtual time, and all that will happen in it. What is due at the same moment happens in the order in which it was
// planned.
class Timeline {
 public:
  // Since the beginning.
  Micros now() const { return now_; }
  // What the clocks of the broker's machine say.
  Now Read() const { return {kStart + now_ + away_ + jumped_, steady_ + now_}; }
  // Somebody sets the wall clock: so far from the right time.
  void SetWall(Micros wrong_by) { jumped_ = wrong_by; }
  // The broker's machine starts after it was off for as long: its steady clock begins anew, anywhere.
  void Boot(Micros off, Micros steady) {
    away_ += off;
    steady_ = steady - now_;
  }

  void After(Micros delay, std::function<void()> action) {
    events_.emplace(std::pair(now_ + delay, next_++), std::move(action));
  }

  // Goes to the next event and lets it happen.
  void Step() {
    ++steps_;
    auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    event.mapped()();
  }
  bool empty() const { return events_.empty(); }
  // How much has happened.
  uint64_t steps() const { return steps_; }

 private:
  // 2023-11-14T22:13:20Z.
  static constexpr WallMicros kStart = 1'700'000'000 * kSecond;

  Micros now_ = 0;
  Micros away_ = 0;
  Micros jumped_ = 0;
  Micros steady_ = kHour;
  uint64_t next_ = 0, steps_ = 0;
  std::map<std::pair<Micros, uint64_t>, std::function<void()>> events_;
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_TIMELINE_H_
