#ifndef BATON_BROKER_STORAGE_ROCKSDB_OWN_NUMBER_H_
#define BATON_BROKER_STORAGE_ROCKSDB_OWN_NUMBER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"

namespace baton::storage {

// What the store keeps for itself, in the default family, which nothing else uses:
//   "epoch"  -> number of openings: u64, big-endian
//   "number" -> number of the last commit: u64, big-endian; written by each commit
inline constexpr char kEpochKey[] = "epoch";
inline constexpr char kNumberKey[] = "number";

std::string EncodeOwnNumber(uint64_t number);

// Reads the value of kEpochKey or kNumberKey: 0 if it was never written; DATA_LOSS if it is not a number.
absl::StatusOr<uint64_t> ReadOwnNumber(rocksdb::DB* db, const rocksdb::ReadOptions& options,
                                       rocksdb::ColumnFamilyHandle* family, const char* key);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_OWN_NUMBER_H_
