#ifndef BATON_WORKER_SDK_OUTAGE_H_
#define BATON_WORKER_SDK_OUTAGE_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "baton/error.h"
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
    if (IsAnswer(status)) {
      answered_at_ = now;
      silent_since_.reset();
      is_told_ = false;
      return std::nullopt;
    }
    // A connection that breaks has stood until then. A call that hung had no answer since it began, but while others
    // were answered that says nothing.
    if (!silent_since_) silent_since_ = absl::IsUnavailable(status) ? now : std::max(begin, answered_at_);
    const absl::Duration silence = absl::Microseconds(now - *silent_since_);
    if (is_told_ || silence < kOutagePatience) return std::nullopt;
    is_told_ = true;
    return silence;
  }

 private:
  // Also a refusal, which has a reason: a broker that drains, stops or wants another access token is there.
  static bool IsAnswer(const absl::Status& status) {
    return !ErrorReason(status).empty() || (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status));
  }

  absl::Mutex mutex_;
  int64_t answered_at_ ABSL_GUARDED_BY(mutex_) = 0;
  // Since when all calls have failed so; nullopt: the last one was answered.
  std::optional<int64_t> silent_since_ ABSL_GUARDED_BY(mutex_);
  bool is_told_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_OUTAGE_H_
