// Durations as people write them: 500ms, 3s, 1h30m.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace baton::cli {

// Microseconds of a duration written as numbers with the units us, ms, s, m, h, d, one after another: "1.5s", "1h30m".
// "0" needs no unit; there are no negative durations. `name` is the option or field that an error names.
absl::StatusOr<int64_t> ParseDuration(absl::string_view name, absl::string_view text);

// Exact, in the form that ParseDuration reads; a minus sign in front of a negative one.
std::string FormatDuration(int64_t microseconds);

// Two significant parts for reading at a glance: "412ms", "3.2s", "5m12s", "2h5m", "3d4h".
std::string FormatRoughDuration(int64_t microseconds);
std::string FormatRoughDuration(absl::Duration duration);

}  // namespace baton::cli
