#ifndef BATON_BROKER_STORAGE_ROCKSDB_OPTIONS_H_
#define BATON_BROKER_STORAGE_ROCKSDB_OPTIONS_H_

#include <memory>
#include <vector>

#include "broker/storage/rocksdb_failure.h"
#include "broker/storage/rocksdb_store.h"
#include "broker/storage/write_batch.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"

namespace baton::storage {

// The name of a family's column family: part of the disk format. The default one is the store's own.
const char* NameOf(Family family);

rocksdb::DBOptions MakeDbOptions(const RocksDbOptions& options, std::shared_ptr<StoreFailure> failure);

// The default family first, then the families by number.
std::vector<rocksdb::ColumnFamilyDescriptor> MakeFamilies(const RocksDbOptions& options);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_OPTIONS_H_
