#include "broker/storage/memory_disk.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/storage/commit_check.h"

namespace baton::storage {
namespace {

// By how much the epoch of a copy is ahead of the original's.
constexpr uint64_t kCopyEpochs = 1 << 16;

}  // namespace

void MemoryDisk::FailNextCommit(Fault fault) {
  absl::MutexLock lock(&mutex_);
  next_fault_ = fault;
}

void MemoryDisk::Fence() {
  absl::MutexLock lock(&mutex_);
  ++epoch_;
}

void MemoryDisk::SetFull(bool full) {
  absl::MutexLock lock(&mutex_);
  full_ = full;
}

uint64_t MemoryDisk::number() const {
  absl::ReaderMutexLock lock(&mutex_);
  return number_;
}

uint64_t MemoryDisk::epoch() const {
  absl::ReaderMutexLock lock(&mutex_);
  return epoch_;
}

std::shared_ptr<MemoryDisk> MemoryDisk::backup(const std::string& directory) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = backups_.find(directory);
  return found == backups_.end() ? nullptr : found->second;
}

absl::Status MemoryDisk::Open(uint64_t* epoch, uint64_t* number) {
  absl::MutexLock lock(&mutex_);
  if (full_) return absl::ResourceExhaustedError("open: no space left on the disk: free some, then open it again");
  *epoch = ++epoch_;
  *number = number_;
  pins_.insert(number_);
  return absl::OkStatus();
}

bool MemoryDisk::is_unused_copy() const {
  absl::ReaderMutexLock lock(&mutex_);
  return is_unused_copy_;
}

CommitResult MemoryDisk::Commit(uint64_t epoch, const WriteBatch& batch, uint64_t number, std::string* error) {
  absl::MutexLock lock(&mutex_);
  if (epoch != epoch_) {
    *error = absl::StrCat("commit ", number, ": another owner has opened the store: its epoch is ", epoch_,
                          ", this one's ", epoch);
    return CommitResult::kFenced;
  }
  const Fault fault = std::exchange(next_fault_, Fault::kNone);
  if (full_ || fault == Fault::kUnknownLost) {
    *error = absl::StrCat("commit ", number, full_ ? ": no space left on the disk" : ": the write was lost");
    return CommitResult::kUnknown;
  }
  ApplyLocked(batch, number);
  if (fault == Fault::kUnknownWritten) {
    *error = absl::StrCat("commit ", number, ": the answer to the write was lost");
    return CommitResult::kUnknown;
  }
  pins_.erase(pins_.find(number - 1));  // The store's own pin goes along with its number.
  pins_.insert(number);
  PruneLocked();
  return CommitResult::kDone;
}

void MemoryDisk::ApplyLocked(const WriteBatch& batch, uint64_t number) {
  batch.ForEach([&](WriteBatch::Op op, Family name, absl::string_view key, absl::string_view value) {
    mutex_.AssertHeld();
    CheckChange(op, name, key, value);
    if (op == WriteBatch::Op::kDeleteRange) {
      family(name).DeleteRange(key, value, number, [&](const std::string& deleted) {
        mutex_.AssertHeld();
        garbage_.push_back({number, name, deleted});
      });
      return;
    }
    const bool is_put = op == WriteBatch::Op::kPut;
    auto stored = is_put ? std::make_shared<const std::string>(value) : VersionedMap::Value();
    if (family(name).Write(key, std::move(stored), number)) garbage_.push_back({number, name, std::string(key)});
  });
  number_ = number;
  is_unused_copy_ = false;
}

void MemoryDisk::PruneLocked() {
  const uint64_t oldest = pins_.empty() ? number_ : *pins_.begin();
  while (!garbage_.empty() && garbage_.front().number <= oldest) {
    family(garbage_.front().family).Prune(garbage_.front().key, oldest);
    garbage_.pop_front();
  }
}

absl::Status MemoryDisk::Backup(const std::string& directory) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<MemoryDisk>& copy = backups_[directory];
  if (copy != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("backup: ", directory, " exists: name a new directory"));
  }
  copy = std::make_shared<MemoryDisk>();
  absl::MutexLock copy_lock(&copy->mutex_);
  for (int i = 0; i < kFamilyCount; ++i) copy->families_[i] = families_[i].CopyAt(number_);
  copy->number_ = number_;
  copy->epoch_ = epoch_ + kCopyEpochs;
  copy->is_unused_copy_ = true;
  return absl::OkStatus();
}

void MemoryDisk::Reclaim(Family name, absl::string_view begin, absl::string_view end) {
  absl::MutexLock lock(&mutex_);
  family(name).Forget(begin, end);
}

void MemoryDisk::Pin(uint64_t number) {
  absl::MutexLock lock(&mutex_);
  pins_.insert(number);
}

void MemoryDisk::Unpin(uint64_t number) {
  absl::MutexLock lock(&mutex_);
  pins_.erase(pins_.find(number));
}

VersionedMap::Value MemoryDisk::Find(Family name, absl::string_view key, uint64_t number) const {
  absl::ReaderMutexLock lock(&mutex_);
  return family(name).Find(key, number);
}

bool MemoryDisk::Collect(bool reverse, Family name, absl::string_view begin, absl::string_view end, uint64_t number,
                         size_t limit, std::vector<VersionedMap::Entry>* entries) const {
  absl::ReaderMutexLock lock(&mutex_);
  return reverse ? family(name).CollectReverse(begin, end, number, limit, entries)
                 : family(name).Collect(begin, end, number, limit, entries);
}

uint64_t MemoryDisk::bytes() const {
  absl::ReaderMutexLock lock(&mutex_);
  uint64_t sum = 0;
  for (const VersionedMap& map : families_) sum += map.bytes();
  return sum;
}

}  // namespace baton::storage
