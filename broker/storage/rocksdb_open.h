#ifndef BATON_BROKER_STORAGE_ROCKSDB_OPEN_H_
#define BATON_BROKER_STORAGE_ROCKSDB_OPEN_H_

#include <memory>
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

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_OPEN_H_
