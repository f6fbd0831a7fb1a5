#include "broker/storage/rocksdb_snapshot.h"

#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "broker/storage/rocksdb_options.h"
#include "broker/storage/rocksdb_own_number.h"
#include "broker/storage/rocksdb_status.h"
#include "spdlog/spdlog.h"

namespace baton::storage {
namespace {

rocksdb::Slice SliceOf(absl::string_view text) { return {text.data(), text.size()}; }
absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

bool IsEmptyRange(absl::string_view begin, absl::string_view end) { return !end.empty() && begin >= end; }

}  // namespace

RocksDbSnapshot::RocksDbSnapshot(rocksdb::DB* db, const std::vector<rocksdb::ColumnFamilyHandle*>& families)
    : db_(db), families_(families), snapshot_(db->GetSnapshot()) {
  options_.snapshot = snapshot_;
  // Read through the snapshot itself: a number kept beside the database could be one commit off.
  const absl::StatusOr<uint64_t> number = ReadOwnNumber(db_, options_, families_[0], kNumberKey);
  if (!number.ok()) {
    // Readers would take one state for another one.
    spdlog::critical("storage: snapshot without a number: {}", number.status().ToString());
    std::abort();
  }
  number_ = *number;
}

RocksDbSnapshot::~RocksDbSnapshot() { db_->ReleaseSnapshot(snapshot_); }

absl::Status RocksDbSnapshot::Get(Family family, absl::string_view key, std::string* value) const {
  const rocksdb::Status status = db_->Get(options_, handle(family), SliceOf(key), value);
  if (status.ok()) return absl::OkStatus();
  if (status.IsNotFound()) return absl::NotFoundError("");
  return ToStatus(status, absl::StrCat("read family ", NameOf(family)));
}

absl::Status RocksDbSnapshot::Scan(Family family, absl::string_view begin, absl::string_view end,
                                   const ScanVisitor& visitor) const {
  if (IsEmptyRange(begin, end)) return absl::OkStatus();
  rocksdb::ReadOptions options = options_;
  const rocksdb::Slice upper = SliceOf(end);
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, handle(family)));
  for (at->Seek(SliceOf(begin)); at->Valid(); at->Next()) {
    if (!visitor(ToView(at->key()), ToView(at->value()))) return absl::OkStatus();
  }
  if (at->status().ok()) return absl::OkStatus();
  return ToStatus(at->status(), absl::StrCat("scan family ", NameOf(family)));
}

absl::Status RocksDbSnapshot::ScanReverse(Family family, absl::string_view begin, absl::string_view end,
                                          const ScanVisitor& visitor) const {
  if (IsEmptyRange(begin, end)) return absl::OkStatus();
  rocksdb::ReadOptions options = options_;
  const rocksdb::Slice lower = SliceOf(begin);
  const rocksdb::Slice upper = SliceOf(end);
  if (!begin.empty()) options.iterate_lower_bound = &lower;
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, handle(family)));
  for (at->SeekToLast(); at->Valid(); at->Prev()) {
    if (!visitor(ToView(at->key()), ToView(at->value()))) return absl::OkStatus();
  }
  if (at->status().ok()) return absl::OkStatus();
  return ToStatus(at->status(), absl::StrCat("scan family ", NameOf(family), " backwards"));
}

}  // namespace baton::storage
