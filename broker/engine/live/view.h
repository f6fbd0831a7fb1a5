// A consistent picture of everything: the store and the live table as of one commit.
#ifndef BATON_BROKER_ENGINE_LIVE_VIEW_H_
#define BATON_BROKER_ENGINE_LIVE_VIEW_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "broker/engine/catalog.h"
#include "broker/engine/live/page.h"
#include "broker/storage/store.h"

namespace baton::engine {

inline constexpr int kLiveStates = 10;
// Tasks by state, indexed by LiveState.
using StateCounts = std::array<uint64_t, kLiveStates>;

// Immutable and thread-safe. Holds a snapshot of the store: keep it no longer than one read takes.
class View {
 public:
  using Pages = absl::flat_hash_map<uint64_t, std::shared_ptr<const Page>>;
  using Counts = absl::flat_hash_map<ClassNumber, StateCounts>;

  View(uint64_t number, TaskId next_id, std::shared_ptr<const storage::Snapshot> snapshot,
       std::shared_ptr<const Pages> pages, std::shared_ptr<const Counts> counts, const Catalog* catalog,
       std::shared_ptr<void> lease = nullptr)
      : lease_(std::move(lease)),
        number_(number),
        next_id_(next_id),
        snapshot_(std::move(snapshot)),
        pages_(std::move(pages)),
        counts_(std::move(counts)),
        catalog_(catalog) {}

  // Number of the commit it shows.
  uint64_t number() const { return number_; }
  // Every id below it has existed.
  TaskId next_id() const { return next_id_; }
  const storage::Snapshot& store() const { return *snapshot_; }
  const Catalog& catalog() const { return *catalog_; }
  // By class; over all retained tasks.
  const Counts& counts() const { return *counts_; }

  // The page if it is in memory, else null. A full page that is not was stored as it is, with its rows of the index.
  std::shared_ptr<const Page> PageInMemory(uint64_t page_number) const {
    const auto in_memory = pages_->find(page_number);
    return in_memory != pages_->end() ? in_memory->second : nullptr;
  }
  // The page, from memory or read from the store; null if none of its ids ever existed. DATA_LOSS if it is damaged.
  absl::StatusOr<std::shared_ptr<const Page>> GetPage(uint64_t page_number) const;

  // Numbers of all pages that may have live tasks, ascending. DATA_LOSS if the checkpoint is damaged.
  absl::StatusOr<std::vector<uint64_t>> LivePages() const;

  // State of one id; NONE if it never existed. If the task is live, `entry` (if not null) is filled in.
  absl::StatusOr<LiveState> StateOf(TaskId id, LiveEntry* entry = nullptr) const;

 private:
  // First, so that it is dropped last: tells the follower that this view shares nothing any more.
  std::shared_ptr<void> lease_;
  uint64_t number_;
  TaskId next_id_;
  std::shared_ptr<const storage::Snapshot> snapshot_;
  std::shared_ptr<const Pages> pages_;
  std::shared_ptr<const Counts> counts_;
  const Catalog* catalog_;
};

// Reads page after page of a view, as lists do. A page asked for several times in a row is read once: its 16,384 ids
// take far longer to decode than one of them to look at. Not thread-safe.
class PageCursor {
 public:
  // `view` must outlive it.
  explicit PageCursor(const View& view) : view_(view) {}

  // As View::GetPage; the page is valid until the next call.
  absl::StatusOr<const Page*> Read(uint64_t page_number);

  // As View::StateOf.
  absl::StatusOr<LiveState> StateOf(TaskId id, LiveEntry* entry = nullptr);

 private:
  absl::StatusOr<const Page*> Find(uint64_t page_number);

  const View& view_;
  // The last one that was asked for, if `has_last_`.
  bool has_last_ = false;
  uint64_t last_number_ = 0;
  const Page* last_ = nullptr;
  std::shared_ptr<const Page> in_memory_;
  // What was read from the store: the memory is used again for the next one.
  std::string bytes_;
  records::v1::PageRow row_;
  Page page_{0};
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_VIEW_H_
