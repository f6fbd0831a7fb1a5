#ifndef BATON_BROKER_BASE_CLOCK_H_
#define BATON_BROKER_BASE_CLOCK_H_

#include <cstdint>

namespace baton {

// Microseconds since the Unix epoch, by the wall clock: for what people set and see (due times, history). It can jump.
using WallMicros = int64_t;
// Microseconds of a clock that never jumps and has no meaning outside the process: for leases, grace and timeouts.
using SteadyMicros = int64_t;
// A length of time.
using Micros = int64_t;

inline constexpr Micros kMillisecond = 1000;
inline constexpr Micros kSecond = 1000 * kMillisecond;
inline constexpr Micros kMinute = 60 * kSecond;
inline constexpr Micros kHour = 60 * kMinute;
inline constexpr Micros kDay = 24 * kHour;

// One reading of both clocks.
struct Now {
  WallMicros wall = 0;
  SteadyMicros steady = 0;
};

// Thread-safe. Everything that needs the time is given one; tests turn a ManualClock by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now Read() const = 0;
};

// The clocks of the machine. The steady clock goes on while the machine is suspended (CLOCK_BOOTTIME).
class SystemClock final : public Clock {
 public:
  Now Read() const override;
};

}  // namespace baton

#endif  // BATON_BROKER_BASE_CLOCK_H_
