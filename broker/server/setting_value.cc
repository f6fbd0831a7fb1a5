#include "broker/server/setting_value.h"

#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "broker/base/utf8.h"
#include "broker/service/field.h"

namespace baton::server {
namespace {

using Kind = Setting::Kind;

struct Unit {
  const char* name;
  double size;
};
// Longest names first, so that "ms" is not read as "s".
constexpr Unit kDurationUnits[] = {{"us", 1},      {"ms", kMillisecond}, {"s", kSecond},
                                   {"m", kMinute}, {"h", kHour},         {"d", kDay}};
constexpr Unit kByteUnits[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}};

template <size_t kCount>
bool ParseWithUnit(absl::string_view text, const Unit (&units)[kCount], double* value) {
  for (const Unit& unit : units) {
    absl::string_view number = text;
    double parsed;
    if (!absl::ConsumeSuffix(&number, unit.name) || !absl::SimpleAtod(number, &parsed)) continue;
    *value = std::round(parsed * unit.size);
    return true;
  }
  return false;
}

std::string BytesText(int64_t bytes) {
  for (const Unit& unit : {kByteUnits[2], kByteUnits[1], kByteUnits[0]}) {
    const auto size = static_cast<int64_t>(unit.size);
    if (bytes != 0 && bytes % size == 0) return absl::StrCat(bytes / size, unit.name);
  }
  return absl::StrCat(bytes, "B");
}

bool IsOther(const Setting& setting, double number) {
  return !setting.other.empty() && number == static_cast<double>(Setting::kOther);
}

std::string IntegerText(const Setting& setting, int64_t number) {
  if (number == 0 && !setting.zero.empty()) return setting.zero;
  if (IsOther(setting, number)) return setting.other;
  if (setting.kind == Kind::kDuration) return service::ExactDuration(number);
  if (setting.kind == Kind::kBytes) return BytesText(number);
  return absl::StrCat(number);
}

// A limit of the setting, which for integers is one.
std::string LimitText(const Setting& setting, double limit) {
  return setting.kind == Kind::kRatio ? ExactNumber(limit) : IntegerText(setting, static_cast<int64_t>(limit));
}

std::string NumberText(const Setting& setting, const Setting::Value& value) {
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return IntegerText(setting, *integer);
  return ExactNumber(std::get<double>(value));
}

// TOML has no escapes for bytes: characters are written as they are, those that cannot be seen by their numbers.
std::string QuotedText(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const bool is_control = static_cast<uint8_t>(c) < 0x20 || c == 0x7F;
    if (c == '"' || c == '\\') quoted += '\\';
    if (is_control) {
      absl::StrAppendFormat(&quoted, "\\u%04X", static_cast<uint8_t>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

const char* SpellingOf(Kind kind) {
  switch (kind) {
    case Kind::kDuration:
      return "a duration, written as a number with us, ms, s, m, h or d, e.g. \"1.5s\"";
    case Kind::kBytes:
      return "a size, written as a number of bytes or with KiB, MiB or GiB, e.g. \"4MiB\"";
    case Kind::kCount:
      return "a whole number";
    case Kind::kRatio:
      return "a number";
    case Kind::kText:
      return "a text";
  }
  return "";
}

double AsNumber(const Setting::Value& value) {
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  return std::get<double>(value);
}

}  // namespace

std::string ExactNumber(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), number).ptr};
}

absl::StatusOr<Setting::Value> ParseValue(const Setting& setting, const std::string& text) {
  double number = 0;
  int64_t integer = 0;
  bool good = true;
  if (!setting.zero.empty() && (text == setting.zero || text == "0")) return Setting::Value(int64_t{0});
  if (!setting.other.empty() && text == setting.other) return Setting::Value(Setting::kOther);
  switch (setting.kind) {
    case Kind::kText:
      return Setting::Value(text);
    case Kind::kRatio:
      if (absl::SimpleAtod(text, &number)) return Setting::Value(number);
      good = false;
      break;
    case Kind::kCount:
      good = absl::SimpleAtoi(text, &integer);
      break;
    case Kind::kBytes:
      good = absl::SimpleAtoi(text, &integer) || ParseWithUnit(text, kByteUnits, &number);
      break;
    case Kind::kDuration:
      good = ParseWithUnit(text, kDurationUnits, &number);
      break;
  }
  const bool is_number = std::abs(number) <= 1e18;  // And "nan" is none.
  if (!good || !is_number) {
    return absl::InvalidArgumentError(absl::StrCat("is '", text, "', which is not ", SpellingOf(setting.kind)));
  }
  return Setting::Value(number != 0 ? static_cast<int64_t>(number) : integer);
}

absl::Status CheckValue(const Setting& setting, const Setting::Value& value) {
  if (setting.kind == Kind::kText) {
    const std::string& text = std::get<std::string>(value);
    if (!IsUtf8(text)) {
      return absl::InvalidArgumentError(
          absl::StrCat("is '", absl::CHexEscape(text), "', which is not UTF-8: rename it"));
    }
    if (setting.check) return setting.check(text);
    for (const std::string& choice : setting.choices) {
      if (choice == text) return absl::OkStatus();
    }
    return setting.choices.empty()
               ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat("is '", text, "', allowed is ", AllowedText(setting)));
  }
  const double number = AsNumber(value);
  if (number >= setting.low && number <= setting.high) return absl::OkStatus();
  if ((number == 0 && !setting.zero.empty()) || IsOther(setting, number)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("is ", NumberText(setting, value), ", allowed is ", AllowedText(setting)));
}

std::string ValueToToml(const Setting& setting, const Setting::Value& value) {
  if (setting.kind == Kind::kText) return QuotedText(std::get<std::string>(value));
  const std::string text = NumberText(setting, value);
  if (setting.kind == Kind::kCount) return text;
  if (setting.kind == Kind::kRatio) return text.find_first_of(".e") != std::string::npos ? text : text + ".0";
  return absl::StrCat("\"", text, "\"");
}

std::string AllowedText(const Setting& setting) {
  if (setting.kind == Kind::kText) {
    return setting.choices.empty() ? "" : absl::StrCat("one of ", absl::StrJoin(setting.choices, ", "));
  }
  return absl::StrCat(LimitText(setting, setting.low), " to ", LimitText(setting, setting.high),
                      setting.zero.empty() ? "" : absl::StrCat(", or ", setting.zero),
                      setting.other.empty() ? "" : absl::StrCat(", or ", setting.other));
}

}  // namespace baton::server
