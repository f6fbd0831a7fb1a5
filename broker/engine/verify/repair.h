#ifndef BATON_BROKER_ENGINE_VERIFY_REPAIR_H_
#define BATON_BROKER_ENGINE_VERIFY_REPAIR_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "broker/engine/verify/examination.h"
#include "broker/engine/verify/verify.h"
#include "broker/storage/store.h"

namespace baton::engine {

// Writes what Examination found to be right, in batches far below the store's limits. Not thread-safe.
//   Begin, then Drop if anything is lost, then Rebuild with the examination made after that.
class StoreRepair {
 public:
  StoreRepair(storage::Store* store, const RepairOptions& options) : store_(*store), options_(options) {}

  // From here on no broker starts on the store until Rebuild is done. Removes what others stand for, or will again:
  // sessions, unreadable definitions, all unique keys; and draws the new incarnation.
  absl::Status Begin(const Examination& found);
  // Takes all records of these tasks away.
  absl::Status Drop(const absl::btree_set<TaskId>& lost);
  absl::Status Rebuild(Examination& found);

 private:
  absl::Status RebuildPage(Examination& found, uint64_t page_number);
  absl::Status RebuildTask(Examination& found, TaskId id, const TaskRecords& records, const Page* said, Page* page);
  void Release(const Examination& found, const TaskRecords& records, LiveEntry* entry);
  absl::Status KeepUniqueKey(TaskId id, const TaskRecords& records);
  absl::Status Finish(const Examination& found);
  // With keys that no broker wrote.
  absl::Status DeleteAll(storage::Family family);
  // Commits what has gathered; without `all` only if it is large.
  absl::Status Flush(bool all);

  storage::Store& store_;
  const RepairOptions& options_;
  storage::WriteBatch batch_;
  std::map<ClassNumber, StateCounts> counts_;
  std::vector<uint64_t> live_pages_;
  absl::flat_hash_set<Hash128> held_;  // Unique keys in the open batch.
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_REPAIR_H_
