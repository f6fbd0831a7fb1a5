// Taking out what is no longer retained.
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/engine/engine.h"
#include "broker/engine/retention/removal.h"

namespace baton::engine {

void Engine::Remove(std::unique_ptr<Command> owned) {
  auto& command = static_cast<RemoveCommand&>(*owned);
  for (const IdRange& range : command.removal.ids) {
    for (TaskId id = range.first; id < range.first + range.count; ++id) {
      BATON_CHECK(id < next_id_ && !tasks_.contains(id) && !waiting_.contains(id),
                  absl::StrCat("task ", id, " is to be removed, but it has not ended"));
    }
    batch_.Removed(range);
    // What is under way was read when they were there.
    LoadAgain(range);
  }
  for (const EndedCounts& counts : command.removal.counts) batch_.RemovedEnded(command.page_number, counts);
  batch_.writes().Append(command.removal.deletes);
  batch_.Answer(std::move(owned));
}

}  // namespace baton::engine
