#include "worker_sdk/src/text.h"

#include <algorithm>
#include <cstdint>

#include "nlohmann/json.hpp"

namespace baton::inline sdk {
namespace internal {
namespace {

constexpr std::string_view kCutMark = " [cut]";

bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// Length of the valid UTF-8 character at the start of `text`, 0 if there is none. `text` is not empty.
size_t CharacterLength(std::string_view text) {
  const uint8_t first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const uint8_t second = static_cast<uint8_t>(text[1]);
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return length;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string CleanText(std::string text, size_t limit) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterLength(std::string_view(text).substr(at));
    if (length == 0) text[at] = '?';
    at += std::max<size_t>(length, 1);
  }
  if (text.size() <= limit) return text;
  size_t keep = limit > kCutMark.size() ? limit - kCutMark.size() : 0;
  while (keep > 0 && IsContinuation(text[keep])) --keep;
  text.resize(keep);
  return text.append(kCutMark.substr(0, limit - keep));
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool IsName(std::string_view text, size_t limit) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ':' || c == '/' || c == '-';
  };
  return !text.empty() && text.size() <= limit && std::all_of(text.begin(), text.end(), legal);
}

bool IsJsonObject(const std::string& text) {
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  // The parser skips a byte order mark, with which the broker does not take it for an object.
  return value.is_object() && Trimmed(text).front() == '{';
}

}  // namespace internal
}  // namespace baton::inline sdk
