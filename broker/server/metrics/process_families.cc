// What Linux tells of this process.
#include <dirent.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "broker/base/clock.h"
#include "broker/server/metrics/broker_families.h"

namespace baton::server {
namespace {

// Fields of /proc/self/stat behind the name, which may hold anything, see proc(5).
constexpr size_t kUserTicks = 11;
constexpr size_t kSystemTicks = 12;
constexpr size_t kStartTicks = 19;
constexpr size_t kVirtualBytes = 20;
constexpr size_t kResidentPages = 21;

std::vector<std::string> ProcessFields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 2 > line.size()) return {};
  return absl::StrSplit(line.substr(name_end + 2), ' ');
}

double NumberAt(const std::vector<std::string>& fields, size_t index) {
  double number = 0;
  return index < fields.size() && absl::SimpleAtod(fields[index], &number) ? number : 0;
}

// Seconds since the epoch. Not from /proc/stat, which the unit for systemd hides (ProcSubset=pid).
double ReadBootTime() {
  struct sysinfo machine {};
  sysinfo(&machine);
  return static_cast<double>(SystemClock().Read().wall) / kSecond - static_cast<double>(machine.uptime);
}

std::optional<uint64_t> OpenDescriptors() {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  uint64_t count = 0;
  while (const dirent* const entry = readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(folder);
  return count - 1;  // One of them is the folder itself.
}

void AddDescriptors(Families* families) {
  if (const std::optional<uint64_t> open = OpenDescriptors(); open.has_value()) {
    families->push_back(OneGauge("process_open_fds", "Open file descriptors.", static_cast<double>(*open)));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  families->push_back(OneGauge("process_max_fds", "Most file descriptors that the process may open.",
                               static_cast<double>(limit.rlim_cur)));
}

}  // namespace

void AddProcessFamilies(Families* families) {
  AddDescriptors(families);
  const std::vector<std::string> fields = ProcessFields();
  if (fields.size() <= kResidentPages) return;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  prometheus::MetricFamily processor = CounterFamily("process_cpu_seconds_total", "Processor time used.");
  AddSample(&processor, (NumberAt(fields, kUserTicks) + NumberAt(fields, kSystemTicks)) / ticks);
  families->push_back(std::move(processor));
  families->push_back(OneGauge("process_virtual_memory_bytes", "Virtual memory.", NumberAt(fields, kVirtualBytes)));
  families->push_back(OneGauge("process_resident_memory_bytes", "Resident memory.",
                               NumberAt(fields, kResidentPages) * static_cast<double>(sysconf(_SC_PAGESIZE))));
  // Once: it would vary a little, and a start time that changes is a restart for whoever watches it.
  static const double boot_time = ReadBootTime();
  families->push_back(OneGauge("process_start_time_seconds", "When the process began, since the epoch.",
                               boot_time + NumberAt(fields, kStartTicks) / ticks));
}

}  // namespace baton::server
