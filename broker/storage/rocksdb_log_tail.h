#ifndef BATON_BROKER_STORAGE_ROCKSDB_LOG_TAIL_H_
#define BATON_BROKER_STORAGE_ROCKSDB_LOG_TAIL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace baton::storage {

// RocksDB takes a record whose length reaches beyond the end of a write-ahead log for one that was cut off, and drops
// it with all that follows: up to 32 KiB of commits that were acknowledged, without a word, if it is the length that is
// damaged. But what was cut off is followed by nothing. This tells the two apart.

// Where in the last block of a log, which it begins with, there is such a record although whole records follow, or it
// is whole itself; nothing if there is none.
std::optional<size_t> FindWrongLength(absl::string_view last_block);

// Looks at all logs of a directory; what is wrong with one of them, empty if nothing is. What cannot be read is left to
// RocksDB.
std::string FindWrongLengthIn(const std::string& directory);

// A log that is not the newest and ends inside a record, so that commits between it and the next one may be missing:
// RocksDB goes on with that one. Or the log is of no use any more: it was read when the store was opened before, and
// not deleted yet. Empty if there is none.
std::string FindCutOffLogIn(const std::string& directory);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_LOG_TAIL_H_
