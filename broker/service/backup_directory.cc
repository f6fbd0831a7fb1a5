#include "broker/service/backup_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/base/utf8.h"
#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/limits.h"
#include "broker/service/read/convert.h"
#include "nlohmann/json.hpp"

namespace baton::service {
namespace {

namespace fs = std::filesystem;

// What is being written, or was when its broker ended. No name of a backup begins with a dot.
constexpr char kUnfinished[] = ".unfinished-";

// Whatever is larger was not written by us.
constexpr uint64_t kMaxFactsBytes = 64 << 10;

std::error_code LastError() { return {errno, std::generic_category()}; }

Error BackupFailed(const fs::path& path, absl::string_view what, const std::error_code& why) {
  std::string message = absl::StrCat("backup: ", path.string(), ": ", what, ": ", why.message());
  if (why == std::errc::no_space_on_device) {
    return ResourceExhausted("BACKUP_NO_SPACE", absl::StrCat(message, ": make room there, then repeat the call"), 0);
  }
  if (why == std::errc::permission_denied || why == std::errc::read_only_file_system) {
    absl::StrAppend(&message, ": let the user that runs batond write there, or set backup.directory to another place");
  }
  return FailedPrecondition("BACKUP_FAILED", std::move(message));
}

Error CopyFailed(const absl::Status& status) {
  if (status.ok()) return {};
  if (status.code() == absl::StatusCode::kResourceExhausted) {
    return ResourceExhausted("BACKUP_NO_SPACE",
                             absl::StrCat(status.message(), ": make room there, then repeat the call"), 0);
  }
  return FailedPrecondition("BACKUP_FAILED", std::string(status.message()));
}

// A file or directory that is open.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

Error Sync(const fs::path& path) {
  const Descriptor opened(path, O_RDONLY);
  if (opened.number() < 0 || ::fsync(opened.number()) != 0) return BackupFailed(path, "sync", LastError());
  return {};
}

// Everything in `directory`, which has no directories in it, and itself. Tells how large its files are in all.
Error SyncAll(const fs::path& directory, uint64_t* bytes) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    CHECK_FIELD(Sync(at->path()));
    *bytes += at->file_size(error);
  }
  if (error) return BackupFailed(directory, "read", error);
  return Sync(directory);
}

Error WriteFacts(const fs::path& directory, const v1::Backup& facts) {
  const nlohmann::json json = {{"created_at", TimeText(FromWireTime(facts.created_at()))},
                               {"created_at_us", FromWireTime(facts.created_at())},
                               {"commit_number", facts.commit_number()},
                               {"bytes", facts.bytes()},
                               {"broker_version", facts.broker_version()},
                               {"format_version", facts.format_version()},
                               {"incarnation", facts.incarnation()}};
  const fs::path path = directory / kBackupFacts;
  std::ofstream file(path);
  file << json.dump(2) << "\n";
  file.close();
  if (!file) return BackupFailed(path, "write", LastError());
  CHECK_FIELD(Sync(path));
  return Sync(directory);
}

// Nothing if it is no complete backup.
std::optional<v1::Backup> ReadFacts(const fs::path& directory) {
  const fs::path path = directory / kBackupFacts;
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > kMaxFactsBytes) return std::nullopt;
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  const nlohmann::json json = nlohmann::json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto number = [&json](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number_integer() ? found->get<uint64_t>() : 0;
  };
  v1::Backup facts;
  facts.set_name(directory.filename().string());
  facts.set_directory(directory.string());
  *facts.mutable_created_at() = WireTime(static_cast<WallMicros>(number("created_at_us")));
  facts.set_commit_number(number("commit_number"));
  facts.set_bytes(number("bytes"));
  facts.set_format_version(static_cast<int32_t>(number("format_version")));
  facts.set_incarnation(number("incarnation"));
  const auto version = json.find("broker_version");
  if (version != json.end() && version->is_string()) facts.set_broker_version(version->get<std::string>());
  return facts;
}

// What a broker that ended in the middle has left. A name that cannot be removed is in nobody's way.
void RemoveUnfinished(const fs::path& directory) {
  std::vector<fs::path> unfinished;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().rfind(kUnfinished, 0) == 0) unfinished.push_back(at->path());
  }
  for (const fs::path& path : unfinished) fs::remove_all(path, error);
}

