#ifndef BATON_WORKER_SDK_SYSTEM_CLOCK_H_
#define BATON_WORKER_SDK_SYSTEM_CLOCK_H_

#include <cstdint>

namespace baton::inline sdk {
namespace internal {

// The clocks of the machine; what can be tested asks its Scheduler instead.

// Microseconds of a clock that never jumps.
int64_t SteadyMicros();
// Microseconds since the Unix epoch.
int64_t WallMicros();

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_SYSTEM_CLOCK_H_
