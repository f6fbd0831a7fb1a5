// Taking out what is no longer retained.
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"
#include "broker/engine/retention/removal.h"

namespace baton::engine {

void Engine::Remove(std::unique_ptr<Command> owned) {
  auto& command = static_cast<RemoveCommand&>(*owned);
  if (!TakeOut(command.page_number, command.removal)) {
    command.error = FailedPrecondition("CHANGED", "a task was retried or deleted since the removal was planned");
  } else if (command.number != 0) {
    batch_.RemovedAs(command.number);
  }
  batch_.Answer(std::move(owned));
}

bool Engine::TakeOut(uint64_t page_number, const Removal& removal) {
  const auto changed = ended_changed_.find(page_number);
  const bool page_changed = changed != ended_changed_.end() && changed->second > removal.as_of;
  const bool workflow_may_have = removal.has_workflows && last_revival_ > removal.as_of;
  if (!removal.empty() && (page_changed || workflow_may_have)) return false;
  for (const IdRange& range : removal.ids) {
    for (TaskId id = range.first; id < range.first + range.count; ++id) {
      BATON_CHECK(id < next_id_ && !tasks_.contains(id) && !waiting_.contains(id),
                  absl::StrCat("task ", id, " is to be removed, but it has not ended"));
    }
    batch_.Removed(range);
    // What is under way was read when they were there.
    LoadAgain(range);
    EndedChanged(range);
  }
  for (const EndedCounts& counts : removal.counts) batch_.RemovedEnded(page_number, counts);
  batch_.writes().Append(removal.deletes);
  return true;
}

}  // namespace baton::engine
