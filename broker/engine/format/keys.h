// The grammar of all keys on disk. Integers are big-endian, so that keys sort by number. Pinned byte by byte by
// tests/unit/engine/keys_test.cc; a change here is a new format version.
//
//   family    key                                   value (proto/baton/records/v1)
//   task      id:u64                                TaskRow
//   end       id:u64                                Step
//   log       id:u64 row:u32 (from 1)               Step
//   journal   commit number:u64                     JournalEntry
//   page      id / 16384:u64                        PageRow
//   index     page / 64:u64 'c' bucket:u8 page % 64:u8  IndexRow of classes
//             page / 64:u64 't' bucket:u8 page % 64:u8  IndexRow of hashes of tags
//   key       'u' hash:16                           KeyRow of a unique key
//             'r' window:u32 hash:16                KeyRow of a request id
//   meta      'S'                                   StoreRow
//             'K'                                   CheckpointRow
//             'c' class number:u32                  ClassRow
//             'o' options number:u32                OptionsRow
//             't' type name                         TypeRow
//             's' session number:u64                SessionRow
//             'j' job number:u64                    JobRow
//
// An id is partition:u16 number:u48; partition 0 gives small numbers.
#ifndef BATON_BROKER_ENGINE_FORMAT_KEYS_H_
#define BATON_BROKER_ENGINE_FORMAT_KEYS_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "broker/base/clock.h"
#include "broker/base/hash.h"

namespace baton::engine {

// Raised when anything below changes, or a record changes incompatibly.
inline constexpr uint32_t kFormatVersion = 1;

using TaskId = uint64_t;

struct IdRange {
  TaskId first = 0;
  uint64_t count = 0;
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

// A key of at most 32 bytes, built without allocation.
class Key {
 public:
  Key& Byte(uint8_t value) {
    bytes_[size_++] = static_cast<char>(value);
    return *this;
  }
  Key& U32(uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) Byte(static_cast<uint8_t>(value >> shift));
    return *this;
  }
  Key& U64(uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8) Byte(static_cast<uint8_t>(value >> shift));
    return *this;
  }
  operator absl::string_view() const { return {bytes_, size_}; }  // NOLINT: a key is its bytes.
  std::string str() const { return std::string(bytes_, size_); }

 private:
  char bytes_[32];
  size_t size_ = 0;
};

// Reads what Key::U32 and Key::U64 wrote. Bytes that are missing are read as zero: the keys of a damaged store may end
// anywhere.
template <typename Number>
Number ReadBigEndian(absl::string_view bytes) {
  Number value = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    value = value << 8 | (i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0);
  }
  return value;
}
inline uint32_t ReadU32(absl::string_view bytes) { return ReadBigEndian<uint32_t>(bytes); }
inline uint64_t ReadU64(absl::string_view bytes) { return ReadBigEndian<uint64_t>(bytes); }

inline Key TaskKey(TaskId id) { return Key().U64(id); }
inline Key EndKey(TaskId id) { return Key().U64(id); }
inline Key LogKey(TaskId id, uint32_t row) { return Key().U64(id).U32(row); }
inline uint32_t RowOfLogKey(absl::string_view key) { return ReadU32(absl::ClippedSubstr(key, 8)); }
inline Key JournalKey(uint64_t number) { return Key().U64(number); }
inline Key PageKey(uint64_t page) { return Key().U64(page); }
inline Key UniqueKey(const Hash128& hash) { return Key().Byte('u').U64(hash.high).U64(hash.low); }
inline Key RequestKey(uint32_t window, const Hash128& hash) {
  return Key().Byte('r').U32(window).U64(hash.high).U64(hash.low);
}
// Begin of all request keys of a window.
inline Key RequestWindowKey(uint32_t window) { return Key().Byte('r').U32(window); }
inline Key StoreMetaKey() { return Key().Byte('S'); }
inline Key CheckpointMetaKey() { return Key().Byte('K'); }
inline Key ClassMetaKey(uint32_t number) { return Key().Byte('c').U32(number); }
inline Key OptionsMetaKey(uint32_t number) { return Key().Byte('o').U32(number); }
inline std::string TypeMetaKey(absl::string_view type) { return "t" + std::string(type.data(), type.size()); }
inline std::string ScheduleMetaKey(absl::string_view name) { return "h" + std::string(name.data(), name.size()); }
inline std::string ScheduleStateMetaKey(absl::string_view name) { return "f" + std::string(name.data(), name.size()); }
inline Key SessionMetaKey(uint64_t session) { return Key().Byte('s').U64(session); }
inline Key JobMetaKey(uint64_t job) { return Key().Byte('j').U64(job); }

// Request ids are kept in windows of 12 hours, so that old ones go by one range delete. A look-up tries the current
// window and the two before, which covers 24 hours, and the two after: the wall clock may have been set back since.
inline constexpr Micros kRequestWindow = 12 * kHour;
inline constexpr uint32_t kRequestWindowsAround = 2;
inline uint32_t RequestWindowOf(WallMicros time) { return static_cast<uint32_t>(time / kRequestWindow); }
// First of the 2 * kRequestWindowsAround + 1 windows to look into; the smallest time there is needs no care.
inline uint32_t FirstRequestWindow(WallMicros now) {
  return std::max(RequestWindowOf(now), kRequestWindowsAround) - kRequestWindowsAround;
}

// Ids per page.
inline constexpr uint64_t kPageIds = 16384;
inline uint64_t PageOf(TaskId id) { return id / kPageIds; }
inline uint32_t SlotOf(TaskId id) { return static_cast<uint32_t>(id % kPageIds); }

// The index keeps the pages of a group of 2^20 ids together: whoever looks for one value reads one range of each group.
inline constexpr uint64_t kGroupPages = 64;
inline uint64_t GroupOf(uint64_t page) { return page / kGroupPages; }
enum class IndexKind : uint8_t { kClass = 'c', kTag = 't' };
// Values share rows, or there would be as many as there are values.
inline uint8_t BucketOf(uint32_t value) { return static_cast<uint8_t>(value % 256); }
// Begin of all keys of a group, and of those of one bucket in it.
inline Key IndexGroupKey(uint64_t group) { return Key().U64(group); }
inline Key IndexBucketKey(uint64_t group, IndexKind kind, uint8_t bucket) {
  return IndexGroupKey(group).Byte(static_cast<uint8_t>(kind)).Byte(bucket);
}
inline Key IndexKey(uint64_t page, IndexKind kind, uint8_t bucket) {
  return IndexBucketKey(GroupOf(page), kind, bucket).Byte(static_cast<uint8_t>(page % kGroupPages));
}
// What the index knows of a tag; 0: there is none.
inline uint32_t TagHash(absl::string_view tag) {
  if (tag.empty()) return 0;
  return std::max(static_cast<uint32_t>(HashOf(tag).low), uint32_t{1});
}

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_FORMAT_KEYS_H_
