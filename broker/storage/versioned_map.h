#ifndef BATON_BROKER_STORAGE_VERSIONED_MAP_H_
#define BATON_BROKER_STORAGE_VERSIONED_MAP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"

namespace baton::storage {

// An ordered map that keeps, for each key, the values of several commits, so that a snapshot is nothing but a number.
// Writes come in ascending order of commit numbers. Not thread-safe.
class VersionedMap {
 public:
  // Null means: deleted.
  using Value = std::shared_ptr<const std::string>;
  struct Entry {
    std::string key;
    Value value;
  };

  // Makes `value` the value of `key` from commit `number` on. True if this leaves an older version, or a deletion,
  // to be pruned when nobody reads below `number` any more.
  bool Write(absl::string_view key, Value value, uint64_t number);

  // Deletes all keys in [begin, end) from commit `number` on, and tells the ones that existed.
  void DeleteRange(absl::string_view begin, absl::string_view end, uint64_t number,
                   const std::function<void(const std::string&)>& deleted);

  // The value of `key` as of commit `number`; null if there is none.
  Value Find(absl::string_view key, uint64_t number) const;

  // Appends the first `limit` entries of [begin, end) as of commit `number`, ascending. An empty `end` is no bound.
  // True if the limit ended the search.
  bool Collect(absl::string_view begin, absl::string_view end, uint64_t number, size_t limit,
               std::vector<Entry>* entries) const;

  // The same from the largest key below `end` downwards.
  bool CollectReverse(absl::string_view begin, absl::string_view end, uint64_t number, size_t limit,
                      std::vector<Entry>* entries) const;

  // Forgets the versions of `key` that nobody who reads at `oldest` or later can see.
  void Prune(absl::string_view key, uint64_t oldest);

  // Forgets all versions of the keys in [begin, end) that are deleted, whoever may still read old ones.
  void Forget(absl::string_view begin, absl::string_view end);

  // Copies what is visible at `number`, as commit `number`.
  VersionedMap CopyAt(uint64_t number) const;

  // Bytes of all keys and values, old versions included.
  size_t bytes() const { return bytes_; }

 private:
  struct Version {
    uint64_t number;
    Value value;
  };
  using Versions = std::vector<Version>;  // Ascending by number, never empty.

  static Value VisibleAt(const Versions& versions, uint64_t number);
  bool Append(Versions* versions, Value value, uint64_t number);

  absl::btree_map<std::string, Versions> map_;
  size_t bytes_ = 0;
};

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_VERSIONED_MAP_H_
