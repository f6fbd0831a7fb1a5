#include "broker/storage/memory_store.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/status_macros.h"
#include "broker/storage/commit_check.h"

namespace baton::storage {

class MemorySnapshot final : public Snapshot {
 public:
  MemorySnapshot(std::shared_ptr<MemoryDisk> disk, uint64_t number) : disk_(std::move(disk)), number_(number) {
    disk_->Pin(number_);
  }
  ~MemorySnapshot() override { disk_->Unpin(number_); }

  uint64_t number() const override { return number_; }

  absl::Status Get(Family family, absl::string_view key, std::string* value) const override {
    const VersionedMap::Value found = disk_->Find(family, key, number_);
    if (found == nullptr) return absl::NotFoundError("");
    *value = *found;
    return absl::OkStatus();
  }

  absl::Status Scan(Family family, absl::string_view begin, absl::string_view end,
                    const ScanVisitor& visitor) const override {
    std::string from(begin);
    Entries entries;
    while (Collect(/*reverse=*/false, family, from, end, &entries)) {
      if (!VisitAll(entries, visitor)) return absl::OkStatus();
      from = entries.back().key + '\0';  // The smallest key behind it.
    }
    VisitAll(entries, visitor);
    return absl::OkStatus();
  }

  absl::Status ScanReverse(Family family, absl::string_view begin, absl::string_view end,
                           const ScanVisitor& visitor) const override {
    std::string to(end);
    Entries entries;
    while (Collect(/*reverse=*/true, family, begin, to, &entries)) {
      if (!VisitAll(entries, visitor)) return absl::OkStatus();
      to = entries.back().key;
    }
    VisitAll(entries, visitor);
    return absl::OkStatus();
  }

 private:
  using Entries = std::vector<VersionedMap::Entry>;

  // Entries are copied out in portions, so that visitors run without the lock and may read again.
  static constexpr size_t kPortion = 256;

  bool Collect(bool reverse, Family family, absl::string_view begin, absl::string_view end, Entries* entries) const {
    entries->clear();
    return disk_->Collect(reverse, family, begin, end, number_, kPortion, entries);
  }

  static bool VisitAll(const Entries& entries, const ScanVisitor& visitor) {
    for (const VersionedMap::Entry& entry : entries) {
      if (!visitor(entry.key, *entry.value)) return false;
    }
    return true;
  }

  const std::shared_ptr<MemoryDisk> disk_;
  const uint64_t number_;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::shared_ptr<MemoryDisk> disk) : disk_(std::move(disk)) {}
  ~MemoryStore() override {
    if (epoch_ != 0) disk_->Unpin(number());
  }

  absl::Status Open() {
    absl::MutexLock lock(&mutex_);
    return disk_->Open(&epoch_, &number_);
  }

  uint64_t epoch() const override { return epoch_; }
  bool is_unused_copy() const override { return disk_->is_unused_copy(); }
  uint64_t number() const override {
    absl::ReaderMutexLock lock(&mutex_);
    return number_;
  }

  CommitResult Commit(const WriteBatch& batch, uint64_t number, std::string* error) override {
    absl::MutexLock lock(&mutex_);
    CheckCommit(batch, number_, number);
    if (!failure_.empty()) {
      *error = failure_;
      return CommitResult::kUnknown;
    }
    const CommitResult result = disk_->Commit(epoch_, batch, number, error);
    if (result == CommitResult::kDone) number_ = number;
    if (result == CommitResult::kUnknown) failure_ = *error;
    return result;
  }

  std::shared_ptr<const Snapshot> TakeSnapshot() const override {
    absl::ReaderMutexLock lock(&mutex_);  // The number must not move on before it is pinned.
    return std::make_shared<MemorySnapshot>(disk_, number_);
  }

  absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) override {
    disk_->Reclaim(family, begin, end);
    return absl::OkStatus();
  }
  absl::Status Backup(const std::string& directory) override { return disk_->Backup(directory); }
  uint64_t DiskBytes() const override { return disk_->bytes(); }
  uint64_t MemoryBytes() const override { return disk_->bytes(); }

 private:
  const std::shared_ptr<MemoryDisk> disk_;
  uint64_t epoch_ = 0;  // Constant once open.
  mutable absl::Mutex mutex_;
  uint64_t number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string failure_ ABSL_GUARDED_BY(mutex_);  // Why this store can do nothing any more; empty while it can.
};

absl::StatusOr<std::unique_ptr<Store>> OpenMemoryStore(std::shared_ptr<MemoryDisk> disk) {
  auto store = std::make_unique<MemoryStore>(std::move(disk));
  RETURN_IF_ERROR(store->Open());
  return store;
}

}  // namespace baton::storage
