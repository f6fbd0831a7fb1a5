#include "broker/server/access/token_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "broker/base/status_macros.h"

namespace baton::server {
namespace {

constexpr mode_t kOwnerOnly = 0600;

absl::Status CannotRead(const std::string& path, int error) {
  const std::string message = absl::StrCat("cannot read the tokens file ", path, ": ", std::strerror(error));
  if (error != ENOENT) return absl::PermissionDeniedError(message);
  return absl::NotFoundError(absl::StrCat(message, "; `batond create-token NAME --role operate --file ", path,
                                          "` makes it, with a first token"));
}

absl::Status CheckMode(const std::string& path, int fd) {
  struct stat about {};
  if (fstat(fd, &about) != 0) return CannotRead(path, errno);
  if (!S_ISREG(about.st_mode)) {
    return absl::PermissionDeniedError(absl::StrCat("the tokens file ", path, " is not a regular file: name one"));
  }
  if ((about.st_mode & 077) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrFormat("the tokens file %s has mode %04o: others than its owner can use it; chmod 600 %s", path,
                      about.st_mode & 07777, path));
}

absl::Status ReadAll(const std::string& path, int fd, std::string* text) {
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead(path, errno);
    if (got == 0) return absl::OkStatus();
    text->append(buffer, static_cast<size_t>(got));
  }
}

absl::Status CannotWrite(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot write the tokens file: ", path, ": ", std::strerror(errno)));
}

absl::Status WriteAndSync(const std::string& path, int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return CannotWrite(path);
    text.remove_prefix(static_cast<size_t>(put));
  }
  return fsync(fd) == 0 ? absl::OkStatus() : CannotWrite(path);
}

// A name is on disk when its folder is.
absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return CannotWrite(folder);
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  return fsync(fd) == 0 ? absl::OkStatus() : CannotWrite(folder);
}

absl::Status WriteNew(const std::string& path, absl::string_view text) {
  // Left behind by one that was interrupted.
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly);
  if (fd < 0) return CannotWrite(path);
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  return WriteAndSync(path, fd, text);
}

}  // namespace

absl::StatusOr<std::vector<Token>> ReadTokensFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return CannotRead(path, errno);
  const auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  RETURN_IF_ERROR(CheckMode(path, fd));
  std::string text;
  RETURN_IF_ERROR(ReadAll(path, fd, &text));
  return ParseTokens(text, path);
}

absl::Status WriteTokensFile(const std::string& path, const std::vector<Token>& tokens) {
  const std::string fresh = absl::StrCat(path, ".new");
  if (absl::Status status = WriteNew(fresh, TokensToToml(tokens)); !status.ok()) {
    unlink(fresh.c_str());
    return status;
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    const absl::Status status = CannotWrite(path);
    unlink(fresh.c_str());
    return status;
  }
  return SyncFolderOf(path);
}

}  // namespace baton::server
