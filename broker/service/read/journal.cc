#include "broker/service/read/journal.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "broker/engine/live/changed_tasks.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

using engine::TaskId;
using records::v1::JournalEntry;
using storage::Family;

// Not every commit has an entry, so that none for the first one does not say whether there was one. The checkpoint
// does.
Error CheckNotTrimmed(const engine::View& view, uint64_t number) {
  records::v1::CheckpointRow checkpoint;
  bool found = false;
  Error error = ReadRow(view.store(), Family::kMeta, engine::CheckpointMetaKey(), &checkpoint, &found);
  if (!error.ok() || number > checkpoint.trimmed()) return error;
  return WatchExpired("the journal does not reach back to it any more");
}

// Takes ids from one entry after the other.
class Reading {
 public:
  Reading(const JournalLimits& limits, absl::FunctionRef<bool(TaskId)> wanted, std::vector<Change>* changes)
      : limits_(limits), wanted_(wanted), changes_(*changes) {}

  // False when a limit is reached: `next` is where to go on.
  bool Take(const JournalEntry& entry, size_t bytes, JournalPosition* next) {
    const JournalPosition begin = *next;
    uint64_t index = 0;
    bool full = false;
    engine::ForEachChangedRun(entry, [&](TaskId first, uint64_t count) {
      uint64_t skipped = std::min(count, begin.index - std::min(index, begin.index));
      index += skipped;
      for (TaskId id = first + skipped; id < first + count; ++id, ++index) {
        full = changes_.size() >= limits_.ids || passed_ >= limits_.ids_passed;
        if (full) return false;
        ++passed_;
        if (wanted_(id) && seen_.insert(id).second) changes_.push_back({id, {begin.number, index}});
      }
      return true;
    });
    bytes_ += bytes;
    *next = full ? JournalPosition{begin.number, index} : JournalPosition{begin.number + 1, 0};
    return !full && bytes_ < limits_.bytes;
  }

 private:
  const JournalLimits& limits_;
  const absl::FunctionRef<bool(TaskId)> wanted_;
  std::vector<Change>& changes_;
  absl::flat_hash_set<TaskId> seen_;
  size_t passed_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

Error WatchExpired(const char* why) {
  return {absl::StatusCode::kOutOfRange, "WATCH_EXPIRED",
          absl::StrCat("resume_token is too old: ", why, "; watch anew, without it and with `initial`")};
}

Error ReadChanges(const engine::View& view, const JournalPosition& from, const JournalLimits& limits,
                  absl::FunctionRef<bool(TaskId)> wanted, std::vector<Change>* changes, JournalPosition* next) {
  changes->clear();
  *next = {view.number() + 1, 0};
  if (from == *next) return {};
  if (from.number > view.number()) return WatchExpired("this store has not come so far");
  Reading reading(limits, wanted, changes);
  uint64_t first = 0;
  bool stopped = false;
  Error error;
  const absl::Status status =
      view.store().Scan(Family::kJournal, engine::JournalKey(from.number), engine::JournalKey(view.number() + 1),
                        [&](absl::string_view key, absl::string_view value) {
                          JournalPosition at{engine::ReadU64(key), 0};
                          if (first == 0) first = at.number;
                          if (at.number == from.number) at.index = from.index;
                          JournalEntry entry;
                          error = ParseRow(value, absl::StrCat("journal entry ", at.number), &entry);
                          stopped = error.ok() && !reading.Take(entry, value.size(), &at);
                          if (stopped) *next = at;
                          return error.ok() && !stopped;
                        });
  if (!status.ok()) return StoreDamaged(std::string(status.message()));
  if (!error.ok() || first == from.number) return error;
  return CheckNotTrimmed(view, from.number);
}

}  // namespace baton::service
