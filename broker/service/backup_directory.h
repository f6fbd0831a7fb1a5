// The directory with the backups of a broker: which there are, and how one comes into it, as a whole or not at all.
#ifndef BATON_BROKER_SERVICE_BACKUP_DIRECTORY_H_
#define BATON_BROKER_SERVICE_BACKUP_DIRECTORY_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "baton/v1/backup.pb.h"
#include "broker/base/error.h"

namespace baton::service {

// Each backup is a subdirectory, a data directory with this file beside what the store has in it. It tells of the
// backup, and is written last: without it a directory is no backup.
inline constexpr char kBackupFacts[] = "baton-backup.json";

// 1 … kNameBytes bytes of [A-Za-z0-9_.-], no dot at the beginning: so it is no path, and no hidden file.
Error CheckBackupName(absl::string_view name);

// No thread-safety of its own: Add is called by one thread at a time, List may run beside it.
class BackupDirectory {
 public:
  // `path` may be relative to where the process runs, and need not exist.
  explicit BackupDirectory(const std::string& path);

  // Adds a backup by the facts' name. `copy` writes the store into a directory that it is told, and that does not exist
  // yet. Sets the other facts that only files tell. When it returns OK everything is on disk; otherwise nothing is
  // left. Also removes what interrupted backups have left. Errors: see TaskAdmin.CreateBackup.
  using Copy = std::function<absl::Status(const std::string& directory)>;
  Error Add(const Copy& copy, v1::Backup* facts) const;

  // Removes what interrupted backups have left, unless another broker is writing one now.
  void RemoveLeftOver() const;

  // Complete backups, the newest first, at most `limit`. A directory that does not exist has none.
  Error List(size_t limit, v1::ListBackupsResponse* response) const;

 private:
  Error AddLocked(const Copy& copy, v1::Backup* facts) const;
  static Error Complete(const Copy& copy, const std::filesystem::path& unfinished, v1::Backup* facts);

  const std::filesystem::path path_;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_BACKUP_DIRECTORY_H_
