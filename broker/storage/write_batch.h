#ifndef BATON_BROKER_STORAGE_WRITE_BATCH_H_
#define BATON_BROKER_STORAGE_WRITE_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace baton::storage {

// The key families of a store (engine.md: what they hold is told in broker/engine/keys.h). The numbers are permanent:
// they are part of the disk format.
enum class Family : uint8_t {
  kTask = 0,
  kEnd = 1,
  kLog = 2,
  kJournal = 3,
  kPage = 4,
  kIndex = 5,
  kKey = 6,
  kMeta = 7,
};
inline constexpr int kFamilyCount = 8;

// Changes that become durable together, in the order they were added. Not thread-safe.
//
// Kept as one flat string, so that adding to it allocates only when it grows:
//   op:u8  family:u8  key_size:u32  value_size:u32  key  value      (value of a range delete: the end key)
class WriteBatch {
 public:
  enum class Op : uint8_t { kPut = 0, kDelete = 1, kDeleteRange = 2 };

  void Put(Family family, absl::string_view key, absl::string_view value) { Add(Op::kPut, family, key, value); }
  // A value in two parts, stored as one.
  void Put(Family family, absl::string_view key, absl::string_view value, absl::string_view more) {
    Add(Op::kPut, family, key, value, more);
  }
  void Delete(Family family, absl::string_view key) { Add(Op::kDelete, family, key, {}); }
  // Removes all keys in [begin, end): none if `begin` is not below `end`.
  void DeleteRange(Family family, absl::string_view begin, absl::string_view end) {
    Add(Op::kDeleteRange, family, begin, end);
  }

  // All changes of another batch, after those of this one.
  void Append(const WriteBatch& other) {
    data_ += other.data_;
    count_ += other.count_;
  }

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  size_t bytes() const { return data_.size(); }
  void Clear() {
    data_.clear();
    count_ = 0;
  }

  // Calls visit(Op, Family, key, value) for each change in order. The views live as long as the batch is unchanged.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    size_t at = 0;
    while (at < data_.size()) {
      const Op op = static_cast<Op>(data_[at]);
      const Family family = static_cast<Family>(data_[at + 1]);
      uint32_t key_size, value_size;
      std::memcpy(&key_size, data_.data() + at + 2, 4);
      std::memcpy(&value_size, data_.data() + at + 6, 4);
      at += kHeaderBytes;
      visit(op, family, absl::string_view(data_.data() + at, key_size),
            absl::string_view(data_.data() + at + key_size, value_size));
      at += key_size + value_size;
    }
  }

 private:
  static constexpr size_t kHeaderBytes = 10;

  void Add(Op op, Family family, absl::string_view key, absl::string_view value, absl::string_view more = {}) {
    const uint32_t key_size = static_cast<uint32_t>(key.size());
    const uint32_t value_size = static_cast<uint32_t>(value.size() + more.size());
    char header[kHeaderBytes] = {static_cast<char>(op), static_cast<char>(family)};
    std::memcpy(header + 2, &key_size, 4);
    std::memcpy(header + 6, &value_size, 4);
    data_.append(header, kHeaderBytes);
    data_.append(key.data(), key.size());
    data_.append(value.data(), value.size());
    data_.append(more.data(), more.size());
    ++count_;
  }

  std::string data_;
  size_t count_ = 0;
};

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_WRITE_BATCH_H_
