#include "broker/service/field.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/base/utf8.h"
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

// What the parser finds wrong first.
class JsonMistake final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t position, const std::string& last_token, const nlohmann::detail::exception& error) override {
    byte_ = position;
    token_ = last_token;
    is_out_of_range_ = error.id == kNumberOverflow;
    return false;
  }

  // Of the text, from 1, up to which it was read; one more than it has if its end comes too early.
  size_t byte() const { return byte_; }
  // What was read last.
  const std::string& token() const { return token_; }
  // Well-formed, but no number can hold it.
  bool is_out_of_range() const { return is_out_of_range_; }

 private:
  // As nlohmann::json numbers its exceptions.
  static constexpr int kNumberOverflow = 406;

  size_t byte_ = 0;
  std::string token_;
  bool is_out_of_range_ = false;
};

}  // namespace

std::string Field::Path() const {
  std::string path = parent_ != nullptr ? absl::StrCat(parent_->Path(), ".", name_) : name_;
  if (index_ >= 0) absl::StrAppend(&path, "[", index_, "]");
  return path;
}

Error CheckName(const Field& field, absl::string_view value, Presence presence, size_t limit) {
  if (Error error = CheckLength(field, value, presence, limit); !error.ok()) return error;
  for (size_t at = 0; at < value.size(); ++at) {
    if (kNameBytesAllowed[static_cast<uint8_t>(value[at])]) continue;
    const absl::string_view rest = value.substr(at);
    const absl::string_view wrong = rest.substr(0, std::max<size_t>(CharacterLength(rest), 1));
    return InvalidArgument("BAD_NAME",
                           absl::StrCat(field.Path(), " is ", Quoted(value), ", which contains ", Quoted(wrong),
                                        ": only letters, digits and _ . : / - are allowed"));
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

Error CheckDuration(const Field& field, Micros value, Micros low, Micros high, ZeroMeans zero) {
  if (value >= low && value <= high) return {};
  if (value == 0 && zero == ZeroMeans::kNone) return {};
  return InvalidArgument("OUT_OF_RANGE", absl::StrCat(field.Path(), " is ", value, " (", ExactDuration(value),
                                                      "), allowed are ", zero == ZeroMeans::kNone ? "0 (none) or " : "",
                                                      low, " to ", high, " microseconds (", ExactDuration(low), " to ",
                                                      ExactDuration(high), "): choose a value in that range"));
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
  JsonMistake mistake;
  if (nlohmann::json::sax_parse(json, &mistake)) return {};
  const bool is_end = mistake.byte() > json.size();
  const std::string place = absl::StrCat("at byte ", is_end ? json.size() : mistake.byte(), is_end ? ", its end" : "");
  if (mistake.is_out_of_range()) {
    return InvalidArgument("MALFORMED_JSON",
                           absl::StrCat(field.Path(), " has a number out of range, ", Quoted(mistake.token()), " ",
                                        place, ": write it as text, or send all as bytes in `data`"));
  }
  return InvalidArgument("MALFORMED_JSON", absl::StrCat(field.Path(), " is ", Quoted(json),
                                                        ", which is not well-formed JSON ", place,
                                                        ": correct it, or send it as bytes in `data`"));
}

std::string Quoted(absl::string_view value) {
  constexpr size_t kShown = 64;
  const bool cut = value.size() > kShown;
  return absl::StrCat("'", EscapeText(CutUtf8(value, kShown)), cut ? "…'" : "'");
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
  return absl::StrCat(CutUtf8(text, limit > mark.size() ? limit - mark.size() : 0), mark);
}

}  // namespace baton::service
