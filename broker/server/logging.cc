#include "broker/server/logging.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "broker/base/utf8.h"
#include "spdlog/formatter.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

// `%*` is the message, on one line.
constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%f%z %l %*";

absl::string_view ToView(spdlog::string_view_t text) { return {text.data(), text.size()}; }

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const auto since_epoch = message.time.time_since_epoch();
    const std::string json = JsonLogLine(std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count(),
                                         ToView(spdlog::level::to_string_view(message.level)), ToView(message.payload));
    line.append(json.data(), json.data() + json.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

class MessageOnOneLine final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    const std::string text = OneLine(ToView(message.payload));
    line.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override { return std::make_unique<MessageOnOneLine>(); }
};

std::unique_ptr<spdlog::formatter> TextFormatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<MessageOnOneLine>('*').set_pattern(kTextPattern);
  return formatter;
}

}  // namespace

void StartLogging(const std::string& level, const std::string& format) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("batond"));
  ChangeLogging(level, format);
}

void ChangeLogging(const std::string& level, const std::string& format) {
  if (format == "json") {
    spdlog::set_formatter(std::make_unique<JsonFormatter>());
  } else {
    spdlog::set_formatter(TextFormatter());
  }
  spdlog::set_level(spdlog::level::from_str(level));
}

std::string OneLine(absl::string_view message) {
  absl::ConsumeSuffix(&message, "\n");
  const bool is_utf8 = IsUtf8(message);
  std::string line;
  while (!message.empty()) {
    const bool is_foreign = !is_utf8 && static_cast<unsigned char>(message[0]) >= 0x80;
    const size_t control = is_foreign ? 1 : ControlLength(message);
    if (message[0] == '\n') {
      line += "\\n";
    } else if (control == 0) {
      line += message[0];
    } else {
      for (const char byte : message.substr(0, control)) {
        absl::StrAppendFormat(&line, "\\x%02x", static_cast<unsigned char>(byte));
      }
    }
    message.remove_prefix(std::max<size_t>(control, 1));
  }
  return line;
}

std::string JsonLogLine(WallMicros time, absl::string_view level, absl::string_view message) {
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(time), absl::UTCTimeZone());
  line["level"] = std::string(level);
  line["message"] = std::string(message);
  return line.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace baton::server
