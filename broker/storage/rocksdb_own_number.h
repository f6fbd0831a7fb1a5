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
//   "identity" -> of the database that was committed to last: text
// A database has its identity in the file IDENTITY, which a backup lacks, and one whose commits are about to be dropped
// (rocksdb_open.cc): the one it is given when it is opened differs from what this row says, until its first commit.
inline constexpr char kEpochKey[] = "epoch";
inline constexpr char kNumberKey[] = "number";
inline constexpr char kIdentityKey[] = "identity";

std::string EncodeOwnNumber(uint64_t number);

// The identity of this database, and whether the row tells of another one, which it is a copy of.
struct OwnIdentity {
  std::string text;
  bool is_recorded = false;
  bool is_unused_copy = false;
};
absl::StatusOr<OwnIdentity> ReadOwnIdentity(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family);

// Reads the value of kEpochKey or kNumberKey: 0 if it was never written; DATA_LOSS if it is not a number.
absl::StatusOr<uint64_t> ReadOwnNumber(rocksdb::DB* db, const rocksdb::ReadOptions& options,
                                       rocksdb::ColumnFamilyHandle* family, const char* key);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_OWN_NUMBER_H_
