#include "baton/log.h"

#include <cstdio>

#include "absl/time/time.h"
#include "worker_sdk/src/system_clock.h"

namespace baton::inline sdk {

void LogToStderr(LogLevel level, const std::string& text) {
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  if (level == LogLevel::kDebug) return;
  const absl::Time now = absl::FromUnixMicros(internal::WallMicros());
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
  std::fprintf(stderr, "%s baton %s: %s\n", time.c_str(), kNames[static_cast<int>(level)], text.c_str());
}

}  // namespace baton::inline sdk
