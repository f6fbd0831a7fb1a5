#include "broker/storage/rocksdb_open.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/storage/rocksdb_log_tail.h"
#include "broker/storage/rocksdb_options.h"
#include "broker/storage/rocksdb_status.h"
#include "spdlog/spdlog.h"

namespace baton::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLeastMemory = size_t{1} << 20;

absl::Status CheckOptions(const RocksDbOptions& options) {
  if (options.directory.empty()) return absl::InvalidArgumentError("data directory: empty: name a directory");
  const std::pair<const char*, size_t> sizes[] = {{"block_cache_bytes", options.block_cache_bytes},
                                                  {"memtable_bytes", options.memtable_bytes}};
  for (const auto& [name, bytes] : sizes) {
    if (bytes >= kLeastMemory) continue;
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", bytes, " is too little: at least ", kLeastMemory));
  }
  return absl::OkStatus();
}

absl::Status DirectoryError(const std::string& directory, const std::error_code& error) {
  const std::string message = absl::StrCat("data directory ", directory, ": ", error.message());
  if (error == std::errc::permission_denied || error == std::errc::operation_not_permitted ||
      error == std::errc::read_only_file_system) {
    return absl::PermissionDeniedError(
        absl::StrCat(message, ": give this user the right to read and write it, or name another directory"));
  }
  if (error == std::errc::not_a_directory || error == std::errc::file_exists) {
    return absl::InvalidArgumentError(absl::StrCat(message, ": name a directory"));
  }
  if (error == std::errc::no_space_on_device) return absl::ResourceExhaustedError(message);
  return absl::UnavailableError(message);
}

absl::Status PrepareDirectory(const std::string& directory) {
  std::error_code error;
  // As given, but for a separator at its end. What is in it is nobody's business but the broker's.
  const fs::path path = fs::path(directory).has_filename() ? fs::path(directory) : fs::path(directory).parent_path();
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (!error && ::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) error = {errno, std::generic_category()};
  if (!error && !fs::is_directory(directory, error) && !error) error = std::make_error_code(std::errc::not_a_directory);
  if (!error && ::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) error = {errno, std::generic_category()};
  return error ? DirectoryError(directory, error) : absl::OkStatus();
}

absl::Status Damaged(const std::string& directory, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(
      "data directory ", directory, " is damaged: ", what,
      ". Restore a backup; or copy the directory and open it in the recovery mode point-in-time, which drops "
      "everything written after the damage, acknowledged tasks included"));
}

// CURRENT is the root of a database. RocksDB takes a directory without it for a new one, and would remove the tables
// that it finds there as garbage.
absl::Status CheckNotHeadless(const std::string& directory) {
  std::error_code error;
  if (fs::exists(fs::path(directory) / "CURRENT", error)) return absl::OkStatus();
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string extension = at->path().extension().string();
    const bool is_log = extension == ".log" && at->file_size(error) > 0;
    if (extension != ".sst" && !is_log) continue;
    return absl::DataLossError(absl::StrCat("data directory ", directory, " is damaged: it has the table or log file ",
                                            at->path().filename().string(),
                                            " but no file CURRENT. Restore a backup, or name another directory"));
  }
  return error ? DirectoryError(directory, error) : absl::OkStatus();
}

// What only looks like the tail that a power cut leaves, and would be dropped.
absl::Status CheckLogs(const RocksDbOptions& options) {
  if (options.recover == RocksDbOptions::Recover::kPointInTime) return absl::OkStatus();
  const std::string wrong = FindWrongLengthIn(options.directory);
  return wrong.empty() ? absl::OkStatus() : Damaged(options.directory, wrong);
}

// Without one there is nothing to read, and nothing may be created.
absl::Status CheckIsStore(const std::string& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (status.type() == fs::file_type::not_found) {
    return absl::NotFoundError(absl::StrCat("data directory ", directory, " does not exist"));
  }
  if (!error && !fs::is_directory(status)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) return DirectoryError(directory, error);
  RETURN_IF_ERROR(CheckNotHeadless(directory));
  if (fs::exists(fs::path(directory) / "CURRENT", error)) return absl::OkStatus();
  if (error) return DirectoryError(directory, error);
  return absl::NotFoundError(absl::StrCat("data directory ", directory, " holds no store"));
}

// Nobody can write there, so that nobody need be kept out.
bool IsReadOnly(const std::string& directory) {
  struct statvfs file_system = {};
  return ::statvfs(directory.c_str(), &file_system) == 0 && (file_system.f_flag & ST_RDONLY) != 0;
}

// A copy has no lock file. One that root made would keep out the broker, which runs as the owner of the directory. Only
// for a file that was just made: one that was there may be a link to somebody else's.
void GiveToOwnerOf(const std::string& directory, const std::string& file) {
  struct stat owner = {};
  if (::geteuid() != 0 || ::stat(directory.c_str(), &owner) != 0) return;
  if (::lchown(file.c_str(), owner.st_uid, owner.st_gid) != 0) {
    spdlog::warn("{}: cannot give it to the owner of the directory: {}", file, std::strerror(errno));
  }
}

bool IsInUse(const rocksdb::Status& status) {
  if (!status.IsIOError()) return false;
  const std::string message = status.ToString();
  return absl::StrContains(message, "lock hold by current process") ||
         absl::StrContains(message, absl::StrCat("LOCK: ", std::strerror(EAGAIN)));
}

absl::Status OpenError(const std::string& directory, const rocksdb::Status& status) {
  if (IsInUse(status)) {
    return absl::FailedPreconditionError(absl::StrCat("data directory ", directory,
                                                      " is in use by another batond: stop that one, or name another "
                                                      "directory"));
  }
  absl::Status error = ToStatus(status, absl::StrCat("open data directory ", directory));
  if (absl::IsResourceExhausted(error)) {
    return absl::ResourceExhaustedError(absl::StrCat(error.message(),
                                                     ". Free some space, or move the directory to a "
                                                     "larger disk; nothing in it is lost"));
  }
  if (error.code() == absl::StatusCode::kDataLoss) return Damaged(directory, status.ToString());
  return error;
}

