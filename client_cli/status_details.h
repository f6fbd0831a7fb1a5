// What a broker's error says beyond code and sentence, carried as payloads of absl::Status.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "baton/v1/error.pb.h"

namespace baton::cli {

// Reason of a wait that this program gave up: the task goes on.
inline constexpr char kWaitTimedOut[] = "WAIT_TIMED_OUT";

// A status with the machine-readable cause and, unless zero, the broker's advice when to try again.
absl::Status MakeStatus(absl::StatusCode code, absl::string_view message, absl::string_view reason,
                        absl::Duration retry_after = absl::ZeroDuration());

// The error of one item of a list.
absl::Status StatusFromError(const v1::Error& error);

// A failed call; `details` is the content of `grpc-status-details-bin`, empty or unreadable details are ignored.
absl::Status StatusFromDetails(int code, absl::string_view message, absl::string_view details);

// Empty when the status carries none.
std::string ReasonOf(const absl::Status& status);

// Zero when the status carries no advice.
absl::Duration RetryAfterOf(const absl::Status& status);

}  // namespace baton::cli
