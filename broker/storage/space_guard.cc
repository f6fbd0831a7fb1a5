#include "broker/storage/space_guard.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "spdlog/spdlog.h"

namespace baton::storage {
namespace {

constexpr Micros kLookInterval = 10 * kMillisecond;
// Whoever is refused has time: space is freed by people, or by retention.
constexpr Micros kRetryLater = 2 * kSecond;

std::string MebibytesText(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20));
}

SpaceGuard::Options Completed(SpaceGuard::Options options) {
  if (options.free_bytes == nullptr) {
    options.free_bytes = [directory = options.directory] { return FreeBytes(directory); };
  }
  return options;
}

}  // namespace

std::optional<uint64_t> FreeBytes(const std::string& path) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(path, error);
  if (error) return std::nullopt;
  return space.available;
}

SpaceGuard::SpaceGuard(Options options) : options_(Completed(std::move(options))) {}

Error SpaceGuard::Check(SteadyMicros now) {
  if (options_.reserve_bytes == 0 || (looked_at_ != 0 && now - looked_at_ < kLookInterval)) return error_;
  looked_at_ = now;
  const std::optional<uint64_t> free = options_.free_bytes();
  const bool refused = !error_.ok();
  error_ = free.has_value() && *free < options_.reserve_bytes ? Refusal(*free) : Error{};
  if (!refused && !error_.ok()) spdlog::error("{}", error_.message);
  if (refused && error_.ok()) spdlog::info("there is room on the disk again: new tasks are taken");
  return error_;
}

Error SpaceGuard::Refusal(uint64_t free) const {
  return ResourceExhausted(
      "DISK_FULL",
      absl::StrCat("the disk of data directory ", options_.directory, " has ", MebibytesText(free),
                   " free, less than storage.reserve_bytes (", MebibytesText(options_.reserve_bytes),
                   "): nothing new is taken, while what has begun goes on. Free some space, or lower that setting"),
      kRetryLater);
}

}  // namespace baton::storage
