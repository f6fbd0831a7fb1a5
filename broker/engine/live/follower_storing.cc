// Storing of pages, and keeping them in memory.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "broker/engine/live/follower.h"
#include "broker/engine/live/index.h"

namespace baton::engine {
namespace {

using records::v1::CheckpointRow;

// Bytes of pages in one commit: small enough not to delay it.
constexpr size_t kPageBatchBytes = 256 << 10;
// Decoded pages kept in memory; live ones that nobody touches are read again when needed. Pages that have to be stored
// first may take half of it: a flood of submissions fills 60 MiB of them in the time in which pages become due.
constexpr size_t kPageCacheBytes = 64 << 20;
// Commits between two looks at the size of that cache.
constexpr uint64_t kEvictionInterval = 64;

}  // namespace

size_t Follower::unstored_journal_bytes() const {
  if (dirty_.empty()) return 0;
  return journal_bytes_ - slots_.find(dirty_.begin()->second)->second.journal_at_dirty;
}

std::optional<storage::WriteBatch> Follower::TakeDuePages(WallMicros now, bool all) {
  if (!out_.empty() || dirty_.empty()) return std::nullopt;
  storage::WriteBatch batch;
  while (!dirty_.empty() && batch.bytes() < kPageBatchBytes) {
    const uint64_t page_number = dirty_.begin()->second;
    Slot& slot = slots_[page_number];
    const bool due = all || crowded_ || now - slot.dirty_time >= settings_.page_interval ||
                     journal_bytes_ - slot.journal_at_dirty >= settings_.page_journal_bytes / 4;
    if (!due) break;
    const bool fills = !slot.page->indexed() && IsFull(page_number, next_id_);
    if (fills) AddIndexRows(*slot.page, &batch);
    batch.Put(storage::Family::kPage, PageKey(page_number), fills ? slot.page->EncodeIndexed() : slot.page->Encode());
    if (slot.page->live_count() > 0) {
      stored_live_.insert(page_number);
    } else {
      stored_live_.erase(page_number);
    }
    dirty_.erase(dirty_.begin());
    slot.dirty_since = 0;
    out_.push_back({page_number, fills});
  }
  if (batch.empty()) return std::nullopt;

  CheckpointRow checkpoint;
  checkpoint.set_number(dirty_.empty() ? folded_ : dirty_.begin()->first - 1);
  checkpoint.set_next_id(next_id_);
  checkpoint.set_time_us(now);
  checkpoint.set_counted(std::max(folded_, counted_));
  checkpoint.mutable_live_pages()->Add(stored_live_.begin(), stored_live_.end());
  for (const auto& [class_number, counts] : *counts_) {
    auto* row = checkpoint.add_counts();
    row->set_class_number(class_number);
    row->mutable_counts()->Add(counts.begin(), counts.end());
  }

  // Watchers may still want what recovery no longer needs.
  uint64_t trim = trimmed_;
  while (
      samples_.size() > 1 && samples_[1].number <= checkpoint.number() &&
      (now - samples_[1].time > settings_.watch_window || journal_bytes_ - samples_[1].bytes > settings_.watch_bytes)) {
    trim = samples_[1].number;
    samples_.pop_front();
  }
  if (trim > trimmed_) {
    batch.DeleteRange(storage::Family::kJournal, JournalKey(trimmed_), JournalKey(trim + 1));
    trimmed_ = trim;
  }
  checkpoint.set_trimmed(trimmed_);
  batch.Put(storage::Family::kMeta, CheckpointMetaKey(), checkpoint.SerializeAsString());
  return batch;
}

void Follower::PagesStored() {
  for (const Out& stored : out_) {
    if (!stored.indexed) continue;
    Writable(slots_[stored.page_number]).SetIndexed();
    published_ = nullptr;
  }
  out_.clear();
}

void Follower::EvictCleanPages() {
  if (folded_ % kEvictionInterval != 0) return;
  size_t page_bytes = 0, dirty_bytes = 0;
  for (const auto& [number, slot] : slots_) {
    const size_t bytes = slot.page->memory_bytes();
    page_bytes += bytes;
    if (slot.dirty_since != 0) dirty_bytes += bytes;
  }
  crowded_ = dirty_bytes > kPageCacheBytes / 2;
  if (page_bytes <= kPageCacheBytes) return;
  // Rows of what is out may not be on disk yet.
  absl::flat_hash_set<uint64_t> out;
  for (const Out& page : out_) out.insert(page.page_number);
  std::vector<std::pair<uint64_t, uint64_t>> clean;  // (last used, page)
  for (const auto& [number, slot] : slots_) {
    if (slot.dirty_since == 0 && !out.contains(number)) clean.emplace_back(slot.last_used, number);
  }
  std::sort(clean.begin(), clean.end());
  for (const auto& [last_used, number] : clean) {
    if (page_bytes <= kPageCacheBytes / 4 * 3) break;
    page_bytes -= slots_[number].page->memory_bytes();
    slots_.erase(number);
    published_ = nullptr;
  }
}

}  // namespace baton::engine
