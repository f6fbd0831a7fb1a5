#include "client_cli/top/key.h"

#include "absl/strings/string_view.h"

namespace baton::cli::top {
namespace {

constexpr char kEscape = '\x1b';

Key OfFinal(char final) {
  switch (final) {
    case 'A':
      return kKeyUp;
    case 'B':
      return kKeyDown;
    case 'H':
      return kKeyFirst;
    case 'F':
      return kKeyLast;
    case 'M':
      return kKeyEnter;
    default:
      return kKeyOther;
  }
}

Key OfNumber(absl::string_view number) {
  if (number == "1" || number == "7") return kKeyFirst;
  if (number == "4" || number == "8") return kKeyLast;
  if (number == "5") return kKeyPageUp;
  if (number == "6") return kKeyPageDown;
  return kKeyOther;
}

// Length and key of the sequence at the start of `bytes`, which begins with Esc. Length 0: its end is missing.
size_t Sequence(absl::string_view bytes, Key* key) {
  if (bytes.size() == 1) return 0;
  if (bytes[1] == 'O') {
    if (bytes.size() == 2) return 0;
    *key = OfFinal(bytes[2]);
    return 3;
  }
  if (bytes[1] != '[') {
    *key = kKeyBack;
    return 1;
  }
  size_t end = 2;
  while (end < bytes.size() && bytes[end] >= 0x20 && bytes[end] < 0x40) ++end;
  if (end == bytes.size()) return 0;
  *key = bytes[end] == '~' ? OfNumber(bytes.substr(2, end - 2)) : end == 2 ? OfFinal(bytes[end]) : kKeyOther;
  return end + 1;
}

Key OfByte(char byte) {
  if (byte == '\r' || byte == '\n') return kKeyEnter;
  if (byte == '\x7f' || byte == '\b') return kKeyBack;
  return byte >= 0x20 && byte < 0x7f ? byte : kKeyOther;
}

}  // namespace

std::vector<Key> TakeKeys(std::string& bytes, bool complete) {
  std::vector<Key> keys;
  absl::string_view rest = bytes;
  while (!rest.empty()) {
    Key key = kKeyOther;
    size_t length = 1;
    if (rest[0] != kEscape) {
      key = OfByte(rest[0]);
    } else {
      length = Sequence(rest, &key);
      if (length == 0 && !complete) break;
      if (length == 0) {
        key = rest.size() == 1 ? kKeyBack : kKeyOther;
        length = rest.size();
      }
    }
    keys.push_back(key);
    rest.remove_prefix(length);
  }
  bytes = std::string(rest);
  return keys;
}

}  // namespace baton::cli::top
