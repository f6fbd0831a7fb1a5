#ifndef BATON_BROKER_BASE_HASH_H_
#define BATON_BROKER_BASE_HASH_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace baton {

// 128 bits that stand for a text on disk: wide enough that two texts never share them by chance.
struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;

  bool empty() const { return high == 0 && low == 0; }
  // 16 bytes, big-endian.
  std::string Bytes() const;
  friend bool operator==(const Hash128&, const Hash128&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Hash128& hash) {
    return H::combine(std::move(h), hash.high, hash.low);
  }
};

// XXH3 with 128 bits: part of the disk format, the same on every machine. Never empty().
Hash128 HashOf(absl::string_view text);

// A well-mixed 64-bit number from three, the same everywhere; for jitter.
uint64_t Mix(uint64_t a, uint64_t b, uint64_t c);

}  // namespace baton

#endif  // BATON_BROKER_BASE_HASH_H_
