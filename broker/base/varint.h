// Numbers in as few bytes as they need, seven bits each, as Protocol Buffers has them.
#ifndef BATON_BROKER_BASE_VARINT_H_
#define BATON_BROKER_BASE_VARINT_H_

#include <cstddef>
#include <cstdint>

namespace baton {

inline constexpr size_t kMaxVarintBytes = 10;

// Writes at most kMaxVarintBytes; answers where they end.
inline char* WriteVarint(uint64_t value, char* out) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<char>(value | 0x80);
  *out++ = static_cast<char>(value);
  return out;
}

// Of bytes written by WriteVarint; answers where they end.
inline const char* ReadVarint(const char* in, uint64_t* value) {
  *value = 0;
  for (int shift = 0;; shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(*in++);
    *value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return in;
  }
}

// Small differences of either sign become small numbers.
inline uint64_t ZigZag(uint64_t difference) { return difference << 1 ^ (0 - (difference >> 63)); }
inline uint64_t UnZigZag(uint64_t value) { return value >> 1 ^ (0 - (value & 1)); }

}  // namespace baton

#endif  // BATON_BROKER_BASE_VARINT_H_
