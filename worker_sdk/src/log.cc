#include "baton/log.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "worker_sdk/src/system_clock.h"

namespace baton::inline sdk {

namespace {

// Bytes of the control character at the start of `text` (UTF-8), also of one that separates lines or turns the
// direction of text; 0: none is there.
size_t ControlLength(const std::string& text, size_t begin) {
  const auto byte = [&](size_t i) { return begin + i < text.size() ? static_cast<unsigned char>(text[begin + i]) : 0; };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2) return byte(1) >= 0x80 && byte(1) < 0xA0 ? 2 : 0;
  const bool separates_or_turns = byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE;  // U+2028 ... U+202E
  const bool isolates = byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;            // U+2066 ... U+2069
  return byte(0) == 0xE2 && (separates_or_turns || isolates) ? 3 : 0;
}

// On one line, and without what could steer a terminal: reasons and errors are texts of others.
std::string OnOneLine(const std::string& text) {
  std::string line;
  for (size_t i = 0; i < text.size();) {
    const size_t control = ControlLength(text, i);
    const size_t end = i + std::max<size_t>(control, 1);
    for (; i < end; ++i) {
      if (control == 0) {
        line += text[i];
      } else if (text[i] == '\n') {
        line += "\\n";
      } else {
        absl::StrAppendFormat(&line, "\\x%02x", static_cast<unsigned char>(text[i]));
      }
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
