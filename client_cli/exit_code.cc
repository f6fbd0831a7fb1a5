#include "client_cli/exit_code.h"

#include "absl/strings/match.h"

namespace baton::cli {

const char kExitCodeHelp[] =
    "Exit codes:\n"
    "  0  done\n"
    "  1  the task ended without completing (submit --wait, wait, result); doctor found something\n"
    "  2  the command line or its input cannot be used\n"
    "  3  no such task\n"
    "  4  refused, because of the task's state or of its unique key\n"
    "  5  the broker cannot be reached or is overloaded\n"
    "  6  the time given passed, for the task or for the broker's answer\n"
    "  7  anything else\n";

namespace {

// gRPC itself refuses a message over the receiver's limit, with the code of an overload; waiting does not cure it.
bool IsMessageTooLarge(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "larger than max");
}

}  // namespace

ExitCode ExitCodeFor(const absl::Status& status) {
  if (IsMessageTooLarge(status)) return ExitCode::kBadInput;
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return ExitCode::kBadInput;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return ExitCode::kRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
      return ExitCode::kUnavailable;
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kTimedOut;
    default:
      return ExitCode::kOther;
  }
}

}  // namespace baton::cli
