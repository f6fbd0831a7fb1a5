#include "baton/log.h"

#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "worker_sdk/src/system_clock.h"

namespace baton::inline sdk {

namespace {

// On one line, and without what could steer a terminal: reasons and errors are texts of others.
std::string OnOneLine(const std::string& text) {
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (byte == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      absl::StrAppendFormat(&line, "\\x%02x", byte);
    } else if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {  // A C1 control.
      absl::StrAppendFormat(&line, "\\xc2\\x%02x", next);
      ++i;
    } else {
      line += text[i];
    }
  }
  return line;
}

}  // namespace

void LogToStderr(LogLevel level, const std::string& text) {
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  if (level == LogLevel::kDebug) return;
  const absl::Time now = absl::FromUnixMicros(internal::WallMicros());
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
  std::fprintf(stderr, "%s baton %s: %s\n", time.c_str(), kNames[static_cast<int>(level)], OnOneLine(text).c_str());
}

}  // namespace baton::inline sdk
