// How many tasks of a class were handed out lately.
#ifndef BATON_BROKER_ENGINE_RECENT_CLAIMS_H_
#define BATON_BROKER_ENGINE_RECENT_CLAIMS_H_

#include <algorithm>
#include <cstdint>

#include "broker/base/clock.h"

namespace baton::engine {

// Counts two spans of 30 s, the one that is under way and the one before: a claim costs an addition. Not thread-safe.
class RecentClaims {
 public:
  void Add(SteadyMicros now) {
    Turn(now);
    ++current_;
  }

  // Over the last 30 to 60 s, or since the first one if that was later.
  double PerSecond(SteadyMicros now) {
    Turn(now);
    if (current_ + before_ == 0) return 0;
    const Micros time = now - std::max(first_, begin_ - kSpan);
    return static_cast<double>(current_ + before_) * static_cast<double>(kSecond) /
           static_cast<double>(std::max(time, kSecond));
  }

 private:
  static constexpr Micros kSpan = 30 * kSecond;

  void Turn(SteadyMicros now) {
    if (now - begin_ < kSpan) return;
    const bool next = now - begin_ < 2 * kSpan;
    before_ = next ? current_ : 0;
    if (before_ == 0) first_ = now;
    begin_ = next ? begin_ + kSpan : now;
    current_ = 0;
  }

  SteadyMicros begin_ = -kSpan;  // Of the span that is under way.
  SteadyMicros first_ = 0;       // Nothing was handed out for a while before that.
  uint64_t current_ = 0, before_ = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RECENT_CLAIMS_H_
