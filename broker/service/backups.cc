#include "broker/service/backups.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/named_thread.h"
#include "broker/base/status_macros.h"
#include "broker/engine/format/keys.h"
#include "broker/service/backup_room.h"
#include "broker/service/check.h"
#include "broker/service/read/convert.h"

namespace baton::service {
namespace {

constexpr size_t kListedBackups = 1000;

Error NotConfigured() {
  return FailedPrecondition("BACKUP_NOT_CONFIGURED",
                            "this broker has no directory for backups: set backup.directory in its configuration "
                            "file ([backup] directory = \"/var/backups/baton\") and start it again");
}

std::optional<BackupDirectory> DirectoryOf(const BackupSettings& settings) {
  if (settings.directory.empty()) return std::nullopt;
  return BackupDirectory(settings.directory);
}

}  // namespace

BackupService::BackupService(engine::Partition* partition, storage::Store* store, const Clock* clock,
                             BackupSettings settings)
    : partition_(partition),
      store_(store),
      clock_(clock),
      settings_(std::move(settings)),
      directory_(DirectoryOf(settings_)) {}

BackupService::~BackupService() {
  std::thread writer;
  {
    absl::MutexLock lock(&mutex_);
    writer.swap(writer_);
  }
  if (writer.joinable()) writer.join();
}

Error BackupService::Create(const v1::CreateBackupRequest& request, Done<v1::CreateBackupResponse> done) {
  if (!directory_.has_value()) return NotConfigured();
  CHECK_FIELD(CheckBackupName(request.name()));
  absl::MutexLock lock(&mutex_);
  if (!under_way_.empty()) {
    return FailedPrecondition("BACKUP_UNDER_WAY",
                              absl::StrCat("backup '", under_way_, "' is being made: try again when it is done"));
  }
  // The thread before has told that it is done, as the last thing it did.
  if (writer_.joinable()) writer_.join();
  under_way_ = request.name();
  writer_ = NamedThread("backup", [this, name = request.name(), done = std::move(done)] { Write(name, done); });
  return {};
}

void BackupService::Write(const std::string& name, const Done<v1::CreateBackupResponse>& done) {
  v1::CreateBackupResponse response;
  v1::Backup* facts = response.mutable_backup();
  facts->set_name(name);
  *facts->mutable_created_at() = WireTime(clock_->Read().wall);
  facts->set_commit_number(store_->number());
  facts->set_broker_version(settings_.broker_version);
  facts->set_format_version(engine::kFormatVersion);
  facts->set_incarnation(partition_->incarnation());
  Error error = directory_->Add([this](const std::string& path) { return Copy(path); }, facts);
  if (!error.ok()) response.Clear();
  {
    // Before anybody is told, who may ask for the next one at once.
    absl::MutexLock lock(&mutex_);
    under_way_.clear();
    idle_.SignalAll();
  }
  done(std::move(error), std::move(response));
}

absl::Status BackupService::Copy(const std::string& path) const {
  const BackupRoom room{settings_.data_directory, store_->DiskBytes(), settings_.reserve_bytes};
  RETURN_IF_ERROR(CheckBackupRoom(room, path));
  return store_->Backup(path);
}

bool BackupService::WaitUntilIdle(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  bool is_over = false;
  while (!under_way_.empty() && !is_over) is_over = idle_.WaitWithTimeout(&mutex_, timeout);
  return under_way_.empty();
}

Error BackupService::List(Done<v1::ListBackupsResponse> done) const {
  if (!directory_.has_value()) return NotConfigured();
  // Files are looked at by a thread that may wait for the disk.
  partition_->Read([directory = *directory_, done = std::move(done)](const std::shared_ptr<const engine::View>&) {
    v1::ListBackupsResponse response;
    Error error = directory.List(kListedBackups, &response);
    done(std::move(error), std::move(response));
  });
  return {};
}

}  // namespace baton::service
