#include "broker/engine/live/changed_tasks.h"

namespace baton::engine {
namespace {

using records::v1::JournalEntry;
using Visitor = absl::FunctionRef<bool(TaskId, uint64_t)>;

template <typename Deltas>
bool VisitDeltas(const Deltas& deltas, Visitor visit) {
  TaskId id = 0;
  for (const int64_t delta : deltas) {
    if (!visit(id += static_cast<TaskId>(delta), 1)) return false;
  }
  return true;
}

bool VisitNew(const JournalEntry& entry, Visitor visit) {
  for (const JournalEntry::Created& run : entry.created()) {
    if (!run.staged() && !visit(run.first(), run.count())) return false;
  }
  for (const records::v1::Range& range : entry.sealed()) {
    if (!visit(range.first(), range.count())) return false;
  }
  return true;
}

// Tasks in `paused` and `alarms` are in `claimed` too.
bool VisitLive(const JournalEntry& entry, Visitor visit) {
  for (const JournalEntry::Revived& revived : entry.revived()) {
    if (!visit(revived.id(), 1)) return false;
  }
  for (const JournalEntry::Claimed& group : entry.claimed()) {
    if (!VisitDeltas(group.id_deltas(), visit)) return false;
  }
  for (const JournalEntry::Moved& moved : entry.moved()) {
    if (!visit(moved.id(), 1)) return false;
  }
  for (const TaskId id : entry.reported()) {
    if (!visit(id, 1)) return false;
  }
  return true;
}

bool VisitEnded(const JournalEntry::Ended& ended, Visitor visit) {
  return VisitDeltas(ended.completed(), visit) && VisitDeltas(ended.failed(), visit) &&
         VisitDeltas(ended.cancelled(), visit);
}

}  // namespace

void ForEachChangedRun(const JournalEntry& entry, Visitor visit) {
  if (VisitNew(entry, visit) && VisitLive(entry, visit)) VisitEnded(entry.ended(), visit);
}

}  // namespace baton::engine
