#include "broker/storage/rocksdb_store.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/storage/commit_check.h"
#include "broker/storage/rocksdb_bounds.h"
#include "broker/storage/rocksdb_failure.h"
#include "broker/storage/rocksdb_open.h"
#include "broker/storage/rocksdb_options.h"
#include "broker/storage/rocksdb_own_number.h"
#include "broker/storage/rocksdb_snapshot.h"
#include "broker/storage/rocksdb_status.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/utilities/checkpoint.h"

namespace baton::storage {
namespace {

rocksdb::Slice ToSlice(absl::string_view text) { return {text.data(), text.size()}; }

rocksdb::WriteOptions Synced() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

class RocksDbStore final : public Store {
 public:
  RocksDbStore(std::string directory, OpenedDatabase opened, std::shared_ptr<StoreFailure> failure)
      : directory_(std::move(directory)),
        families_(std::move(opened.families)),
        failure_(std::move(failure)),
        db_(std::move(opened.db)) {}

  ~RocksDbStore() override {
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
  }

  // Finds the last commit and raises the epoch. Called once, before anything else.
  absl::Status Start();

  uint64_t epoch() const override { return epoch_; }
  uint64_t number() const override { return number_.load(std::memory_order_acquire); }
  CommitResult Commit(const WriteBatch& batch, uint64_t number, std::string* error) override;
  std::shared_ptr<const Snapshot> TakeSnapshot() const override {
    return std::make_shared<RocksDbSnapshot>(db_.get(), families_);
  }
  absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) override;
  absl::Status Backup(const std::string& directory) override;
  uint64_t DiskBytes() const override;
  uint64_t MemoryBytes() const override;

 private:
  rocksdb::ColumnFamilyHandle* handle(Family family) const { return families_[static_cast<size_t>(family) + 1]; }
  void Translate(const WriteBatch& batch, uint64_t number);

