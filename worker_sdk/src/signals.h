#ifndef BATON_WORKER_SDK_SIGNALS_H_
#define BATON_WORKER_SDK_SIGNALS_H_

#include <functional>

namespace baton::inline sdk {
namespace internal {

// Calls `action` on a thread of its own when SIGINT or SIGTERM comes; the next one of either has its default effect.
// One owner per process: a later one takes over. Thread-safe.
void OnSignals(const void* owner, std::function<void()> action);
// Gives signals their default effect again if `owner` is the present one.
void ForgetSignals(const void* owner);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_SIGNALS_H_
