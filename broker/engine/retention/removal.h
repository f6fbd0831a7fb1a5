#ifndef BATON_BROKER_ENGINE_RETENTION_REMOVAL_H_
#define BATON_BROKER_ENGINE_RETENTION_REMOVAL_H_

#include <vector>

#include "broker/engine/command.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/live/page.h"
#include "broker/storage/write_batch.h"

namespace baton::engine {

// Tasks of one page whose retention is over; or none, and other rows that are.
struct Removal {
  // No task in these ranges lives; what they hold besides ended ones was removed before.
  std::vector<IdRange> ids;
  // The ended ones, by class.
  std::vector<EndedCounts> counts;
  // Takes the rows of tasks out of the families task, end and log; or rows of key and index.
  storage::WriteBatch deletes;

  bool empty() const { return ids.empty(); }
};

// Removes them, in one commit. The engine cannot look at tasks that have ended, and need not: an ended task never
// changes (nothing retries it), so what a view said of it stays true until it is removed; and only one removal is
// under way at a time, so that none is removed twice (sweeper.h).
class RemoveCommand : public Command {
 public:
  RemoveCommand() : Command(Kind::kRemove, Lane::kBulk) {}
  uint64_t page_number = 0;
  Removal removal;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_REMOVAL_H_
