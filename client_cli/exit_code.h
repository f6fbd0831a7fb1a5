// What the process `baton` ends with. Scripts rely on the numbers: they never change.
#pragma once

#include "absl/status/status.h"

namespace baton::cli {

enum class ExitCode {
  kOk = 0,
  // The task ended without completing: PERMANENTLY_FAILED or CANCELLED.
  kTaskDidNotComplete = 1,
  // doctor found something. The same number: what was looked at is not as it should be.
  kFinding = 1,
  // The command line or its input cannot be used as meant.
  kBadInput = 2,
  kNotFound = 3,
  // The state of the task, or of another task with the same unique key, does not allow it.
  kRefused = 4,
  // The broker cannot be reached, is starting, draining or overloaded.
  kUnavailable = 5,
  // The time given passed, for the task to end or for the broker to answer.
  kTimedOut = 6,
  kOther = 7,
};

// The exit code for a failed call, or for OK.
ExitCode ExitCodeFor(const absl::Status& status);

// The list of exit codes as --help shows it.
extern const char kExitCodeHelp[];

}  // namespace baton::cli
