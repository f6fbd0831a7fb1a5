// What Baton needs of storage: an ordered, transactional key-value store with one writer. Any engine that has atomic
// batches, ordered scans and consistent snapshots can stand behind it; nothing of RocksDB is visible here.
#ifndef BATON_BROKER_STORAGE_STORE_H_
#define BATON_BROKER_STORAGE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/storage/write_batch.h"

namespace baton::storage {

// Limits that every implementation promises to serve, and callers to keep. A commit that is over one of them is a
// broken invariant and stops the process. The size of a batch is WriteBatch::bytes().
inline constexpr size_t kMaxKeyBytes = 1000;
inline constexpr size_t kMaxValueBytes = 4 << 20;
inline constexpr size_t kMaxJournalBytes = 32 << 20;  // A value of family journal: all that a commit changes.
inline constexpr size_t kMaxBatchBytes = 64 << 20;

// Called for each entry of a scan, in ascending order of keys (bytewise). The views live until it returns. Returning
// false ends the scan.
using ScanVisitor = std::function<bool(absl::string_view key, absl::string_view value)>;

// A consistent state of the whole store. Thread-safe. Must not outlive its store.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  // Number of the last commit that this state holds.
  virtual uint64_t number() const = 0;

  // Reads one value. NOT_FOUND, without a message, if there is none; DATA_LOSS if the stored bytes are damaged.
  virtual absl::Status Get(Family family, absl::string_view key, std::string* value) const = 0;

  // Visits all keys in [begin, end) in ascending order; an empty `end` means to the end of the family. An empty range
  // is not an error. The visitor may read from this or another snapshot.
  virtual absl::Status Scan(Family family, absl::string_view begin, absl::string_view end,
                            const ScanVisitor& visitor) const = 0;

  // The same in descending order, from the largest key below `end`.
  virtual absl::Status ScanReverse(Family family, absl::string_view begin, absl::string_view end,
                                   const ScanVisitor& visitor) const = 0;
};

enum class CommitResult {
  kDone,     // The batch is durable.
  kFenced,   // Another owner has taken the store over: nothing was written, and nothing ever will be.
  kUnknown,  // The batch may or may not be durable. The process must stop and recover.
};

// How a store is, for metrics: estimates, in bytes. What an implementation does not have is 0.
struct StoreCondition {
  // What was written and is not in files yet.
  uint64_t memtable_bytes = 0;
  // What background work has to rewrite until the files are as they should be.
  uint64_t pending_compaction_bytes = 0;
  // Without what was overwritten or deleted.
  uint64_t live_data_bytes = 0;
  uint64_t cache_bytes = 0;
  // Flushes and compactions under way.
  uint64_t background_jobs = 0;
  // Writes wait until background work has caught up; or are let through at so many bytes a second (0: at any speed).
  bool writes_stopped = false;
  uint64_t delayed_write_rate = 0;
};

// Thread-safe, but for Commit, which belongs to one writer thread.
class Store {
 public:
  virtual ~Store() = default;

  // Rises, durably, with each opening of this store: by one, and by many with the first openings of a copy, so that
  // original and copy do not meet.
  virtual uint64_t epoch() const = 0;

  // This is a copy that Backup wrote, or a store that has lost commits, and nothing has been committed to it yet:
  // whatever must differ from the original, which may live on, or from what was lost, has to be part of the first
  // commit, which takes the mark away. Constant until then.
  virtual bool is_unused_copy() const = 0;

  // Number of the last commit, 0 for a fresh store.
  virtual uint64_t number() const = 0;

  // Writes a batch atomically, as commit `number`, which must be number() + 1: any other number is a broken invariant
  // and stops the process. When it returns kDone the batch is on disk and visible to snapshots taken from then on.
  // `error` explains the other results. After kUnknown every further commit is kUnknown: only opening the store again
  // tells what is on disk.
  virtual CommitResult Commit(const WriteBatch& batch, uint64_t number, std::string* error) = 0;

  // The state as of now.
  virtual std::shared_ptr<const Snapshot> TakeSnapshot() const = 0;

  // Gives the disk space of [begin, end) back, as far as that is cheap. Every key in the range must have been deleted
  // by a commit that is done; then the present state does not change, but snapshots from before the deletion may no
  // longer see the keys. Best called right after that commit.
  virtual absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) = 0;

  // Writes a consistent copy of the store, everything committed before the call included, into `directory`, which must
  // not exist yet, while its parent must. May be called beside commits, which it does not hold up; waits for the disk.
  // The copy knows that it is one: see is_unused_copy.
  // ALREADY_EXISTS if it does exist; RESOURCE_EXHAUSTED if the disk is full.
  virtual absl::Status Backup(const std::string& directory) = 0;

  // Bytes on disk, and bytes in memory (caches, write buffers); estimates.
  virtual uint64_t DiskBytes() const = 0;
  virtual uint64_t MemoryBytes() const = 0;

  virtual StoreCondition Condition() const { return {}; }
};

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_STORE_H_
