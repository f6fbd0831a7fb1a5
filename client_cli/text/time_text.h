// Points in time: RFC 3339 for programs, local time with the distance from now for people.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace baton::cli {

// Microseconds since the Unix epoch of a time like 2026-11-23T17:00:00Z or 2026-11-23T17:00:00.5+01:00. The zone is
// required. `name` is the option that an error names.
absl::StatusOr<int64_t> ParseTime(absl::string_view name, absl::string_view text);

// The same, or how long before `now` it was, as ParseDuration reads it: "90s", "1h30m".
absl::StatusOr<int64_t> ParsePastTime(absl::string_view name, absl::string_view text, absl::Time now);

// RFC 3339 in UTC, with as many decimals as needed.
std::string FormatUtc(absl::Time time);

// "2026-11-23 17:00:00 (5m ago)" or "… (in 2h)".
std::string FormatLocal(absl::Time time, absl::Time now, absl::TimeZone zone);

}  // namespace baton::cli
