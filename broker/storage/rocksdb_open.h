#ifndef BATON_BROKER_STORAGE_ROCKSDB_OPEN_H_
#define BATON_BROKER_STORAGE_ROCKSDB_OPEN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/storage/rocksdb_failure.h"
#include "broker/storage/rocksdb_store.h"
#include "rocksdb/db.h"

namespace baton::storage {

// An open database, with the handles of its families: the default one first, then those of Family by number.
struct OpenedDatabase {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // Owned: destroy them before `db`.
};

// Opens the database, creating what is missing, and says precisely what is wrong if it cannot: see OpenRocksDbStore.
absl::StatusOr<OpenedDatabase> OpenDatabase(const RocksDbOptions& options, std::shared_ptr<StoreFailure> failure);

// Opens what is there without changing it: see OpenRocksDbStoreForReading. Takes no lock.
absl::StatusOr<OpenedDatabase> OpenDatabaseForReading(const RocksDbOptions& options);

// The lock on a data directory that keeps other processes out, the same that an open database holds.
class DirectoryLock {
 public:
  // FAILED_PRECONDITION if somebody else holds it. On a read-only file system there is none to take.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Take(const std::string& directory);
  explicit DirectoryLock(rocksdb::FileLock* lock) : lock_(lock) {}
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  rocksdb::FileLock* const lock_;
};

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_OPEN_H_
