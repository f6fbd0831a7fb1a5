// Looking at a store that no broker serves, and mending it: `batond verify DIR [--repair]`.
//
// The records of tasks (families `task`, `end`, `log`) are the facts. Checkpoint, pages and journal, which say the same
// once more for a fast restart, the index of lists and unique keys are derived from them, apart from what writes no
// record: claims.
#ifndef BATON_BROKER_ENGINE_VERIFY_VERIFY_H_
#define BATON_BROKER_ENGINE_VERIFY_VERIFY_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/engine/limits.h"
#include "broker/engine/verify/findings.h"
#include "broker/storage/store.h"

namespace baton::engine {

// Reads every row once. `store` must not be written meanwhile.
// Errors: FAILED_PRECONDITION a newer format, or a store that no broker has served yet; DATA_LOSS files of the store
// are damaged, or nothing tells its format; others: the store cannot be read.
absl::StatusOr<Findings> Verify(const EngineSettings& settings, const storage::Store& store);

struct RepairOptions {
  WallMicros now = 0;
  std::function<uint64_t()> random;
  // Takes tasks of which something is lost out of the store altogether. Without it a store with losses is left as it
  // is.
  bool drop_lost = false;
};

// Writes pages, their index, checkpoint and unique keys anew from the records, and removes the journal, whatever Verify
// finds. Running tasks become pending, with a step RELEASED in their history: their workers are told that the attempt
// is over, since the store gets a new incarnation. A parent counts children that were dropped as failed. Answers what
// was found before.
//
// May die at any point: until it has been repeated to its end, no broker starts on the store.
// Errors: as Verify; FAILED_PRECONDITION there are losses, and they are not to be dropped: nothing was written.
absl::StatusOr<Findings> Repair(const EngineSettings& settings, storage::Store* store, const RepairOptions& options);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_VERIFY_H_
