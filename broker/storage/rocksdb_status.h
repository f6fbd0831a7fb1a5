#ifndef BATON_BROKER_STORAGE_ROCKSDB_STATUS_H_
#define BATON_BROKER_STORAGE_ROCKSDB_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/status.h"

namespace baton::storage {

// The one place where errors of RocksDB become ours. The message is "operation: what RocksDB says".
//   damaged or missing files   DATA_LOSS            no space       RESOURCE_EXHAUSTED
//   other input/output         UNAVAILABLE          busy           UNAVAILABLE
//   refused arguments          INVALID_ARGUMENT     no such key    NOT_FOUND (without a message)
//   everything else            INTERNAL
absl::Status ToStatus(const rocksdb::Status& status, absl::string_view operation);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_ROCKSDB_STATUS_H_
