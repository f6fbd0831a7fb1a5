// What a cron expression means.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "broker/base/status_macros.h"
#include "broker/engine/schedules/cron.h"

namespace baton::engine {
namespace {

constexpr size_t kLongest = 256;

struct Shorthand {
  absl::string_view name, expression;
};
constexpr Shorthand kShorthands[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

template <typename... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

absl::Status RefuseSpecials(absl::string_view text) {
  const size_t at = text.find_first_of("?#");
  if (at != absl::string_view::npos) {
    return Bad("'", text.substr(at, 1), "' is not supported in '", text, "': ",
               text[at] == '?' ? "write * for any day" : "name the days, or nL for the last such day of the month");
  }
  return absl::OkStatus();
}

}  // namespace

struct CronExpression::Field {
  const char* name;
  int low, high;
  // Three letters each, from `low` on; empty: none.
  absl::string_view names;
};

const CronExpression::Field CronExpression::kFields[kFieldCount] = {
    {"second", 0, 59, ""},
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of month", 1, 31, ""},
    {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    {"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
};

absl::StatusOr<CronExpression> CronExpression::Parse(absl::string_view text) {
  if (text.size() > kLongest) return Bad("it has ", text.size(), " bytes, at most ", kLongest, " are allowed");
  absl::string_view expression = absl::StripAsciiWhitespace(text);
  if (!expression.empty() && expression.front() == '@') {
    const auto* found = std::find_if(std::begin(kShorthands), std::end(kShorthands), [&](const Shorthand& shorthand) {
      return shorthand.name == absl::AsciiStrToLower(expression);
    });
    if (found == std::end(kShorthands)) {
      return Bad("'", expression, "' is not known: there are @yearly, @monthly, @weekly, @daily and @hourly");
    }
    expression = found->expression;
  }
  const std::vector<absl::string_view> parts =
      absl::StrSplit(expression, absl::ByAnyChar(" \t\r\n\v\f"), absl::SkipEmpty());
  if (parts.size() != 5 && parts.size() != 6) {
    return Bad("it has ", parts.size(), " fields: write five (minute hour day-of-month month day-of-week), six (with ",
               "the second in front), or @daily and its like");
  }
  CronExpression cron;
  const int first = parts.size() == 5 ? kMinutes : kSeconds;
  if (first == kMinutes) cron.sets_[kSeconds] = 1;
  for (size_t i = 0; i < parts.size(); ++i) {
    RETURN_IF_ERROR(cron.ParseField(first + static_cast<int>(i), parts[i]));
  }
  // Sunday has two numbers.
  if (cron.Has(kWeekdays, 7)) cron.sets_[kWeekdays] |= 1;
  cron.sets_[kWeekdays] &= 0x7f;
  RETURN_IF_ERROR(cron.CheckSatisfiable(expression));
  return cron;
}

absl::Status CronExpression::ParseField(int index, absl::string_view text) {
  RETURN_IF_ERROR(RefuseSpecials(text));
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    if (item.empty()) return Bad("the ", kFields[index].name, " '", text, "' has an empty place in its list");
    RETURN_IF_ERROR(ParseItem(index, item));
  }
  return absl::OkStatus();
}

namespace {

// A number, or one of the three-letter names.
absl::StatusOr<int> ParseValue(absl::string_view text, const char* field, int low, int high, absl::string_view names) {
  const std::string upper = absl::AsciiStrToUpper(text);
  if (upper.size() == 3) {
    const size_t at = names.find(upper);
    if (at != absl::string_view::npos && at % 3 == 0) return low + static_cast<int>(at / 3);
  }
  const bool digits = !text.empty() && text.size() <= 4 && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  int value = 0;
  if (!digits || !absl::SimpleAtoi(text, &value)) {
    return Bad("the ", field, " '", text, "' is not a number", names.empty() ? "" : " or a three-letter name");
  }
  if (value >= low && value <= high) return value;
  return Bad("the ", field, " ", value, " is outside ", low, " to ", high);
}

}  // namespace

absl::Status CronExpression::ParseItem(int index, absl::string_view text) {
  const Field& field = kFields[index];
  const auto value = [&](absl::string_view part) {
    return ParseValue(part, field.name, field.low, field.high, field.names);
  };
  const bool days = index == kDays || index == kWeekdays;
  const char last = absl::ascii_toupper(text.back());
  if (days && last == 'W' && text.size() <= 3) {
    return Bad("'W' is not supported in the ", field.name, " '", text, "': name the days");
  }
  if (index == kDays && absl::EqualsIgnoreCase(text, "L")) {
    last_day_ = true;
    return absl::OkStatus();
  }
  if (index == kWeekdays && last == 'L') {
    if (text.size() == 1) return Bad("the day of week 'L' does not say which: write 5L or FRIL for the last Friday");
    ASSIGN_OR_RETURN(const int weekday, value(text.substr(0, text.size() - 1)));
    last_weekdays_ |= static_cast<uint8_t>(1 << weekday % 7);
    return absl::OkStatus();
  }
  const std::vector<absl::string_view> halves = absl::StrSplit(text, '/');
  if (halves.size() > 2) return Bad("the ", field.name, " '", text, "' has more than one step");
  int step = 1;
  if (halves.size() == 2) {
    const bool digits = !halves[1].empty() && std::all_of(halves[1].begin(), halves[1].end(), absl::ascii_isdigit);
    if (!digits || !absl::SimpleAtoi(halves[1], &step) || step < 1) {
      return Bad("the ", field.name, " '", text, "' needs a step of at least 1 after the '/'");
    }
  }
  int low = field.low;
  int high = index == kWeekdays ? 6 : field.high;
  if (halves[0] != "*") {
    const std::vector<absl::string_view> ends = absl::StrSplit(halves[0], absl::MaxSplits('-', 1));
    ASSIGN_OR_RETURN(low, value(ends[0]));
    if (ends.size() == 2) {
      ASSIGN_OR_RETURN(high, value(ends[1]));
      // FRI-SUN: Sunday ends the week here.
      if (index == kWeekdays && high == 0 && low > 0) high = 7;
      if (low > high) return Bad("the ", field.name, " '", text, "' ends before it begins: write two ranges");
    } else if (halves.size() == 1) {
      high = low;
    } else {
      high = std::max(low, high);  // 7/2 is Sunday alone.
    }
  }
  for (int at = low; at <= high; at += std::min(step, 64)) sets_[index] |= uint64_t{1} << at;
  return absl::OkStatus();
}

bool CronExpression::CoversAll(int index) const {
  const int high = index == kWeekdays ? 6 : kFields[index].high;
  for (int value = kFields[index].low; value <= high; ++value) {
    if (!Has(index, value)) return false;
  }
  return true;
}

absl::Status CronExpression::CheckSatisfiable(absl::string_view text) const {
  if (!CoversAll(kWeekdays) || last_day_) return absl::OkStatus();
  // Of a leap year.
  constexpr int kLengths[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month) {
    for (int day = 1; day <= kLengths[month] && Has(kMonths, month); ++day) {
      if (Has(kDays, day)) return absl::OkStatus();
    }
  }
  return Bad("'", text, "' is never due: no month that it names has such a day");
}

namespace {

// Asked first, because absl remembers for ever which names it did not find.
bool IsInDatabase(absl::string_view name) {
  if (name == "UTC") return true;
  const char* directory = std::getenv("TZDIR");
  if (directory == nullptr || *directory == '\0') directory = "/usr/share/zoneinfo";
  std::error_code error;
  return std::filesystem::is_regular_file(absl::StrCat(directory, "/", name), error);
}

}  // namespace

absl::StatusOr<absl::TimeZone> FindTimeZone(absl::string_view name) {
  // Names of the database only: no paths, and nothing that depends on how the machine is set up.
  const bool spelt = !name.empty() && name.size() <= 64 && name.front() != '/' &&
                     name.find("..") == absl::string_view::npos && name != "localtime" &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return absl::ascii_isalnum(c) || absl::string_view("_+-/").find(c) != absl::string_view::npos;
                     });
  absl::TimeZone zone;
  if (spelt && IsInDatabase(name) && absl::LoadTimeZone(name, &zone)) return zone;
  return Bad("'", name, "' is not a time zone that this machine knows: use a name such as UTC or Europe/Berlin");
}

}  // namespace baton::engine
