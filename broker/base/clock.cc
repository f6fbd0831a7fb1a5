#include "broker/base/clock.h"

#include <ctime>

namespace baton {
namespace {

int64_t ReadMicros(clockid_t clock) {
  timespec reading{};
  clock_gettime(clock, &reading);  // Cannot fail: the clock exists and the address is ours.
  return int64_t{reading.tv_sec} * kSecond + reading.tv_nsec / 1000;
}

}  // namespace

Now SystemClock::Read() const { return {.wall = ReadMicros(CLOCK_REALTIME), .steady = ReadMicros(CLOCK_BOOTTIME)}; }

}  // namespace baton
