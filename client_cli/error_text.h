// How a failure is told to the person at the terminal.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace baton::cli {

// What failed, why, and what to do next; one or two lines without a final newline. `address` is the broker asked.
std::string DescribeError(const absl::Status& status, absl::string_view address);

}  // namespace baton::cli
