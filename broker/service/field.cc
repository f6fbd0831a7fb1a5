#include "broker/service/field.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace baton::service {
namespace {

constexpr std::array<bool, 256> kNameBytesAllowed = [] {
  std::array<bool, 256> allowed{};
  for (int c = 'a'; c <= 'z'; ++c) allowed[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) allowed[c] = true;
  for (int c = '0'; c <= '9'; ++c) allowed[c] = true;
  for (const char c : {'_', '.', ':', '/', '-'}) allowed[static_cast<uint8_t>(c)] = true;
  return allowed;
}();

Error Required(const Field& field) {
  return InvalidArgument("FIELD_REQUIRED", absl::StrCat(field.Path(), " is required and empty: set it"));
}

Error TooLong(const Field& field, size_t size, size_t limit) {
  return InvalidArgument("FIELD_TOO_LONG", absl::StrCat(field.Path(), " has ", size, " bytes, at most ", limit,
                                                        " are allowed: shorten it"));
}

}  // namespace

std::string Field::Path() const {
  std::string path = parent_ != nullptr ? absl::StrCat(parent_->Path(), ".", name_) : name_;
  if (index_ >= 0) absl::StrAppend(&path, "[", index_, "]");
  return path;
}

Error CheckName(const Field& field, absl::string_view value, Presence presence, size_t limit) {
  if (Error error = CheckLength(field, value, presence, limit); !error.ok()) return error;
  for (const char c : value) {
    if (kNameBytesAllowed[static_cast<uint8_t>(c)]) continue;
    return InvalidArgument(
        "BAD_NAME", absl::StrCat(field.Path(), " is ", Quoted(value), ", which contains ",
                                 Quoted(absl::string_view(&c, 1)), ": only letters, digits and _ . : / - are allowed"));
  }
  return {};
}

Error CheckLength(const Field& field, absl::string_view value, Presence presence, size_t limit) {
  if (value.empty() && presence == Presence::kRequired) return Required(field);
  if (value.size() > limit) return TooLong(field, value.size(), limit);
  return {};
}

Error CheckText(const Field& field, absl::string_view value, Presence presence, size_t limit) {
  if (presence == Presence::kRequired && absl::StripAsciiWhitespace(value).empty()) return Required(field);
  return CheckLength(field, value, Presence::kOptional, limit);
}

Error CheckRange(const Field& field, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return {};
  return InvalidArgument("OUT_OF_RANGE", absl::StrCat(field.Path(), " is ", value, ", allowed are ", low, " to ", high,
                                                      ": choose a value in that range"));
}

Error CheckDuration(const Field& field, Micros value, Micros low, Micros high) {
  if (value >= low && value <= high) return {};
  return InvalidArgument("OUT_OF_RANGE",
                         absl::StrCat(field.Path(), " is ", value, " (", ExactDuration(value), "), allowed are ", low,
                                      " to ", high, " microseconds (", ExactDuration(low), " to ", ExactDuration(high),
                                      "): choose a value in that range"));
}

Error CheckId(const Field& field, uint64_t id, const char* cure) {
  if (id != 0) return {};
  return InvalidArgument("FIELD_REQUIRED", absl::StrCat(field.Path(), " is required and 0: ", cure));
}

Error CheckCount(const Field& field, size_t count, size_t limit, const char* cure) {
  if (count <= limit) return {};
  return InvalidArgument("TOO_MANY_ITEMS",
                         absl::StrCat(field.Path(), " has ", count, " items, at most ", limit, " are allowed: ", cure));
}

Error CheckMetadata(const Field& field, const std::string& json, size_t limit) {
  if (json.empty()) return {};
  if (Error error = CheckLength(field, json, Presence::kOptional, limit); !error.ok()) return error;
  if (Error error = CheckJson(field, json); !error.ok()) return error;
  if (absl::StripLeadingAsciiWhitespace(json).front() != '{') {
    return InvalidArgument("MALFORMED_JSON", absl::StrCat(field.Path(), " is ", Quoted(json),
                                                          ", which is not a JSON object: put the value in {…}"));
  }
  return {};
}

Error CheckJson(const Field& field, const std::string& json) {
  if (nlohmann::json::accept(json)) return {};
  return InvalidArgument("MALFORMED_JSON",
                         absl::StrCat(field.Path(), " is ", Quoted(json),
                                      ", which is not well-formed JSON: correct it, or send it as bytes in `data`"));
}

std::string Quoted(absl::string_view value) {
  constexpr size_t kShown = 64;
  const bool cut = value.size() > kShown;
  return absl::StrCat("'", absl::CHexEscape(value.substr(0, kShown)), cut ? "…'" : "'");
}

std::string ExactDuration(Micros value) {
  struct Unit {
    Micros size;
    const char* name;
  };
  for (const Unit& unit :
       {Unit{kDay, "d"}, Unit{kHour, "h"}, Unit{kMinute, "m"}, Unit{kSecond, "s"}, Unit{kMillisecond, "ms"}}) {
    if (value != 0 && value % unit.size == 0) return absl::StrCat(value / unit.size, unit.name);
  }
  return value == 0 ? "0s" : absl::StrCat(value, "us");
}

std::string CutText(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return std::string(text);
  const std::string mark = absl::StrCat("… [cut, ", text.size(), " bytes in all]");
  size_t keep = limit > mark.size() ? limit - mark.size() : 0;
  while (keep > 0 && (static_cast<uint8_t>(text[keep]) & 0xC0) == 0x80) --keep;  // Not inside a UTF-8 character.
  return absl::StrCat(text.substr(0, keep), mark);
}

}  // namespace baton::service
