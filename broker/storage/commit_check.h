#ifndef BATON_BROKER_STORAGE_COMMIT_CHECK_H_
#define BATON_BROKER_STORAGE_COMMIT_CHECK_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "broker/storage/write_batch.h"

namespace baton::storage {

// What every store checks of a commit before it writes anything. A caller that breaks one of these has lost track of
// its own state, so the process stops, with a message on stderr; nothing has been written.

// `number` must be `last` + 1, and the batch at most kMaxBatchBytes.
void CheckCommit(const WriteBatch& batch, uint64_t last, uint64_t number);

// A key (or the end of a range) must have at most kMaxKeyBytes, a value at most kMaxValueBytes.
void CheckChange(WriteBatch::Op op, Family family, absl::string_view key, absl::string_view value);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_COMMIT_CHECK_H_
