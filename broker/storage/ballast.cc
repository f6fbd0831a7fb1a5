#include "broker/storage/ballast.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "broker/storage/space_guard.h"

namespace baton::storage {
namespace {

std::string BallastPath(const std::string& directory) {
  return (std::filesystem::path(directory) / kBallastName).string();
}

// Not with ftruncate, which makes a file that takes no space.
int Allocate(const std::string& path, uint64_t bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  const int error = posix_fallocate(file, 0, static_cast<off_t>(bytes));
  close(file);
  return error;
}

}  // namespace

absl::Status KeepBallast(const std::string& directory, uint64_t bytes, uint64_t reserve) {
  const std::string path = BallastPath(directory);
  std::error_code missing;
  const uint64_t present = std::filesystem::file_size(path, missing);
  if (!missing && present == bytes) return absl::OkStatus();
  DropBallast(directory);
  if (bytes == 0) return absl::OkStatus();
  const uint64_t free = FreeBytes(directory).value_or(0);
  if (free < bytes || free - bytes < reserve) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no ballast was made: ", path, " would take ", bytes, " of the ", free,
                     " bytes that are free, of which storage.reserve_bytes keeps ", reserve));
  }
  const int error = Allocate(path, bytes);
  if (error == 0) return absl::OkStatus();
  DropBallast(directory);
  const std::string message = absl::StrCat("no ballast was made: ", path, ": ", std::strerror(error));
  return error == ENOSPC ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
}

bool DropBallast(const std::string& directory) {
  std::error_code error;
  return std::filesystem::remove(BallastPath(directory), error);
}

}  // namespace baton::storage
