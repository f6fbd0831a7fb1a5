#ifndef BATON_BROKER_ENGINE_LIVE_CHANGED_TASKS_H_
#define BATON_BROKER_ENGINE_LIVE_CHANGED_TASKS_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "baton/records/v1/records.pb.h"
#include "broker/engine/format/keys.h"

namespace baton::engine {

// Calls visit(first, count) for each run of ids that were created or changed by a commit, until it returns false. The
// order is that of the entry and always the same: watchers count on it. An id may come more than once. Children that
// are only staged are left out until they are sealed, removed tasks altogether.
void ForEachChangedRun(const records::v1::JournalEntry& entry, absl::FunctionRef<bool(TaskId, uint64_t)> visit);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_CHANGED_TASKS_H_
