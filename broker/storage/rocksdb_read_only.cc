#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/base/status_macros.h"
#include "broker/storage/rocksdb_open.h"
#include "broker/storage/rocksdb_own_number.h"
#include "broker/storage/rocksdb_snapshot.h"
#include "broker/storage/rocksdb_store.h"
#include "rocksdb/db.h"

namespace baton::storage {
namespace {

constexpr char kReadOnly[] = "the store was opened for reading only";

class ReadOnlyRocksDbStore final : public Store {
 public:
  ReadOnlyRocksDbStore(std::unique_ptr<DirectoryLock> lock, OpenedDatabase opened)
      : lock_(std::move(lock)), families_(std::move(opened.families)), db_(std::move(opened.db)) {}

  ~ReadOnlyRocksDbStore() override {
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
  }

  // Called once, before anything else.
  absl::Status Start() {
    ASSIGN_OR_RETURN(number_, ReadOwnNumber(db_.get(), {}, families_[0], kNumberKey));
    ASSIGN_OR_RETURN(epoch_, ReadOwnNumber(db_.get(), {}, families_[0], kEpochKey));
    ASSIGN_OR_RETURN(const OwnIdentity identity, ReadOwnIdentity(db_.get(), families_[0]));
    is_unused_copy_ = identity.is_unused_copy;
    return absl::OkStatus();
  }

  uint64_t epoch() const override { return epoch_; }
  bool is_unused_copy() const override { return is_unused_copy_; }
  uint64_t number() const override { return number_; }
  CommitResult Commit(const WriteBatch&, uint64_t, std::string* error) override {
    *error = kReadOnly;
    return CommitResult::kFenced;
  }
  std::shared_ptr<const Snapshot> TakeSnapshot() const override {
    return std::make_shared<RocksDbSnapshot>(db_.get(), families_);
  }
  absl::Status Reclaim(Family, absl::string_view, absl::string_view) override {
    return absl::FailedPreconditionError(kReadOnly);
  }
  absl::Status Backup(const std::string&) override { return absl::FailedPreconditionError(kReadOnly); }
  uint64_t DiskBytes() const override {
    uint64_t bytes = 0;
    return db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes) ? bytes : 0;
  }
  uint64_t MemoryBytes() const override {
    uint64_t bytes = 0;
    return db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kSizeAllMemTables, &bytes) ? bytes : 0;
  }

 private:
  // Given back last.
  const std::unique_ptr<DirectoryLock> lock_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;
  const std::unique_ptr<rocksdb::DB> db_;
  uint64_t epoch_ = 0;
  uint64_t number_ = 0;
  bool is_unused_copy_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStoreForReading(const RocksDbOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<DirectoryLock> lock, DirectoryLock::Take(options.directory));
  ASSIGN_OR_RETURN(OpenedDatabase opened, OpenDatabaseForReading(options));
  auto store = std::make_unique<ReadOnlyRocksDbStore>(std::move(lock), std::move(opened));
  RETURN_IF_ERROR(store->Start());
  return store;
}

}  // namespace baton::storage
