#include "broker/server/logging.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "spdlog/formatter.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%f%z %l %v";

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

}  // namespace

void StartLogging(const std::string& level, const std::string& format) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("batond"));
  ChangeLogging(level, format);
}

void ChangeLogging(const std::string& level, const std::string& format) {
  if (format == "json") {
    spdlog::set_formatter(std::make_unique<JsonFormatter>());
  } else {
    spdlog::set_pattern(kTextPattern);
  }
  spdlog::set_level(spdlog::level::from_str(level));
}

std::string JsonLogLine(WallMicros time, absl::string_view level, absl::string_view message) {
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixMicros(time), absl::UTCTimeZone());
  line["level"] = std::string(level);
  line["message"] = std::string(message);
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace baton::server
