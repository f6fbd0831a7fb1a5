#ifndef BATON_BROKER_STORAGE_MEMORY_DISK_H_
#define BATON_BROKER_STORAGE_MEMORY_DISK_H_

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "broker/storage/store.h"
#include "broker/storage/versioned_map.h"
#include "broker/storage/write_batch.h"

namespace baton::storage {

// What survives a crash of a store in memory: drop the store, open another one on the same disk. It also holds the
// switches that make it fail. Thread-safe; shared by the stores and snapshots that use it.
//
//   auto disk = std::make_shared<MemoryDisk>();
//   auto store = *OpenMemoryStore(disk);
//   disk->FailNextCommit(MemoryDisk::Fault::kUnknownWritten);
//   ... the broker under test sees kUnknown and is destroyed, with its store ...
//   store = *OpenMemoryStore(disk);  // what a restart finds: here, the batch
class MemoryDisk {
 public:
  enum class Fault {
    kNone,
    kUnknownWritten,  // The commit answers kUnknown, but its batch is on the disk.
    kUnknownLost,     // The commit answers kUnknown, and its batch is lost.
  };

  // What the next commit meets. After kUnknown a store answers nothing else: it must be opened again.
  void FailNextCommit(Fault fault);

  // Takes the disk away from its present store, as if another process had opened it: its commits answer kFenced.
  void Fence();

  // A full disk loses each commit (kUnknown) and cannot be opened (RESOURCE_EXHAUSTED).
  void SetFull(bool full);

  // Number of the last commit that the disk holds, and the number of openings (fences included).
  uint64_t number() const;
  uint64_t epoch() const;

  // The copy that Backup() of a store on this disk wrote into `directory`; null if there is none.
  std::shared_ptr<MemoryDisk> backup(const std::string& directory) const;

 private:
  friend class MemoryStore;
  friend class MemorySnapshot;

  // A deleted or overwritten version of a key, to be dropped when nobody reads below `number`.
  struct Garbage {
    uint64_t number;
    Family family;
    std::string key;
  };

  // Raises the epoch and tells the present state.
  absl::Status Open(uint64_t* epoch, uint64_t* number);
  bool is_unused_copy() const;
  CommitResult Commit(uint64_t epoch, const WriteBatch& batch, uint64_t number, std::string* error);
  absl::Status Backup(const std::string& directory);

  // See Store::Reclaim: snapshots from before the deletion do not see the keys any more.
  void Reclaim(Family name, absl::string_view begin, absl::string_view end);

  // Keeps what is visible at `number` readable until the matching Unpin.
  void Pin(uint64_t number);
  void Unpin(uint64_t number);

  VersionedMap::Value Find(Family name, absl::string_view key, uint64_t number) const;
  bool Collect(bool reverse, Family name, absl::string_view begin, absl::string_view end, uint64_t number, size_t limit,
               std::vector<VersionedMap::Entry>* entries) const;
  uint64_t bytes() const;

  void ApplyLocked(const WriteBatch& batch, uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PruneLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  VersionedMap& family(Family family) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return families_[static_cast<size_t>(family)];
  }
  const VersionedMap& family(Family family) const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return families_[static_cast<size_t>(family)];
  }

  mutable absl::Mutex mutex_;
  std::array<VersionedMap, kFamilyCount> families_ ABSL_GUARDED_BY(mutex_);
  std::deque<Garbage> garbage_ ABSL_GUARDED_BY(mutex_);  // Ascending by number.
  std::multiset<uint64_t> pins_ ABSL_GUARDED_BY(mutex_);
  uint64_t number_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  Fault next_fault_ ABSL_GUARDED_BY(mutex_) = Fault::kNone;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_unused_copy_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_map<std::string, std::shared_ptr<MemoryDisk>> backups_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_MEMORY_DISK_H_
