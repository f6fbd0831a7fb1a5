#ifndef BATON_BROKER_SERVICE_BACKUP_ROOM_H_
#define BATON_BROKER_SERVICE_BACKUP_ROOM_H_

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"

namespace baton::service {

// A backup takes no room at first where it can have the same files as the store, by hard links. Where it cannot, on
// another file system or only another mount of the same one, all of them are copied: that must not fill the disk that
// the broker itself writes to.
struct BackupRoom {
  // The store's; empty: it has none, and there is always room.
  std::filesystem::path data_directory;
  uint64_t store_bytes = 0;
  // What a copy leaves free on the disk of the store.
  uint64_t reserve_bytes = 0;
};

// Whether there is room for a backup `target`, which does not exist yet, but the directory that it is to be in does.
// Makes a link beside it, and removes it again. RESOURCE_EXHAUSTED: there is not.
absl::Status CheckBackupRoom(const BackupRoom& room, const std::filesystem::path& target);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_BACKUP_ROOM_H_
