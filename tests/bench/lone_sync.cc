#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/bench/board.h"
#include "tests/bench/machine_limits.h"

namespace baton::bench {
namespace {

constexpr size_t kAppendBytes = 4096;

}  // namespace

absl::StatusOr<std::vector<int64_t>> MeasureLoneSync(const std::string& directory, int count, int64_t interval_us) {
  const std::string path = directory + "/lone-sync";
  const auto failure = [&path](const char* what) { return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path)); };
  const int file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return failure("open");
  const auto remove = absl::MakeCleanup([&] {
    close(file);
    unlink(path.c_str());
  });
  const std::string block(kAppendBytes, 'x');
  std::vector<int64_t> durations;
  const timespec interval = absl::ToTimespec(absl::Microseconds(interval_us));
  for (int i = 0; i < count; ++i) {
    if (interval_us > 0) ppoll(nullptr, 0, &interval, nullptr);
    const int64_t begin = MonotonicNow();
    if (write(file, block.data(), block.size()) != static_cast<ssize_t>(block.size())) return failure("write");
    if (fdatasync(file) != 0) return failure("fdatasync");
    durations.push_back(MonotonicNow() - begin);
  }
  return durations;
}

}  // namespace baton::bench
