// When to look for what is no longer retained, and in what order it goes: one page after another, a step at a time, so
// that nobody has to wait for it, and never by looking at all pages again and again.
#ifndef BATON_BROKER_ENGINE_RETENTION_SWEEPER_H_
#define BATON_BROKER_ENGINE_RETENTION_SWEEPER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/live/view.h"
#include "broker/engine/retention/ages.h"
#include "broker/engine/retention/plan.h"

namespace baton::engine {

// The wall clock, but never faster than the steady one: a jump ahead makes nothing older, one back only delays.
class RetentionClock {
 public:
  explicit RetentionClock(Now now) : time_(now.wall), steady_(now.steady) {}

  WallMicros Read(Now now) {
    time_ = std::min(now.wall, time_ + (now.steady - steady_));
    steady_ = now.steady;
    return time_;
  }
  // Something that happened by now says that it happened at `time`: it is not older than it is.
  void HoldBack(Now now, WallMicros time) { time_ = std::min(Read(now), time); }

 private:
  WallMicros time_;
  SteadyMicros steady_;
};

// What is to be sent to the engine.
struct NumberedRemoval {
  uint64_t number = 0;
  uint64_t page_number = 0;
  Removal removal;
};

// What came of a look.
struct Sighting {
  Look look;
  Plan plan;
};

// Looks one after the other, up to the first after which the view is out of date, or the page not gone through.
std::vector<Sighting> LookAt(const View& view, const std::vector<Look>& looks);

// Not thread-safe. Knows nothing of threads. Whoever drives it asks in turn
//
//   looks = sweeper.TakeLooks(now)         sightings = LookAt(a view made after that, looks)
//   command = sweeper.Take(sightings)      is sent to the engine, if there is one
//   range = sweeper.TakeReclaim()          its files are given back
//
// and tells each journal entry by Fold. What others remove is seen there too: a page may be gone by that. One thing is
// out at a time: until it is told how that ended, it answers nothing.
class Sweeper {
 public:
  // What has ended for longer than `ages` say goes; if they say that nothing ever does, only the space of what others
  // remove is given back. `next_id`: all ids below it have existed. `oldest_request_window`: no request id is stored in
  // one before it.
  Sweeper(const RetentionAges& ages, Now now, TaskId next_id, uint32_t oldest_request_window);

  // After the entry was folded: a view made from now on shows it.
  void Fold(const records::v1::JournalEntry& entry, Now now);

  std::vector<Look> TakeLooks(Now now);
  // The removal to be sent, if any. It is over when Fold has seen its number, or NotSent was called.
  std::optional<NumberedRemoval> Take(std::vector<Sighting> sightings);
  // The engine has too much to do: later.
  void NotSent(Now now);

  // Ids that were removed without exception, and whose space was not given back yet; when there is nothing else to do,
  // or many.
  std::optional<IdRange> TakeReclaim();
  void Reclaimed() { reclaiming_ = false; }

  // Takes out what no task needs any more: request ids that are remembered no longer, however long tasks are kept, and
  // the index of groups of pages that are all gone; nullopt: there is nothing. To be sent as a removal of no tasks.
  std::optional<storage::WriteBatch> TakeOldRows(Now now);
  void OldRowsNotSent();

  // Nothing is out.
  bool idle() const { return looking_.empty() && !removing_.has_value() && !reclaiming_; }

 private:
  // A page that is gone through in parts.
  struct Rest {
    uint64_t page_number = 0;
    TaskId next = 0;
    WallMicros stays_until = kForEver;
  };

  void NoteEnds(const google::protobuf::RepeatedField<int64_t>& deltas, WallMicros old_after);
  void PlanLook(uint64_t page_number, WallMicros old_after);
  void LookNow(uint64_t page_number);
  void Finish(const Sighting& sighting);
  void MarkGone(uint64_t page_number, const Plan& plan);

  const RetentionAges ages_;
  const bool keeps_all_;
  RetentionClock clock_;
  // Pages in which something has ended: the time after which another look may find that it is old.
  std::set<std::pair<WallMicros, uint64_t>> due_;
  absl::flat_hash_map<uint64_t, WallMicros> planned_;
  // Pages from before the start that were not looked at: what is in them is on disk only.
  uint64_t survey_next_ = 0;
  uint64_t survey_end_ = 0;

  std::vector<Look> looking_;
  std::optional<Sighting> removing_;
  uint64_t removals_ = 0;  // Number of the last one that was taken.
  std::optional<Rest> rest_;

  // Runs of pages of which all ids are removed: first page, end. What was given back is named again with its
  // neighbours: a file reaches over several pages.
  std::map<uint64_t, uint64_t> gone_;
  // In the page that new ids come from: those below are removed.
  TaskId gone_until_ = 0;
  std::set<uint64_t> unreclaimed_;  // Pages.
  // Nothing is stored in those before it.
  uint32_t first_request_window_;
  // Groups of which all pages are gone: whose index is to be taken out, and was by the last removal of such rows.
  std::set<uint64_t> gone_groups_, sent_groups_;
  bool reclaiming_ = false;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_SWEEPER_H_
