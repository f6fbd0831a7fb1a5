#include "worker_sdk/src/system_clock.h"

#include <chrono>

namespace baton::inline sdk {
namespace internal {
namespace {

int64_t Micros(std::chrono::nanoseconds since_start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(since_start).count();
}

}  // namespace

int64_t SteadyMicros() { return Micros(std::chrono::steady_clock::now().time_since_epoch()); }
int64_t WallMicros() { return Micros(std::chrono::system_clock::now().time_since_epoch()); }

}  // namespace internal
}  // namespace baton::inline sdk
