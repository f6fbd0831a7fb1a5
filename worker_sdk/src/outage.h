#ifndef BATON_WORKER_SDK_OUTAGE_H_
#define BATON_WORKER_SDK_OUTAGE_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {

// Notices that no broker answers a client, by how its calls end. Thread-safe.
class Outage {
 public:
  // A call that began at `begin` has ended at `now`, in steady microseconds. Answers once in each outage: for how long
  // nothing has been answered, when that is kOutagePatience at least.
  std::optional<absl::Duration> CallEnded(int64_t begin, int64_t now, const absl::Status& status)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) {
      answered_at_ = now;
      silent_since_.reset();
      is_told_ = false;
      return std::nullopt;
    }
    // A call that hung while others were answered says nothing about the time before.
    if (!silent_since_) silent_since_ = std::max(begin, answered_at_);
    const absl::Duration silence = absl::Microseconds(now - *silent_since_);
    if (is_told_ || silence < kOutagePatience) return std::nullopt;
    is_told_ = true;
    return silence;
  }

 private:
  absl::Mutex mutex_;
  int64_t answered_at_ ABSL_GUARDED_BY(mutex_) = 0;
  // Since when all calls have failed so; nullopt: the last one was answered.
  std::optional<int64_t> silent_since_ ABSL_GUARDED_BY(mutex_);
  bool is_told_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_OUTAGE_H_
