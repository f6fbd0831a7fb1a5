// Why ascending writes stay cheap although snapshots are taken all the time.
//
// RocksDB rewrites every file at the bottom of its tree once after a snapshot was released, to drop what only that
// snapshot could see (PR 3009, without exception since PR 8438; an option to delay it came with 8.9). Files of
// ascending keys never overlap, so each of them is at the bottom: all data would be written twice, for nothing.
// Measured: 1.6 µs of 7.5 µs processor time a task, and half of what goes to the disk.
//
// So the last level of such a family holds one tiny file from below the first possible key to above the last one. What
// is above it is never at the bottom, and moves from level to level unread.
#ifndef BATON_BROKER_STORAGE_ROCKSDB_BOUNDS_H_
#define BATON_BROKER_STORAGE_ROCKSDB_BOUNDS_H_

#include <string>

#include "rocksdb/db.h"

namespace baton::storage {

// Puts the file there; it holds two deletions of keys that never exist, so no reader sees it. `family` must never have
// been written. Does nothing if it is there already. `directory`: of the database.
rocksdb::Status WriteBounds(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family, const std::string& directory);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_BOUNDS_H_
