#include "tests/fuzz/input.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace baton::fuzz {

uint8_t Input::Byte() {
  if (rest_.empty()) return 0;
  const auto byte = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

uint64_t Input::Number() {
  constexpr uint64_t kEdges[] = {0,
                                 1,
                                 std::numeric_limits<int32_t>::max(),
                                 uint64_t{1} << 31,
                                 std::numeric_limits<uint32_t>::max(),
                                 std::numeric_limits<int64_t>::max(),
                                 uint64_t{1} << 63,
                                 std::numeric_limits<uint64_t>::max()};
  const uint8_t kind = Byte();
  if (kind < 128) return kind;
  if (kind < 136) return kEdges[kind - 128];
  const bool negative = kind % 2 != 0;
  uint64_t number = 0;
  for (int i = 0; i <= kind / 2 % 8; ++i) number = number << 8 | Byte();
  return negative ? 0 - number : number;
}

size_t Input::Below(size_t limit) {
  const size_t number = limit <= 256 ? Byte() : size_t{Byte()} << 8 | Byte();
  return number % limit;
}

absl::string_view Input::Bytes(size_t limit) {
  const size_t size = std::min({Below(limit + 1), rest_.size()});
  const absl::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

absl::string_view Input::Rest() { return std::exchange(rest_, {}); }

std::string Plain(absl::string_view bytes) {
  std::string text(bytes);
  for (char& c : text) c = static_cast<char>(0x20 + static_cast<uint8_t>(c) % 0x5F);
  return text;
}

}  // namespace baton::fuzz
