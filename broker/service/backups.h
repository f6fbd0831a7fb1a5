// CreateBackup and ListBackups.
#ifndef BATON_BROKER_SERVICE_BACKUPS_H_
#define BATON_BROKER_SERVICE_BACKUPS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "baton/v1/backup.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/steady_cond_var.h"
#include "broker/engine/run/partition.h"
#include "broker/service/backup_directory.h"
#include "broker/storage/store.h"

namespace baton::service {

struct BackupSettings {
  // Where backups are written; empty: every call is refused.
  std::string directory;
  std::string broker_version;
  // See BackupRoom; empty: the store has no directory.
  std::string data_directory;
  uint64_t reserve_bytes = 0;
};

// Thread-safe, and no method blocks for longer than a look at memory: a backup is written by a thread of its own, one
// at a time. `done` is called once, by another thread, unless the call is refused by the Error that is returned.
class BackupService {
 public:
  template <typename Response>
  using Done = std::function<void(Error, Response)>;

  // `partition`, which runs on `store`, and `clock` must outlive the service and the calls of List that are under way.
  BackupService(engine::Partition* partition, storage::Store* store, const Clock* clock, BackupSettings settings);
  // Waits for a backup that is being written.
  ~BackupService();
  BackupService(const BackupService&) = delete;
  BackupService& operator=(const BackupService&) = delete;

  Error Create(const v1::CreateBackupRequest& request, Done<v1::CreateBackupResponse> done) ABSL_LOCKS_EXCLUDED(mutex_);
  Error List(Done<v1::ListBackupsResponse> done) const;

  // False: one is still being written after `timeout`.
  bool WaitUntilIdle(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Write(const std::string& name, const Done<v1::CreateBackupResponse>& done) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Copy(const std::string& path) const;

  engine::Partition* const partition_;
  storage::Store* const store_;
  const Clock* const clock_;
  const BackupSettings settings_;
  const std::optional<BackupDirectory> directory_;

  absl::Mutex mutex_;
  std::string under_way_ ABSL_GUARDED_BY(mutex_);  // Name of the backup that is being written.
  SteadyCondVar idle_;
  std::thread writer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_BACKUPS_H_
