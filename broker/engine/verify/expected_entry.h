// What the live table must say of a task, by its records.
#ifndef BATON_BROKER_ENGINE_VERIFY_EXPECTED_ENTRY_H_
#define BATON_BROKER_ENGINE_VERIFY_EXPECTED_ENTRY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "broker/engine/live/page.h"
#include "broker/engine/verify/findings.h"
#include "broker/engine/verify/task_records.h"

namespace baton::engine {

// Children of the spawn that a task waits for, counted by their own records.
struct ChildCount {
  uint64_t remaining = 0;
  uint64_t failed = 0;
};

// The entry of a live task that was not staged. A claim and the return from children write no row: as far as the
// records leave room for them, what the live table says (`said`; its state NONE: nothing) is taken over, so that
// an entry that can be right comes back unchanged.
LiveEntry ExpectedEntry(TaskId id, const TaskRecords& records, const KnownNumbers& known, const ChildCount& children,
                        const LiveEntry& said);

// The entry of a child of a spawn that is not sealed.
LiveEntry StagedEntry(TaskId id, const TaskRecords& records);

// In which way the live table is wrong; nullopt if it is not.
std::optional<Finding> Compare(const LiveEntry& expected, const LiveEntry& said);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_EXPECTED_ENTRY_H_
