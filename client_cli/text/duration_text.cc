#include "client_cli/text/duration_text.h"

#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace baton::cli {
namespace {

constexpr int64_t kMillisecond = 1000;
constexpr int64_t kSecond = 1000 * kMillisecond;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// More digits than any duration needs, few enough that the arithmetic below cannot overflow 128 bits.
constexpr size_t kMaxDigits = 18;

absl::Status Malformed(absl::string_view name, absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": \"", text, "\" is not a duration: ", why, "; write for example 500ms, 3s, 5m, 2h, 1d"));
}

// 0 for an unknown unit.
int64_t UnitMicroseconds(absl::string_view unit) {
  if (unit == "us") return 1;
  if (unit == "ms") return kMillisecond;
  if (unit == "s") return kSecond;
  if (unit == "m") return kMinute;
  if (unit == "h") return kHour;
  if (unit == "d") return kDay;
  return 0;
}

template <class Predicate>
absl::string_view TakeWhile(absl::string_view& text, Predicate predicate) {
  size_t length = 0;
  while (length < text.size() && predicate(static_cast<unsigned char>(text[length]))) ++length;
  absl::string_view taken = text.substr(0, length);
  text.remove_prefix(length);
  return taken;
}

absl::uint128 Value(absl::string_view digits) {
  absl::uint128 value = 0;
  for (char digit : digits) value = value * 10 + static_cast<unsigned>(digit - '0');
  return value;
}

// "1.50" for 1 second and 500,000 microseconds gives "1.5".
std::string Decimal(int64_t value, int64_t unit, int places) {
  std::string text = absl::StrFormat("%d.%0*d", value / unit, places, value % unit);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

absl::StatusOr<int64_t> ParseDuration(absl::string_view name, absl::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return Malformed(name, text, "it is empty");
  absl::uint128 total = 0;
  absl::string_view rest = text;
  while (!rest.empty()) {
    absl::string_view whole = TakeWhile(rest, absl::ascii_isdigit);
    absl::string_view fraction;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      fraction = TakeWhile(rest, absl::ascii_isdigit);
    }
    if (whole.empty() && fraction.empty()) return Malformed(name, text, "a number is missing");
    if (whole.size() > kMaxDigits || fraction.size() > kMaxDigits) return Malformed(name, text, "too many digits");
    absl::string_view unit_name = TakeWhile(rest, absl::ascii_isalpha);
    if (unit_name.empty()) return Malformed(name, text, "a unit is missing");
    int64_t unit = UnitMicroseconds(unit_name);
    if (unit == 0) return Malformed(name, text, absl::StrCat("unknown unit \"", unit_name, "\""));
    absl::uint128 scale = 1;
    for (size_t i = 0; i < fraction.size(); ++i) scale *= 10;
    total += Value(whole) * static_cast<uint64_t>(unit) + Value(fraction) * static_cast<uint64_t>(unit) / scale;
    if (total > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Malformed(name, text, "it is too long");
    }
  }
  return static_cast<int64_t>(absl::Uint128Low64(total));
}

std::string FormatDuration(int64_t microseconds) {
  if (microseconds == 0) return "0s";
  if (microseconds == std::numeric_limits<int64_t>::min()) ++microseconds;
  if (microseconds < 0) return absl::StrCat("-", FormatDuration(-microseconds));
  if (microseconds < kMillisecond) return absl::StrCat(microseconds, "us");
  if (microseconds < kSecond) return absl::StrCat(Decimal(microseconds, kMillisecond, 3), "ms");
  std::string text;
  if (microseconds >= kDay) absl::StrAppend(&text, microseconds / kDay, "d");
  microseconds %= kDay;
  if (microseconds >= kHour) absl::StrAppend(&text, microseconds / kHour, "h");
  microseconds %= kHour;
  if (microseconds >= kMinute) absl::StrAppend(&text, microseconds / kMinute, "m");
  microseconds %= kMinute;
  if (microseconds > 0) absl::StrAppend(&text, Decimal(microseconds, kSecond, 6), "s");
  return text;
}

std::string FormatRoughDuration(int64_t microseconds) {
  if (microseconds < kSecond) return absl::StrCat(microseconds / kMillisecond, "ms");
  if (microseconds < 10 * kSecond) return absl::StrCat(Decimal(microseconds / (kSecond / 10), 10, 1), "s");
  // Cut to the second of the two parts shown.
  int64_t step = microseconds < kHour ? kSecond : microseconds < kDay ? kMinute : kHour;
  return FormatDuration(microseconds - microseconds % step);
}

std::string FormatRoughDuration(absl::Duration duration) {
  return FormatRoughDuration(absl::ToInt64Microseconds(duration));
}

}  // namespace baton::cli
