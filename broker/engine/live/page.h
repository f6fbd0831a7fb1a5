// The states of 16,384 consecutive ids, and for each live one what dispatch and recovery need.
#ifndef BATON_BROKER_ENGINE_LIVE_PAGE_H_
#define BATON_BROKER_ENGINE_LIVE_PAGE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/catalog.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/live/attributes.h"

namespace baton::engine {

using records::v1::LiveState;

inline bool IsTerminal(LiveState state) {
  return state == LiveState::COMPLETED || state == LiveState::FAILED || state == LiveState::CANCELLED;
}
inline bool IsLive(LiveState state) {
  return state == LiveState::PENDING || state == LiveState::RUNNING || state == LiveState::SUSPENDED ||
         state == LiveState::WAITING || state == LiveState::STAGED;
}

// Everything the live table knows of one live task. Absolute: an entry replaces the one before.
struct LiveEntry {
  TaskId id = 0;
  LiveState state = LiveState::NONE;
  bool paused = false;
  ClassNumber class_number = 0;
  int32_t priority = 0;
  WallMicros due = 0;
  uint32_t attempt = 0;
  // RUNNING.
  uint64_t session = 0;
  OptionsNumber options_number = 0;
  uint64_t handler_version = 0;
  WallMicros claimed = 0;
  WallMicros ready = 0;
  // WAITING.
  uint32_t generation = 0;
  uint64_t remaining = 0;
  // Children that did not complete: of those waited for, or of the stage before.
  uint64_t failed = 0;
  // Fails as soon as one of these does not complete.
  bool fail_fast = false;
  // The first instant at which something must happen to it whatever comes; 0: none.
  WallMicros alarm = 0;

  friend bool operator==(const LiveEntry&, const LiveEntry&) = default;
};

// How many tasks of one class have ended, by how they did.
struct EndedCounts {
  ClassNumber class_number = 0;
  uint32_t completed = 0;
  uint32_t failed = 0;
  uint32_t cancelled = 0;

  // `state` is terminal.
  uint32_t& Of(LiveState state) {
    return state == LiveState::COMPLETED ? completed : state == LiveState::FAILED ? failed : cancelled;
  }
  uint32_t Of(LiveState state) const { return const_cast<EndedCounts*>(this)->Of(state); }
  uint64_t sum() const { return uint64_t{completed} + failed + cancelled; }

  friend bool operator==(const EndedCounts&, const EndedCounts&) = default;
};
records::v1::EndedCounts ToRecord(const EndedCounts& counts);
EndedCounts FromRecord(const records::v1::EndedCounts& record);

// Not thread-safe; a shared page is never changed (the follower copies it first).
class Page {
 public:
  explicit Page(uint64_t page_number) : page_number_(page_number) {}

  // `bytes` are a PageRow. DATA_LOSS if it is not well-formed.
  static absl::StatusOr<Page> Decode(uint64_t page_number, absl::string_view bytes);
  // Becomes that page; after an error it is none. `row` is for use on the way: the memory that it and the page have is
  // used again, and not given back to the system and asked for once more, which would take longer than all the rest.
  absl::Status Refill(uint64_t page_number, absl::string_view bytes, records::v1::PageRow* row);
  // As PageRow, folded up to commit `folded`.
  std::string Encode() const { return Encode(indexed_); }
  // The same as it will be once it is indexed.
  std::string EncodeIndexed() const { return Encode(true); }

  uint64_t page_number() const { return page_number_; }
  TaskId first_id() const { return page_number_ * kPageIds; }

  // Number of the last commit folded in.
  uint64_t folded() const { return folded_; }
  void set_folded(uint64_t number) { folded_ = number; }

  LiveState StateAt(uint32_t slot) const { return static_cast<LiveState>(states_[slot / 2] >> (slot % 2 * 4) & 0xF); }
  // False, and `entry` untouched, if the task is not live.
  bool Find(uint32_t slot, LiveEntry* entry) const;
  // Calls visit(const LiveEntry&) for each live task in ascending order of ids.
  template <typename Visitor>
  void ForEachLive(Visitor&& visit) const {
    for (const Base& base : live_) {
      if (IsLive(StateAt(base.slot))) visit(Join(base));
    }
  }
  size_t live_count() const { return live_count_; }
  // An estimate.
  size_t memory_bytes() const {
    return sizeof(Page) + live_.capacity() * sizeof(Base) + extras_.capacity() * 80 +
           ended_.capacity() * sizeof(EndedCounts) + attributes_.capacity() * sizeof(AttributeRun);
  }

  // Sets the state of a live task, or of one that had ended and is live again.
  void Put(const LiveEntry& entry);
  // Sets a terminal state, or REMOVED, or NONE; whoever does it counts what has ended.
  void End(uint32_t slot, LiveState state);

  // ── For lists: what never changes of its tasks ──
  // Of every id that was created, ascending; empty once the page is indexed: then index.h tells.
  const std::vector<AttributeRun>& attributes() const { return attributes_; }
  bool indexed() const { return indexed_; }
  // Of ids that were created. False, and nothing has changed, if some of them or later ones were before.
  bool AddAttributes(const AttributeRun& run);
  // The rows of the index are on disk.
  void SetIndexed();

  // ── For retention ──
  // Tasks that have ended and are not removed, ascending by class, and how many they are.
  const std::vector<EndedCounts>& ended() const { return ended_; }
  uint64_t ended_count() const { return ended_count_; }
  void CountEnded(ClassNumber class_number, LiveState state);
  // False, and nothing has changed, if there are not so many.
  bool UncountEnded(const EndedCounts& removed);
  // Time of the newest commit that ended a task of it; 0: none.
  WallMicros newest_end() const { return newest_end_; }
  void NoteEnd(WallMicros time) { newest_end_ = std::max(newest_end_, time); }
  // Whether some id of it is, or was, a child, or has, or had, children.
  bool has_children() const { return has_children_; }
  bool has_parents() const { return has_parents_; }
  void set_has_children() { has_children_ = true; }
  void set_has_parents() { has_parents_ = true; }

 private:
  struct Base {
    uint16_t slot;
    int8_t priority;
    bool has_extra;
    uint32_t attempt;
    WallMicros due;
    ClassNumber class_number;
  };
  struct Extra {
    bool paused = false;
    uint64_t session = 0;
    OptionsNumber options_number = 0;
    uint64_t handler_version = 0;
    WallMicros claimed = 0;
    WallMicros ready = 0;
    uint32_t generation = 0;
    uint64_t remaining = 0;
    uint64_t failed = 0;
    bool fail_fast = false;
    WallMicros alarm = 0;

    friend bool operator==(const Extra&, const Extra&) = default;
  };

  std::string Encode(bool indexed) const;
  absl::Status FillStates(const records::v1::PageRow& row);
  absl::Status FillLive(const records::v1::PageRow& row);
  absl::Status FillEnded(const records::v1::PageRow& row);
  LiveEntry Join(const Base& base) const;
  void SetState(uint32_t slot, LiveState state);
  void DropEnded();

  uint64_t page_number_;
  uint64_t folded_ = 0;
  std::array<uint8_t, kPageIds / 2> states_{};
  // Ascending by slot; may hold ended tasks, dropped when they are the majority.
  std::vector<Base> live_;
  absl::flat_hash_map<uint16_t, Extra> extras_;
  size_t live_count_ = 0;
  std::vector<EndedCounts> ended_;
  uint64_t ended_count_ = 0;
  WallMicros newest_end_ = 0;
  bool has_children_ = false;
  bool has_parents_ = false;
  std::vector<AttributeRun> attributes_;
  bool indexed_ = false;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_PAGE_H_
