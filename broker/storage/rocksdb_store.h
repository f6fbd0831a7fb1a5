#ifndef BATON_BROKER_STORAGE_ROCKSDB_STORE_H_
#define BATON_BROKER_STORAGE_ROCKSDB_STORE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/storage/store.h"

namespace baton::storage {

struct RocksDbOptions {
  enum class Recover {
    // Forgives a record cut off at the very end of the write-ahead log, as a power cut leaves it: nobody was answered.
    // Refuses to open if anything else is damaged.
    kTail,
    // Opens at the last commit before the first damaged record and drops all behind it, acknowledged or not. The way
    // out for an operator who has no backup. What is left counts as a copy (Store::is_unused_copy), because ids and
    // attempts of what was dropped are given out again. As kTail if that opens, too.
    kPointInTime,
  };

  // Where the store lives. Created, with its parents, if it is missing. One process at a time.
  std::string directory;
  // Memory for blocks, indexes and filters read from disk; at least 1 MiB.
  size_t block_cache_bytes = size_t{64} << 20;
  // Memory for what is written and not yet flushed, all families together; at least 1 MiB. The write-ahead log, which
  // a restart replays, grows to about twice as much.
  size_t memtable_bytes = size_t{96} << 20;
  Recover recover = Recover::kTail;
};

// Opens, or creates, a store in a directory of the local disk. A commit is one record of the write-ahead log, synced.
// Fail-stop: after the first error, of a write or in the background, every commit is kUnknown, while reads go on. It
// never answers kFenced: the lock on the directory keeps other processes out. Reclaim and Backup may be called from any
// thread, but they wait for the disk.
// Errors:
//   INVALID_ARGUMENT     an option is out of range, or `directory` is a file
//   FAILED_PRECONDITION  the directory is in use by another process, or was written by a newer version
//   DATA_LOSS            the store is damaged; the message names the way out
//   PERMISSION_DENIED    the directory cannot be created, read or written by this user
//   RESOURCE_EXHAUSTED   no space is left on the disk
//   UNAVAILABLE          other input/output errors
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbOptions& options);

// Opens a stopped store to be looked at, and keeps other processes out meanwhile. Nothing of it is changed, the epoch
// included: a write-ahead log is replayed in memory only, which takes up to twice RocksDbOptions::memtable_bytes. Every
// commit answers kFenced; Reclaim and Backup are refused (FAILED_PRECONDITION).
// Errors: as above, and NOT_FOUND if the directory does not exist or holds no store.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStoreForReading(const RocksDbOptions& options);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_STORE_H_
