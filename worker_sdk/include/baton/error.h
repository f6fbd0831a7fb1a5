// Errors of this library are absl::Status. Those that the broker reports have its machine-readable reason attached.
#ifndef BATON_ERROR_H_
#define BATON_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace baton::inline sdk {

// The broker's reason, stable across versions, e.g. "TASK_EXPIRED" or "UNIQUE_KEY_IN_USE"; empty if there is none.
std::string ErrorReason(const absl::Status& status);

// How long the broker asks to wait before a retry; zero if it gave no advice.
absl::Duration RetryAfter(const absl::Status& status);

}  // namespace baton::inline sdk

#endif  // BATON_ERROR_H_
