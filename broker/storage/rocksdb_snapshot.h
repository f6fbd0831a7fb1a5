#ifndef BATON_BROKER_STORAGE_ROCKSDB_SNAPSHOT_H_
#define BATON_BROKER_STORAGE_ROCKSDB_SNAPSHOT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/storage/store.h"
#include "rocksdb/db.h"

namespace baton::storage {

// See Snapshot. `db` and the handles must outlive it.
class RocksDbSnapshot final : public Snapshot {
 public:
  // The state of `db` as of now. `families` as in OpenedDatabase.
  RocksDbSnapshot(rocksdb::DB* db, const std::vector<rocksdb::ColumnFamilyHandle*>& families);
  ~RocksDbSnapshot() override;
  RocksDbSnapshot(const RocksDbSnapshot&) = delete;
  RocksDbSnapshot& operator=(const RocksDbSnapshot&) = delete;

  uint64_t number() const override { return number_; }
  absl::Status Get(Family family, absl::string_view key, std::string* value) const override;
  absl::Status Scan(Family family, absl::string_view begin, absl::string_view end,
                    const ScanVisitor& visitor) const override;
  absl::Status ScanReverse(Family family, absl::string_view begin, absl::string_view end,
                           const ScanVisitor& visitor) const override;

 private:
  rocksdb::ColumnFamilyHandle* handle(Family family) const { return families_[static_cast<size_t>(family) + 1]; }

  rocksdb::DB* const db_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& families_;
  const rocksdb::Snapshot* const snapshot_;
  rocksdb::ReadOptions options_;
  uint64_t number_ = 0;
};

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_SNAPSHOT_H_
