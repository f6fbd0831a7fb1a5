// Folds journal entries into pages: the same code that recovery runs, so that what is rebuilt is what was live.
#ifndef BATON_BROKER_ENGINE_LIVE_FOLLOWER_H_
#define BATON_BROKER_ENGINE_LIVE_FOLLOWER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/activity.h"
#include "broker/engine/live/attributes.h"
#include "broker/engine/live/view.h"
#include "broker/storage/store.h"

namespace baton::engine {

// Not thread-safe: belongs to one thread, or to recovery before that.
class Follower {
 public:
  // `store` and `catalog` must outlive it.
  Follower(const EngineSettings& settings, const storage::Store* store, const Catalog* catalog)
      : settings_(settings), store_(store), catalog_(catalog) {}
  const EngineSettings& settings() const { return settings_; }

  // Recovery: where the stored pages stand.
  absl::Status Restore(const records::v1::CheckpointRow& checkpoint);

  // Applies the journal entry of commit `number`, the next one. Errors: DATA_LOSS a page needed is damaged, or the
  // entry contradicts it. `tagged`: tasks with a tag of which it tells more than that they were created; only the board
  // is told.
  absl::Status Fold(uint64_t number, const records::v1::JournalEntry& entry, size_t entry_bytes,
                    absl::Span<const TaggedTask> tagged = {});

  uint64_t folded() const { return folded_; }
  TaskId next_id() const { return next_id_; }

  // From now on, tells `board` what happens to tasks. `board` and `clock` must outlive the follower.
  void Observe(ActivityBoard* board, const Clock* clock) {
    board_ = board;
    clock_ = clock;
  }

  // A picture as of folded(); `snapshot` must be of that very commit. Valid for any thread, for as long as it is held.
  std::shared_ptr<const View> MakeView(std::shared_ptr<const storage::Snapshot> snapshot);

  // Pages that should be stored now, oldest first, at most 256 KiB, with a new checkpoint and the journal trimmed, and
  // rows of the index for those that are full; empty if none is due. They have to be committed, and then, after that
  // commit was folded, be told by PagesStored(). One set is out at a time. `all`: whatever is dirty, due or not.
  std::optional<storage::WriteBatch> TakeDuePages(WallMicros now, bool all = false);
  void PagesStored();
  bool pages_out() const { return !out_.empty(); }
  bool dirty() const { return !dirty_.empty(); }

  // Journal, in bytes, that only the journal holds: how much a restart would have to replay.
  size_t unstored_journal_bytes() const;

  // Calls visit(const LiveEntry&) for every live task, in order of ids; loads pages as needed.
  absl::Status ForEachLive(absl::FunctionRef<void(const LiveEntry&)> visit);

 private:
  struct Slot {
    std::shared_ptr<Page> page;
    // View number since which the page is not shared with any view.
    uint64_t copied_at = 0;
    // First commit that is not in the stored row; 0: clean.
    uint64_t dirty_since = 0;
    WallMicros dirty_time = 0;
    uint64_t journal_at_dirty = 0;
    uint64_t last_used = 0;
  };

  absl::Status FoldCreated(const records::v1::JournalEntry& entry);
  absl::Status FoldSealed(const records::v1::JournalEntry& entry);
  absl::Status FoldClaimed(const records::v1::JournalEntry& entry);
  absl::Status FoldPausedAndAlarms(const records::v1::JournalEntry& entry);
  absl::Status FoldRevived(const records::v1::JournalEntry& entry);
  absl::Status FoldMoved(const records::v1::JournalEntry& entry);
  absl::Status FoldEnded(const records::v1::JournalEntry& entry);
  absl::Status FoldRemoved(const records::v1::JournalEntry& entry);
  absl::Status FoldRemovedEnded(const records::v1::JournalEntry& entry);
  template <typename Deltas>
  absl::Status FoldEndedList(const Deltas& deltas, LiveState state);

  // The page, for changing; null if it holds this commit already (only while recovering).
  absl::StatusOr<Page*> Open(uint64_t page_number);
  absl::StatusOr<std::shared_ptr<Page>> Load(uint64_t page_number) const;
  void MarkDirty(Slot& slot);
  void Put(Page* page, const LiveEntry& entry);
  absl::Status End(Page* page, TaskId id, LiveState state);
  absl::Status Change(TaskId id, absl::FunctionRef<void(LiveEntry&)> change);
  void Count(ClassNumber class_number, LiveState state, int64_t change);
  // What became of a task: from `before` to `after`, or to an end.
  void ObserveChange(const LiveEntry& before, const LiveEntry& after);
  void ObserveEnd(const LiveEntry& before, LiveState state);
  void Observe(Happening happening, const LiveEntry& task, Micros duration);
  bool Shared(uint64_t copied_at);
  // Its page, copied before if some view shares it.
  Page& Writable(Slot& slot);
  void EvictCleanPages();

  const EngineSettings settings_;
  const storage::Store* store_;
  const Catalog* catalog_;

  uint64_t folded_ = 0;
  uint64_t folding_ = 0;  // Commit being folded.
  WallMicros folding_time_ = 0;
  TaskId next_id_ = 1;
  // Counters are as of this commit: entries up to it change pages, not counters.
  uint64_t counted_ = 0;

  absl::flat_hash_map<uint64_t, Slot> slots_;
  std::vector<uint64_t> touched_;                  // Pages changed by the entry being folded.
  std::set<std::pair<uint64_t, uint64_t>> dirty_;  // (dirty_since, page)
  std::set<uint64_t> stored_live_;                 // Stored pages with live ids.
  bool crowded_ = false;                           // Dirty pages take too much memory.

  ActivityBoard* board_ = nullptr;
  const Clock* clock_ = nullptr;
  // Of the entry being folded.
  std::vector<Observation> observations_;
  absl::flat_hash_map<TaskId, uint32_t> tag_hashes_;
  // Since when parents are ready again that their children have brought back, and nobody has claimed since. They keep
  // the due time of before in the order, so that workflows that have begun go first.
  absl::flat_hash_map<TaskId, WallMicros> returned_;

  std::shared_ptr<View::Counts> counts_ = std::make_shared<View::Counts>();
  uint64_t counts_copied_at_ = 0;
  std::shared_ptr<const View::Pages> published_;  // Reused while nothing changed; null after a change.

  // Views made so far; how many are alive; all up to `released_` are gone.
  uint64_t views_ = 0;
  uint64_t released_ = 0;
  std::shared_ptr<std::atomic<int>> alive_ = std::make_shared<std::atomic<int>>(0);

  // What is out for storing. `indexed`: with its rows of the index, for the first time.
  struct Out {
    uint64_t page_number;
    bool indexed;
  };
  std::vector<Out> out_;

  // Journal kept: (commit, time, bytes written before it), a sample now and then.
  struct Sample {
    uint64_t number;
    WallMicros time;
    uint64_t bytes;
  };
  std::deque<Sample> samples_;
  uint64_t journal_bytes_ = 0;
  uint64_t trimmed_ = 0;  // Entries up to this one are deleted.
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_FOLLOWER_H_
