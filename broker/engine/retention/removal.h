#ifndef BATON_BROKER_ENGINE_RETENTION_REMOVAL_H_
#define BATON_BROKER_ENGINE_RETENTION_REMOVAL_H_

#include <vector>

#include "broker/engine/command.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/live/page.h"
#include "broker/storage/write_batch.h"

namespace baton::engine {

// Tasks of one page that are not retained any longer; or none, and other rows that are not.
struct Removal {
  // No task in these ranges lives; what they hold besides ended ones was removed before.
  std::vector<IdRange> ids;
  // The ended ones, by class.
  std::vector<EndedCounts> counts;
  // The commit as of which all that is true.
  uint64_t as_of = 0;
  // Some belong to workflows, of which the rest has ended too, in whatever page.
  bool has_workflows = false;
  // Takes the rows of tasks out of the families task, end and log; or rows of key and index.
  storage::WriteBatch deletes;

  bool empty() const { return ids.empty(); }
};

// Removes them, in one commit. The engine cannot look at tasks that have ended; but it knows when one of the page was
// last retried, or removed by a job, and when any task was: FAILED_PRECONDITION, reason CHANGED, if what the removal
// says may be out of date.
class RemoveCommand : public Command {
 public:
  RemoveCommand() : Command(Kind::kRemove, Lane::kBulk) {}
  uint64_t page_number = 0;
  // Told by the journal entry of its commit (sweeper.h); 0: nobody waits for that.
  uint64_t number = 0;
  Removal removal;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_REMOVAL_H_
