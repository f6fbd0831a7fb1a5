// What a store says of the live table: checkpoint, pages and journal, folded by the code that a restart runs.
#ifndef BATON_BROKER_ENGINE_VERIFY_LIVE_TABLE_H_
#define BATON_BROKER_ENGINE_VERIFY_LIVE_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/engine/catalog.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/follower.h"
#include "broker/engine/live/index.h"
#include "broker/engine/live/view.h"
#include "broker/engine/verify/findings.h"
#include "broker/storage/store.h"

namespace baton::engine {

// Not thread-safe. `store` must outlive it and not be written meanwhile.
class LiveTable {
 public:
  LiveTable(const EngineSettings& settings, const storage::Store* store)
      : store_(*store), follower_(settings, store, &catalog_) {}

  // Tells what is wrong with it by itself. Errors: only what the store could not read.
  absl::Status Read(Findings* findings);

  // False if it cannot be folded: then nothing below is of use.
  bool known() const { return view_ != nullptr; }
  TaskId next_id() const { return view_->next_id(); }
  // Null if none of its ids ever existed; DATA_LOSS if it is not readable, which Read() has told.
  absl::StatusOr<std::shared_ptr<const Page>> GetPage(uint64_t page_number) const {
    return view_->GetPage(page_number);
  }
  // Whether readers look for tasks of the page in the index, though the page does not say that it has rows there.
  bool LacksIndex(const Page& page) const {
    const bool reads_index =
        IsFull(page.page_number(), next_id()) && view_->PageInMemory(page.page_number()) == nullptr;
    return reads_index && !page.indexed() && page.live_count() + page.ended_count() > 0;
  }
  absl::StatusOr<LiveState> StateOf(TaskId id) const { return view_->StateOf(id); }

  // Keys of family page that are none.
  const std::vector<std::string>& stray_pages() const { return stray_pages_; }

  // Takes one page into a recount of the counters.
  void Recount(const Page& page);
  // After all pages were: compares.
  void CheckCounters(Findings* findings) const;

 private:
  absl::Status ReadCheckpoint(const storage::Snapshot& store, Findings* findings);
  absl::Status ReadPages(const storage::Snapshot& store, Findings* findings);
  absl::Status ReadJournal(const storage::Snapshot& store, Findings* findings);
  void TakeEntry(uint64_t number, absl::string_view value, Findings* findings);
  void CheckOrder(uint64_t number, const records::v1::JournalEntry& entry, Findings* findings);

  const storage::Store& store_;
  Catalog catalog_;
  Follower follower_;
  records::v1::CheckpointRow checkpoint_;
  // What is damaged so that folding would give something else than a restart did.
  bool broken_ = false;
  bool page_missing_ = false;
  bool above_checkpoint_ = false;  // An entry that a restart folds was read.
  uint64_t last_entry_ = 0;
  TaskId last_next_id_ = 0;
  std::vector<std::string> stray_pages_;
  std::shared_ptr<const View> view_;
  std::map<ClassNumber, StateCounts> recount_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_LIVE_TABLE_H_