fs::path AbsolutePath(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return (error ? fs::path(path) : absolute).lexically_normal();
}

bool IsNewer(const v1::Backup& a, const v1::Backup& b) {
  const WallMicros left = FromWireTime(a.created_at()), right = FromWireTime(b.created_at());
  return left != right ? left > right : a.name() < b.name();
}

}  // namespace

Error CheckBackupName(absl::string_view name) {
  CHECK_FIELD(CheckLength(Field("name"), name, Presence::kRequired, kNameBytes));
  const auto is_allowed = [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-'; };
  if (name.front() != '.' && std::all_of(name.begin(), name.end(), is_allowed)) return {};
  return InvalidArgument(
      "BAD_NAME", absl::StrCat("name is '", EscapeText(name),
                               "', which is no name of a backup: only letters, digits and _ . - are allowed, and "
                               "no dot at the beginning"));
}

BackupDirectory::BackupDirectory(const std::string& path) : path_(AbsolutePath(path)) {}

Error BackupDirectory::Add(const Copy& copy, v1::Backup* facts) const {
  std::error_code error;
  // What is in it is nobody's business but the broker's.
  if (path_.has_parent_path()) fs::create_directories(path_.parent_path(), error);
  if (!error && ::mkdir(path_.c_str(), S_IRWXU) != 0 && errno != EEXIST) error = LastError();
  if (error) return BackupFailed(path_, "create", error);
  const Descriptor lock(path_, O_RDONLY | O_DIRECTORY);
  if (lock.number() < 0) return BackupFailed(path_, "open", LastError());
  // Goes with the process, too. Without it a broker could take what another one is writing for left over.
  if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    return FailedPrecondition("BACKUP_UNDER_WAY", absl::StrCat("backup: another broker is writing one to ",
                                                               path_.string(), ": try again when it is done"));
  }
  return AddLocked(copy, facts);
}

void BackupDirectory::RemoveLeftOver() const {
  const Descriptor lock(path_, O_RDONLY | O_DIRECTORY);
  if (lock.number() >= 0 && ::flock(lock.number(), LOCK_EX | LOCK_NB) == 0) RemoveUnfinished(path_);
}

Error BackupDirectory::AddLocked(const Copy& copy, v1::Backup* facts) const {
  const fs::path whole = path_ / facts->name();
  const fs::path unfinished = path_ / absl::StrCat(kUnfinished, facts->name());
  std::error_code error;
  if (fs::symlink_status(whole, error).type() != fs::file_type::not_found) {
    return AlreadyExists("BACKUP_EXISTS", absl::StrCat("name: '", facts->name(), "': there is a ", whole.string(),
                                                       " already: choose another name"));
  }
  RemoveUnfinished(path_);
  facts->set_directory(whole.string());
  Error failed = Complete(copy, unfinished, facts);
  if (failed.ok()) {
    fs::rename(unfinished, whole, error);
    if (error) failed = BackupFailed(whole, "give it its name", error);
  }
  if (!failed.ok()) {
    RemoveUnfinished(path_);
    return failed;
  }
  return Sync(path_);
}

Error BackupDirectory::Complete(const Copy& copy, const fs::path& unfinished, v1::Backup* facts) {
  CHECK_FIELD(CopyFailed(copy(unfinished.string())));
  uint64_t bytes = 0;
  CHECK_FIELD(SyncAll(unfinished, &bytes));
  facts->set_bytes(bytes);
  return WriteFacts(unfinished, *facts);
}

Error BackupDirectory::List(size_t limit, v1::ListBackupsResponse* response) const {
  std::error_code error;
  std::vector<v1::Backup> backups;
  for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
    if (!CheckBackupName(at->path().filename().string()).ok()) continue;
    std::optional<v1::Backup> facts = ReadFacts(at->path());
    if (facts.has_value()) backups.push_back(*std::move(facts));
  }
  if (error && error != std::errc::no_such_file_or_directory) return BackupFailed(path_, "read", error);
  std::sort(backups.begin(), backups.end(), IsNewer);
  if (backups.size() > limit) backups.resize(limit);
  for (v1::Backup& backup : backups) *response->add_backups() = std::move(backup);
  return {};
}

}  // namespace baton::service
