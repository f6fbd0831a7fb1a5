#include <toml++/toml.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client_cli/doctor/examine.h"
#include "client_cli/text/duration_text.h"

namespace baton::cli::doctor {
namespace {

std::optional<std::string> TextAt(const toml::table& settings, const char* path) {
  return settings.at_path(path).value<std::string>();
}

void ReadDurationAt(const toml::table& settings, const char* path, absl::Duration* duration) {
  const auto text = TextAt(settings, path);
  if (!text.has_value()) return;
  const absl::StatusOr<int64_t> microseconds = ParseDuration(path, *text);
  if (microseconds.ok()) *duration = absl::Microseconds(*microseconds);
}

// "1.5GiB"; "none" is 0.
void ReadBytesAt(const toml::table& settings, const char* path, uint64_t* bytes) {
  const auto text = TextAt(settings, path);
  if (!text.has_value()) return;
  absl::string_view number = *text;
  int shift = 0;
  for (const auto& [unit, bits] : {std::pair("KiB", 10), {"MiB", 20}, {"GiB", 30}}) {
    if (absl::ConsumeSuffix(&number, unit)) shift = bits;
  }
  double value = 0;
  if (*text == "none") *bytes = 0;
  if (absl::SimpleAtod(number, &value) && value >= 0) {
    *bytes = static_cast<uint64_t>(value * static_cast<double>(uint64_t{1} << shift));
  }
}

}  // namespace

BrokerSettings ReadSettings(const std::string& settings_toml) {
  BrokerSettings settings;
  try {
    const toml::table table = toml::parse(settings_toml);
    ReadDurationAt(table, "workers.beat_window", &settings.beat_window);
    ReadDurationAt(table, "server.drain_deadline", &settings.drain_deadline);
    ReadBytesAt(table, "storage.reserve_bytes", &settings.reserve_bytes);
  } catch (const toml::parse_error&) {
    return BrokerSettings();
  }
  return settings;
}

}  // namespace baton::cli::doctor
