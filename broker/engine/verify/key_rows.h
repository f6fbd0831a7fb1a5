// Family `key`: unique keys against the live tasks that hold them, and request ids.
#ifndef BATON_BROKER_ENGINE_VERIFY_KEY_ROWS_H_
#define BATON_BROKER_ENGINE_VERIFY_KEY_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/engine/verify/findings.h"
#include "broker/engine/verify/task_records.h"
#include "broker/storage/store.h"

namespace baton::engine {

// Not thread-safe. What it is given must outlive it.
class KeyRows {
 public:
  KeyRows(const storage::Snapshot& store, const KnownNumbers& known, Findings* findings)
      : store_(store), known_(known), findings_(*findings) {}

  // A live task with a unique key must hold it. Of several that have the same one, which no broker lets happen, the
  // first does.
  absl::Status CheckHolder(TaskId id, const Hash128& unique);
  // After all live tasks: the rows that name none of them, and request ids.
  absl::Status CheckRows();
  // Above every id that a row names.
  TaskId next_id() const { return next_id_; }
  // Keys that are none, and request ids that cannot be read.
  const std::vector<std::string>& unreadable() const { return unreadable_; }

 private:
  void TakeUnique(absl::string_view key, absl::string_view value, bool check, absl::Status* status);
  void TakeRequest(absl::string_view key, absl::string_view value);
  // Whether the task is live and has that key.
  absl::StatusOr<bool> MayHold(TaskId id, const Hash128& unique) const;

  const storage::Snapshot& store_;
  const KnownNumbers& known_;
  Findings& findings_;
  uint64_t held_ = 0;
  TaskId next_id_ = 1;
  std::vector<std::string> unreadable_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_VERIFY_KEY_ROWS_H_
