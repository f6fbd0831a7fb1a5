#include "broker/server/logging.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
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

// Of U+0080 … U+009F, which are C1 controls: the first byte of two.
constexpr char kC1Lead = '\xC2';

bool IsC1(absl::string_view text, size_t position) {
  return text[position] == kC1Lead && position + 1 < text.size() &&
         static_cast<unsigned char>(text[position + 1]) < 0xA0;
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
  const bool is_utf8 = IsUtf8(message);
  std::string line;
  for (size_t i = 0; i < message.size(); ++i) {
    const auto byte = static_cast<unsigned char>(message[i]);
    if (byte == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_utf8)) {
      absl::StrAppendFormat(&line, "\\x%02x", byte);
    } else if (IsC1(message, i)) {
      absl::StrAppendFormat(&line, "\\x%02x\\x%02x", byte, static_cast<unsigned char>(message[++i]));
    } else {
      line += message[i];
    }
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
