#include "broker/service/backup_room.h"

#include <sys/stat.h>

#include <system_error>

#include "absl/strings/str_cat.h"

namespace baton::service {
namespace {

namespace fs = std::filesystem;

// Every store has this file.
constexpr char kAnyFile[] = "CURRENT";

bool CanLink(const fs::path& data_directory, const fs::path& target) {
  const fs::path link = target.string() + ".link";
  std::error_code error;
  fs::create_hard_link(data_directory / kAnyFile, link, error);
  const bool can = !error;
  fs::remove(link, error);
  return can;
}

bool IsSameDisk(const fs::path& a, const fs::path& b) {
  struct stat of_a = {}, of_b = {};
  return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev;
}

}  // namespace

absl::Status CheckBackupRoom(const BackupRoom& room, const fs::path& target) {
  if (room.data_directory.empty() || CanLink(room.data_directory, target)) return absl::OkStatus();
  const fs::path parent = target.parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(parent, error);
  if (error) return absl::OkStatus();  // The copy finds out.
  const uint64_t reserve = IsSameDisk(room.data_directory, parent) ? room.reserve_bytes : 0;
  if (space.available >= room.store_bytes + reserve) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("backup: ", parent.string(), " cannot have the same files as ", room.data_directory.string(),
                   " (hard links), and has no room for a copy: that takes ", room.store_bytes, " bytes",
                   reserve == 0 ? "" : absl::StrCat(", and ", reserve, " stay free (storage.reserve_bytes)"), "; ",
                   space.available, " are free"));
}

}  // namespace baton::service
