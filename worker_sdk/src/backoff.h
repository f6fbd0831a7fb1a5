#ifndef BATON_WORKER_SDK_BACKOFF_H_
#define BATON_WORKER_SDK_BACKOFF_H_

#include <algorithm>
#include <cstdint>
#include <random>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"

namespace baton::inline sdk {
namespace internal {

// How far apart the tries of something that fails are: doubling, capped, the upper half drawn at random so that many
// workers do not come back in step. Thread-compatible.
class Backoff {
 public:
  Backoff(absl::Duration initial, absl::Duration cap, uint64_t seed) : initial_(initial), cap_(cap), random_(seed) {}

  // The wait before the next try; `at_least`: advice of the broker.
  absl::Duration Next(absl::Duration at_least = absl::ZeroDuration()) {
    const absl::Duration full = std::min(cap_, initial_ * (int64_t{1} << std::min(failures_++, 20)));
    const double share = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
    return std::max(full * share, at_least);
  }
  void Reset() { failures_ = 0; }

 private:
  const absl::Duration initial_;
  const absl::Duration cap_;
  std::minstd_rand random_;
  int failures_ = 0;
};

// gRPC refuses a message over the receiver's limit with the code of an overloaded broker.
inline bool IsOversized(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "larger than max");
}

// The one place that says which failures pass by themselves. A broker that is overloaded, starting, draining, gone or
// slow; INTERNAL and UNKNOWN are what proxies and broken connections look like.
inline bool IsTransient(const absl::Status& status) {
  if (IsOversized(status)) return false;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_BACKOFF_H_
