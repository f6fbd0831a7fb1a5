#include "client_cli/text/json_text.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client_cli/text/style.h"

namespace baton::cli {
namespace {

constexpr size_t kMaxDepth = 200;

// Follows the parser without keeping anything but the depth and the first error.
class Checker : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return Enter(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return Leave(); }
  bool start_array(std::size_t) override { return Enter(); }
  bool end_array() override { return Leave(); }
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& error) override {
    position_ = position;
    last_token_ = last_token;
    message_ = error.what();
    return false;
  }

  size_t deepest() const { return deepest_; }
  // Bytes read when the error was found, from 1.
  size_t position() const { return position_; }
  const std::string& last_token() const { return last_token_; }
  const std::string& message() const { return message_; }

 private:
  bool Enter() {
    deepest_ = std::max(deepest_, ++depth_);
    return true;
  }
  bool Leave() {
    --depth_;
    return true;
  }

  size_t depth_ = 0;
  size_t deepest_ = 0;
  size_t position_ = 0;
  std::string last_token_;
  std::string message_;
};

bool Parse(absl::string_view text, Checker& checker) {
  return nlohmann::json::sax_parse(text.begin(), text.end(), &checker);
}

// "line 2, column 5" of the byte at `position`, which counts from 1.
std::string Place(absl::string_view text, size_t position, size_t first_line) {
  absl::string_view before = text.substr(0, std::min(text.size(), position == 0 ? 0 : position - 1));
  size_t newline = before.rfind('\n');
  size_t column = newline == absl::string_view::npos ? before.size() + 1 : before.size() - newline;
  return absl::StrCat("line ", first_line + std::count(before.begin(), before.end(), '\n'), ", column ", column);
}

// The parser's sentence without its number and place: "[json.exception.parse_error.101] parse error at line 1,
// column 2: syntax error while parsing value - invalid literal; last read: '{x'" keeps what follows the place.
std::string Cause(absl::string_view message) {
  size_t bracket = message.find("] ");
  if (bracket != absl::string_view::npos) message.remove_prefix(bracket + 2);
  size_t place = message.find(": ");
  if (message.substr(0, 11) == "parse error" && place != absl::string_view::npos) message.remove_prefix(place + 2);
  return Printable(message);
}

}  // namespace

absl::Status CheckJson(absl::string_view source, absl::string_view text, size_t first_line) {
  Checker checker;
  if (Parse(text, checker)) return absl::OkStatus();
  if (text.find_first_not_of(" \t\r\n") == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(source, ": it is empty, which is not JSON; leave the option out, ", "or write null, {} or \"\""));
  }
  return absl::InvalidArgumentError(absl::StrCat(source, ": not well-formed JSON at ",
                                                 Place(text, checker.position(), first_line), ": ",
                                                 Cause(checker.message()), ". For data that is not JSON use --data."));
}

std::optional<Json> ParseJson(absl::string_view text) {
  Checker checker;
  if (!Parse(text, checker) || checker.deepest() > kMaxDepth) return std::nullopt;
  Json value = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

namespace {

// The code point of what steers some terminals or turns the direction of text, and which the library leaves as it is,
// at the start of `text`; 0: something else. Of these DEL has one byte, C1 controls have two, the others three.
unsigned HarmfulAt(absl::string_view text) {
  const auto byte = [&](size_t i) -> unsigned { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  if (byte(0) == 0x7F) return 0x7F;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0) return byte(1);
  const unsigned code = byte(0) == 0xE2 ? 0x2000 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F) : 0;
  const bool turns = (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return turns ? code : 0;
}

// Such characters are in no other place of JSON than texts.
std::string EscapeJsonControls(const std::string& json) {
  constexpr char kFirstBytes[] = "\x7F\xC2\xE2";
  std::string safe;
  safe.reserve(json.size());
  size_t copied = 0;
  for (size_t at = json.find_first_of(kFirstBytes); at != std::string::npos;
       at = json.find_first_of(kFirstBytes, at + 1)) {
    const unsigned code = HarmfulAt(absl::string_view(json).substr(at, 3));
    if (code == 0) continue;
    safe.append(json, copied, at - copied);
    absl::StrAppendFormat(&safe, "\\u%04x", code);
    copied = at + (code < 0x80 ? 1 : code < 0x800 ? 2 : 3);
  }
  return safe.append(json, copied);
}

std::string Dump(const Json& value, int indent) {
  return EscapeJsonControls(value.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace));
}

}  // namespace

std::string CompactJson(const Json& value) { return Dump(value, -1); }

std::string PrettyJson(const Json& value) { return Dump(value, 2); }

}  // namespace baton::cli
