// The error of one item or of a whole call, as people and programs read it.
#ifndef BATON_BROKER_BASE_ERROR_H_
#define BATON_BROKER_BASE_ERROR_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "broker/base/clock.h"

namespace baton {

// `code` kOk means: no error. `reason` is a stable UPPER_SNAKE_CASE word (a literal); `message` names the field, the
// value, the limit and the cure.
struct Error {
  absl::StatusCode code = absl::StatusCode::kOk;
  const char* reason = "";
  std::string message;
  Micros retry_after = 0;

  bool ok() const { return code == absl::StatusCode::kOk; }
};

inline Error InvalidArgument(const char* reason, std::string message) {
  return {absl::StatusCode::kInvalidArgument, reason, std::move(message)};
}
inline Error NotFound(const char* reason, std::string message) {
  return {absl::StatusCode::kNotFound, reason, std::move(message)};
}
inline Error FailedPrecondition(const char* reason, std::string message) {
  return {absl::StatusCode::kFailedPrecondition, reason, std::move(message)};
}
inline Error AlreadyExists(const char* reason, std::string message) {
  return {absl::StatusCode::kAlreadyExists, reason, std::move(message)};
}
inline Error Aborted(const char* reason, std::string message) {
  return {absl::StatusCode::kAborted, reason, std::move(message)};
}
inline Error Unavailable(const char* reason, std::string message) {
  return {absl::StatusCode::kUnavailable, reason, std::move(message)};
}
inline Error ResourceExhausted(const char* reason, std::string message, Micros retry_after) {
  return {absl::StatusCode::kResourceExhausted, reason, std::move(message), retry_after};
}

}  // namespace baton

#endif  // BATON_BROKER_BASE_ERROR_H_
