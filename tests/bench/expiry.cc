#include "tests/bench/expiry.h"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr char kShortRetention[] = "[retention]\nended = \"1s\"\n";
constexpr absl::Duration kCallTimeout = absl::Seconds(60);
constexpr absl::Duration kPatience = absl::Minutes(30);
// Files are given back, and the rest of them is compacted, after the tasks are gone. The disk is at rest when so many
// looks have found the same; it is not looked at more often than that.
constexpr absl::Duration kDiskLook = absl::Seconds(1);
constexpr int kEqualLooks = 5;
constexpr int kMostLooks = 120;
constexpr double kSameMebibytes = 0.01;

// Empty if there is none.
std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

absl::Status RestartWith(TestBed* bed, std::string config) {
  RETURN_IF_ERROR(bed->broker().Stop());
  bed->broker().UseConfig(std::move(config));
  return bed->broker().Start();
}

absl::Status AwaitExpiry(TestBed* bed) {
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  absl::Status asked;
  uint64_t left = 0;
  const auto none_left = [&] {
    const absl::StatusOr<v1::GetStatisticsResponse> statistics = broker->GetStatistics({}, kCallTimeout);
    asked = statistics.status();
    if (!asked.ok()) return false;
    const v1::StateCounts& counts = statistics->counts();
    left = counts.completed() + counts.permanently_failed() + counts.cancelled();
    return left == 0;
  };
  const absl::Status expired = bed->Await("waiting until all have expired", none_left, kPatience);
  if (!absl::IsDeadlineExceeded(expired)) return expired;
  return absl::DeadlineExceededError(absl::StrCat(expired.message(), "; ", left, " tasks that have ended are left",
                                                  asked.ok() ? "" : absl::StrCat(", ", asked.ToString())));
}

absl::StatusOr<double> RestingDisk(TestBed* bed) {
  double disk = bed->broker().DiskMebibytes();
  int equal = 0;
  for (int look = 0; look < kMostLooks && equal < kEqualLooks; ++look) {
    RETURN_IF_ERROR(bed->Watch("waiting until the disk is at rest", kDiskLook));
    const double now = bed->broker().DiskMebibytes();
    equal = std::abs(now - disk) < kSameMebibytes ? equal + 1 : 0;
    disk = now;
  }
  return disk;
}

}  // namespace

std::string WithRetention(absl::string_view settings, absl::string_view retention) {
  std::string text;
  bool in_retention = false;
  for (const absl::string_view line : absl::StrSplit(settings, '\n')) {
    const absl::string_view words = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(words, "[")) in_retention = absl::StartsWith(words, "[retention]");
    const bool is_dotted = absl::StartsWith(words, "retention.");
    if (!in_retention && !is_dotted && !words.empty()) absl::StrAppend(&text, line, "\n");
  }
  return absl::StrCat(text, retention);
}

absl::Status ExpireAll(TestBed* bed, Report* report) {
  const std::string& config = bed->options().config;
  const std::string path = bed->directory() + "/expiry.toml";
  std::ofstream(path) << WithRetention(ReadFile(config), kShortRetention);
  RETURN_IF_ERROR(RestartWith(bed, path));
  const int64_t begin = MonotonicNow();
  RETURN_IF_ERROR(AwaitExpiry(bed));
  (*report)["expiry_seconds"] = Rounded(static_cast<double>(MonotonicNow() - begin) / 1e9);
  ASSIGN_OR_RETURN(const double disk, RestingDisk(bed));
  (*report)["disk_after_expiry_mib"] = Rounded(disk);
  return RestartWith(bed, config);
}

}  // namespace baton::bench