// Families that this version does not know may hold what it must not ignore.
absl::Status CheckFamilies(const std::string& directory, const rocksdb::DBOptions& db_options,
                           const std::vector<rocksdb::ColumnFamilyDescriptor>& known) {
  std::error_code error;
  if (!fs::exists(fs::path(directory) / "CURRENT", error)) return absl::OkStatus();  // A new store.
  std::vector<std::string> found;
  const rocksdb::Status status = rocksdb::DB::ListColumnFamilies(db_options, directory, &found);
  if (!status.ok()) return OpenError(directory, status);
  for (const std::string& name : found) {
    const bool is_known =
        std::any_of(known.begin(), known.end(), [&](const auto& family) { return family.name == name; });
    if (is_known) continue;
    return absl::FailedPreconditionError(absl::StrCat("data directory ", directory,
                                                      " was written by a newer batond: it has the unknown family '",
                                                      name, "': run that version"));
  }
  return absl::OkStatus();
}

// The database draws a new identity when it is opened next, as a copy does (rocksdb_own_number.h). The lock is taken so
// that this is not done to one that is in use.
absl::Status ForgetIdentity(const std::string& directory) {
  ASSIGN_OR_RETURN(const std::unique_ptr<DirectoryLock> lock, DirectoryLock::Take(directory));
  std::error_code error;
  fs::remove(fs::path(directory) / "IDENTITY", error);
  if (error) return DirectoryError(directory, error);
  // Before anything is dropped.
  std::unique_ptr<rocksdb::Directory> opened;
  rocksdb::Status status = rocksdb::Env::Default()->NewDirectory(directory, &opened);
  if (status.ok()) status = opened->Fsync();
  return status.ok() ? absl::OkStatus() : OpenError(directory, status);
}

absl::StatusOr<OpenedDatabase> OpenWithLogs(const RocksDbOptions& options, std::shared_ptr<StoreFailure> failure) {
  RETURN_IF_ERROR(CheckLogs(options));
  const rocksdb::DBOptions db_options = MakeDbOptions(options, std::move(failure));
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = MakeFamilies(options);
  OpenedDatabase opened;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(db_options, options.directory, families, &opened.families, &db);
  if (!status.ok()) return OpenError(options.directory, status);
  opened.db.reset(db);
  return opened;
}

}  // namespace

absl::StatusOr<OpenedDatabase> OpenDatabase(const RocksDbOptions& options, std::shared_ptr<StoreFailure> failure) {
  RETURN_IF_ERROR(CheckOptions(options));
  RETURN_IF_ERROR(PrepareDirectory(options.directory));
  RETURN_IF_ERROR(CheckNotHeadless(options.directory));
  RETURN_IF_ERROR(CheckFamilies(options.directory, MakeDbOptions(options, failure), MakeFamilies(options)));
  const bool may_drop = options.recover == RocksDbOptions::Recover::kPointInTime;
  std::string damage = may_drop ? FindCutOffLogIn(options.directory) : "";
  if (damage.empty()) {
    RocksDbOptions as_it_is = options;
    as_it_is.recover = RocksDbOptions::Recover::kTail;
    absl::StatusOr<OpenedDatabase> opened = OpenWithLogs(as_it_is, failure);
    if (!may_drop || !absl::IsDataLoss(opened.status())) return opened;
    damage = std::string(opened.status().message());
  }
  // Ids and attempts of what is dropped will be given out again, and their workers still have the old tokens. So what
  // is left is a copy of an earlier state, as a backup is, even if it is cut off before its first commit.
  spdlog::warn("storage.recover is point-in-time, so that what was written after the damage is dropped now: {}",
               damage);
  RETURN_IF_ERROR(ForgetIdentity(options.directory));
  return OpenWithLogs(options, std::move(failure));
}

absl::StatusOr<OpenedDatabase> OpenDatabaseForReading(const RocksDbOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  RETURN_IF_ERROR(CheckIsStore(options.directory));
  RETURN_IF_ERROR(CheckLogs(options));
  rocksdb::DBOptions db_options = MakeDbOptions(options, std::make_shared<StoreFailure>());
  db_options.create_if_missing = false;
  db_options.create_missing_column_families = false;
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = MakeFamilies(options);
  RETURN_IF_ERROR(CheckFamilies(options.directory, db_options, families));
  OpenedDatabase opened;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(db_options, options.directory, families, &opened.families, &db);
  if (!status.ok()) return OpenError(options.directory, status);
  opened.db.reset(db);
  return opened;
}

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Take(const std::string& directory) {
  RETURN_IF_ERROR(CheckIsStore(directory));
  if (IsReadOnly(directory)) return std::make_unique<DirectoryLock>(nullptr);
  rocksdb::FileLock* lock = nullptr;
  const std::string path = (fs::path(directory) / "LOCK").string();
  std::error_code ignored;
  const bool is_new = fs::symlink_status(path, ignored).type() == fs::file_type::not_found;
  const rocksdb::Status status = rocksdb::Env::Default()->LockFile(path, &lock);
  if (!status.ok()) return OpenError(directory, status);
  if (is_new) GiveToOwnerOf(directory, path);
  return std::make_unique<DirectoryLock>(lock);
}

// A lock that cannot be given back goes with the process.
DirectoryLock::~DirectoryLock() {
  if (lock_ != nullptr) rocksdb::Env::Default()->UnlockFile(lock_).PermitUncheckedError();
}

}  // namespace baton::storage
