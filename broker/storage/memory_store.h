#ifndef BATON_BROKER_STORAGE_MEMORY_STORE_H_
#define BATON_BROKER_STORAGE_MEMORY_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "broker/storage/memory_disk.h"
#include "broker/storage/store.h"

namespace baton::storage {

// Opens the store that `disk` holds, for tests and for programs that need no durability. A store that is still open on
// the same disk is fenced from now on. A snapshot costs a number; a commit costs the logarithm of the number of keys
// for each change, a range delete that for each key in the range. Reclaim has nothing to do; the copies that Backup
// writes are found by MemoryDisk::backup().
// Errors: RESOURCE_EXHAUSTED if the disk is full.
absl::StatusOr<std::unique_ptr<Store>> OpenMemoryStore(std::shared_ptr<MemoryDisk> disk);

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_MEMORY_STORE_H_