  const std::string directory_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;  // As in OpenedDatabase.
  const std::shared_ptr<StoreFailure> failure_;
  const std::unique_ptr<rocksdb::DB> db_;
  uint64_t epoch_ = 0;  // Constant once started.
  std::atomic<uint64_t> number_ = 0;
  rocksdb::WriteBatch translated_;  // Of the writer thread; kept for its memory.
};

absl::Status RocksDbStore::Start() {
  ASSIGN_OR_RETURN(number_, ReadOwnNumber(db_.get(), {}, families_[0], kNumberKey));
  ASSIGN_OR_RETURN(epoch_, ReadOwnNumber(db_.get(), {}, families_[0], kEpochKey));
  // A store that was never opened has nothing in it yet; if this is cut off, it is repeated.
  if (epoch_ == 0) {
    for (const Family family : {Family::kTask, Family::kEnd}) {
      RETURN_IF_ERROR(ToStatus(WriteBounds(db_.get(), handle(family), directory_),
                               absl::StrCat("open data directory ", directory_, ": set up family ", NameOf(family))));
    }
  }
  ++epoch_;
  return ToStatus(db_->Put(Synced(), families_[0], kEpochKey, EncodeOwnNumber(epoch_)),
                  absl::StrCat("open data directory ", directory_, ": raise the epoch"));
}

CommitResult RocksDbStore::Commit(const WriteBatch& batch, uint64_t number, std::string* error) {
  CheckCommit(batch, number_, number);
  Translate(batch, number);
  if (!failure_->is_set()) {
    const rocksdb::Status status = db_->Write(Synced(), &translated_);
    if (status.ok()) {
      number_.store(number, std::memory_order_release);
      return CommitResult::kDone;
    }
    failure_->Set(status.ToString());
  }
  *error = absl::StrCat("commit ", number, ": ", failure_->message());
  return CommitResult::kUnknown;
}

void RocksDbStore::Translate(const WriteBatch& batch, uint64_t number) {
  translated_.Clear();
  batch.ForEach([this](WriteBatch::Op op, Family family, absl::string_view key, absl::string_view value) {
    CheckChange(op, family, key, value);
    switch (op) {
      case WriteBatch::Op::kPut:
        translated_.Put(handle(family), ToSlice(key), ToSlice(value));
        break;
      case WriteBatch::Op::kDelete:
        translated_.Delete(handle(family), ToSlice(key));
        break;
      case WriteBatch::Op::kDeleteRange:
        // RocksDB refuses a range that ends before it begins.
        if (key < value) translated_.DeleteRange(handle(family), ToSlice(key), ToSlice(value));
        break;
    }
  });
  translated_.Put(families_[0], kNumberKey, EncodeOwnNumber(number));
}

absl::Status RocksDbStore::Reclaim(Family family, absl::string_view begin, absl::string_view end) {
  if (begin >= end) return absl::OkStatus();
  if (failure_->is_set()) return absl::UnavailableError(absl::StrCat("reclaim: ", failure_->message()));
  // Whole files are dropped, below level 0. One of them may hold the record that the range is deleted, while keys of
  // the range live on in a file that reaches beyond it. So the deletion is first written anew: it is then in the
  // memtable, or in level 0, which the drop spares.
  const rocksdb::Slice from = ToSlice(begin);
  const rocksdb::Slice to = ToSlice(end);
  const rocksdb::Status written = db_->DeleteRange(Synced(), handle(family), from, to);
  if (!written.ok()) {
    failure_->Set(written.ToString());
    return ToStatus(written, absl::StrCat("reclaim a range of family ", NameOf(family)));
  }
  return ToStatus(rocksdb::DeleteFilesInRange(db_.get(), handle(family), &from, &to, /*include_end=*/false),
                  absl::StrCat("reclaim a range of family ", NameOf(family)));
}

absl::Status RocksDbStore::Backup(const std::string& directory) {
  std::error_code ignored;
  if (std::filesystem::exists(directory, ignored)) {
    return absl::AlreadyExistsError(absl::StrCat("backup: ", directory, " exists: name a new directory"));
  }
  const std::string operation = absl::StrCat("backup to ", directory);
  // The checkpoint may hard-link the log: what it holds has to be on disk.
  RETURN_IF_ERROR(ToStatus(db_->FlushWAL(/*sync=*/true), operation));
  rocksdb::Checkpoint* created = nullptr;
  RETURN_IF_ERROR(ToStatus(rocksdb::Checkpoint::Create(db_.get(), &created), operation));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(created);
  return ToStatus(checkpoint->CreateCheckpoint(directory), operation);
}

uint64_t RocksDbStore::DiskBytes() const {
  namespace fs = std::filesystem;
  uint64_t sum = 0;
  std::error_code error;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;  // Files come and go meanwhile.
    const uintmax_t bytes = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    if (!gone) sum += bytes;
  }
  return sum;
}

uint64_t RocksDbStore::MemoryBytes() const {
  uint64_t sum = 0;
  for (const std::string& property :
       {rocksdb::DB::Properties::kSizeAllMemTables, rocksdb::DB::Properties::kEstimateTableReadersMem}) {
    uint64_t bytes = 0;
    if (db_->GetAggregatedIntProperty(property, &bytes)) sum += bytes;
  }
  uint64_t cached = 0;  // One cache for all families.
  if (db_->GetIntProperty(families_[0], rocksdb::DB::Properties::kBlockCacheUsage, &cached)) sum += cached;
  return sum;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const RocksDbOptions& options) {
  auto failure = std::make_shared<StoreFailure>();
  ASSIGN_OR_RETURN(OpenedDatabase opened, OpenDatabase(options, failure));
  auto store = std::make_unique<RocksDbStore>(options.directory, std::move(opened), std::move(failure));
  RETURN_IF_ERROR(store->Start());
  return store;
}

}  // namespace baton::storage
