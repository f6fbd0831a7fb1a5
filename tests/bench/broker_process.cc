#include "tests/bench/broker_process.h"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kStartPatience = absl::Minutes(15);
constexpr absl::Duration kStopPatience = absl::Minutes(1);
constexpr size_t kTailBytes = 2000;

// From "batond 1.2.3 serving on ADDRESS (data in …)".
absl::StatusOr<std::string> AddressIn(const std::string& line) {
  const std::string mark = " serving on ";
  const size_t at = line.find(mark);
  if (at == std::string::npos) return absl::InternalError(absl::StrCat("unexpected first line: ", line));
  const size_t begin = at + mark.size();
  return line.substr(begin, line.find(' ', begin) - begin);
}

}  // namespace

absl::Status BrokerProcess::Start() {
  std::vector<std::string> arguments = {
      options_.batond, "--data-dir", data_directory(), "--listen", address_.empty() ? "127.0.0.1:0" : address_,
      "--log-level",   "warning"};
  if (!options_.config.empty()) arguments.insert(arguments.end(), {"--config", options_.config});
  ASSIGN_OR_RETURN(process_, Process::Start(arguments, log_file()));
  absl::StatusOr<std::string> line = process_->ReadLine(kStartPatience);
  if (!line.ok()) {
    return absl::UnavailableError(absl::StrCat("batond did not start: ", line.status().message(), "\n", LogTail()));
  }
  ASSIGN_OR_RETURN(address_, AddressIn(*line));
  return absl::OkStatus();
}

void BrokerProcess::Kill() {
  if (process_) process_->Kill();
  process_.reset();
}

absl::Status BrokerProcess::Stop() {
  if (!process_) return absl::OkStatus();
  process_->Signal(SIGTERM);
  absl::Status status = process_->Wait(kStopPatience);
  process_.reset();
  if (status.ok()) return status;
  return absl::InternalError(absl::StrCat("batond did not stop as told: ", status.message(), "\n", LogTail()));
}

absl::StatusOr<ProcessUsage> BrokerProcess::Usage() const {
  if (!process_) return absl::NotFoundError("batond is not running");
  return process_->Usage();
}

double BrokerProcess::DiskMebibytes() const {
  double blocks = 0;
  std::error_code error;
  // Files may vanish meanwhile: they then count for nothing.
  for (std::filesystem::recursive_directory_iterator at(data_directory(), error), end; !error && at != end;
       at.increment(error)) {
    struct stat file {};
    if (lstat(at->path().c_str(), &file) == 0) blocks += static_cast<double>(file.st_blocks);
  }
  return blocks * 512 / (1 << 20);
}

std::string BrokerProcess::LogTail() const {
  std::ifstream file(log_file());
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return text.substr(text.size() - std::min(text.size(), kTailBytes));
}

}  // namespace baton::bench
