// Whether entries of the journal are missing. Commits that changed nothing in the live table have none, so that gaps in
// their numbers tell nothing; but each entry tells which one is before it, and which id comes next. Of what versions
// without the former have written only the latter is known.
#ifndef BATON_BROKER_ENGINE_LIVE_JOURNAL_ORDER_H_
#define BATON_BROKER_ENGINE_LIVE_JOURNAL_ORDER_H_

#include <algorithm>

#include "baton/records/v1/records.pb.h"
#include "broker/engine/format/keys.h"

namespace baton::engine {

// Whether an entry goes on where the one before it has ended, which said `next_id`; 0: that is not known.
// `last`: number of that one; 0: it is not known.
inline bool GoesOnAt(uint64_t last, TaskId next_id, const records::v1::JournalEntry& entry) {
  if (last != 0 && entry.previous() != 0 && entry.previous() != last) return false;
  for (const records::v1::JournalEntry::Created& run : entry.created()) {
    if (next_id != 0 && run.first() != next_id) return false;
    next_id = run.first() + run.count();
  }
  return next_id == 0 || entry.next_id() == next_id;
}

// Whether the first entry above a checkpoint, which says `next_id`, leaves out none. The checkpoint may be ahead: pages
// that were changed since are stored later, but ids are counted at once.
// `folded`: number of the last commit that is in it.
inline bool ReachesBackTo(uint64_t folded, TaskId next_id, const records::v1::JournalEntry& entry) {
  if (entry.previous() > folded) return false;
  for (const records::v1::JournalEntry::Created& run : entry.created()) {
    if (run.first() > next_id) return false;
    next_id = std::max<TaskId>(next_id, run.first() + run.count());
  }
  return entry.next_id() <= next_id;
}

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_JOURNAL_ORDER_H_
