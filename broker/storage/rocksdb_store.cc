#include "broker/storage/rocksdb_store.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/base/hash.h"
#include "broker/base/status_macros.h"
#include "broker/storage/ballast.h"
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

// The epoch of a copy is ahead of the original's by as many of these as its identity says. They leave room for 2^16
// copies of copies within the 40 bits that numbers of sessions have for it.
constexpr uint64_t kCopyEpochs = 0xffffff;

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
  bool is_unused_copy() const override { return is_unused_copy_.load(std::memory_order_acquire); }
  uint64_t number() const override { return number_.load(std::memory_order_acquire); }
  CommitResult Commit(const WriteBatch& batch, uint64_t number, std::string* error) override;
  std::shared_ptr<const Snapshot> TakeSnapshot() const override {
    return std::make_shared<RocksDbSnapshot>(db_.get(), families_);
  }
  absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) override;
  absl::Status Backup(const std::string& directory) override;
  uint64_t DiskBytes() const override;
  uint64_t MemoryBytes() const override;
  StoreCondition Condition() const override;

 private:
  // Of one family, or of all together; 0 if it is not known.
  uint64_t Property(const std::string& name) const;
  uint64_t SumOf(const std::string& name) const;
  rocksdb::ColumnFamilyHandle* handle(Family family) const { return families_[static_cast<size_t>(family) + 1]; }
  // Raises the epoch, and records whose epoch it is, unless the store is a copy: that is for its first commit.
  absl::Status RecordOpening();
  void Translate(const WriteBatch& batch, uint64_t number);

  const std::string directory_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;  // As in OpenedDatabase.
  const std::shared_ptr<StoreFailure> failure_;
  const std::unique_ptr<rocksdb::DB> db_;
  uint64_t epoch_ = 0;    // Constant once started.
  OwnIdentity identity_;  // The same.
  std::atomic<bool> is_unused_copy_ = false;
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
  ASSIGN_OR_RETURN(identity_, ReadOwnIdentity(db_.get(), families_[0]));
  is_unused_copy_ = identity_.is_unused_copy;
  return RecordOpening();
}

absl::Status RocksDbStore::RecordOpening() {
  ++epoch_;
  // Not what any other copy gets, nor the original, if it is not opened millions of times.
  if (identity_.is_unused_copy) epoch_ += HashOf(identity_.text).low & kCopyEpochs;
  rocksdb::WriteBatch opening;
  opening.Put(families_[0], kEpochKey, EncodeOwnNumber(epoch_));
  if (!identity_.is_recorded) opening.Put(families_[0], kIdentityKey, identity_.text);
  return ToStatus(db_->Write(Synced(), &opening),
                  absl::StrCat("open data directory ", directory_, ": raise the epoch"));
}

CommitResult RocksDbStore::Commit(const WriteBatch& batch, uint64_t number, std::string* error) {
  CheckCommit(batch, number_, number);
  Translate(batch, number);
  if (!failure_->is_set()) {
    const rocksdb::Status status = db_->Write(Synced(), &translated_);
    if (status.ok()) {
      number_.store(number, std::memory_order_release);
      is_unused_copy_.store(false, std::memory_order_release);
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
  if (is_unused_copy()) translated_.Put(families_[0], kIdentityKey, identity_.text);
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
    if (at->path().filename() == kBallastName) continue;
    std::error_code gone;  // Files come and go meanwhile.
    const uintmax_t bytes = at->is_regular_file(gone) ? at->file_size(gone) : 0;
    if (!gone) sum += bytes;
  }
  return sum;
}

uint64_t RocksDbStore::Property(const std::string& name) const {
  uint64_t value = 0;
  return db_->GetIntProperty(families_[0], name, &value) ? value : 0;
}

uint64_t RocksDbStore::SumOf(const std::string& name) const {
  uint64_t sum = 0;
  return db_->GetAggregatedIntProperty(name, &sum) ? sum : 0;
}

uint64_t RocksDbStore::MemoryBytes() const {
  using Properties = rocksdb::DB::Properties;
  // One cache for all families.
  return SumOf(Properties::kSizeAllMemTables) + SumOf(Properties::kEstimateTableReadersMem) +
         Property(Properties::kBlockCacheUsage);
}

StoreCondition RocksDbStore::Condition() const {
  using Properties = rocksdb::DB::Properties;
  StoreCondition condition;
  condition.memtable_bytes = SumOf(Properties::kSizeAllMemTables);
  condition.pending_compaction_bytes = SumOf(Properties::kEstimatePendingCompactionBytes);
  condition.live_data_bytes = SumOf(Properties::kEstimateLiveDataSize);
  condition.cache_bytes = Property(Properties::kBlockCacheUsage);
  // What follows is of the whole database.
  condition.background_jobs = Property(Properties::kNumRunningFlushes) + Property(Properties::kNumRunningCompactions);
  condition.writes_stopped = Property(Properties::kIsWriteStopped) != 0;
  condition.delayed_write_rate = Property(Properties::kActualDelayedWriteRate);
  return condition;
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
