#include "client_cli/text/time_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client_cli/text/duration_text.h"

namespace baton::cli {

absl::StatusOr<int64_t> ParseTime(absl::string_view name, absl::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error) || time == absl::InfiniteFuture() ||
      time == absl::InfinitePast()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": \"", text, "\" is not a time; write it with its zone, for example 2026-11-23T17:00:00Z or ",
        "2026-11-23T17:00:00+01:00"));
  }
  return absl::ToUnixMicros(time);
}

absl::StatusOr<int64_t> ParsePastTime(absl::string_view name, absl::string_view text, absl::Time now) {
  if (absl::StrContains(text, ':')) return ParseTime(name, text);
  absl::StatusOr<int64_t> age = ParseDuration(name, text);
  if (age.ok()) return absl::ToUnixMicros(now) - *age;
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": \"", text, "\" is not a time; write how long ago it was, for example 10m, or a time with its zone, ",
      "2026-11-23T17:00:00Z"));
}

std::string FormatUtc(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone()); }

std::string FormatLocal(absl::Time time, absl::Time now, absl::TimeZone zone) {
  std::string local = absl::FormatTime("%Y-%m-%d %H:%M:%S", time, zone);
  int64_t age = absl::ToInt64Microseconds(now - time);
  return age >= 0 ? absl::StrCat(local, " (", FormatRoughDuration(age), " ago)")
                  : absl::StrCat(local, " (in ", FormatRoughDuration(-age), ")");
}

}  // namespace baton::cli
