#ifndef BATON_BROKER_SERVER_SETTINGS_H_
#define BATON_BROKER_SERVER_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/engine/limits.h"
#include "broker/service/limits.h"
#include "broker/storage/rocksdb_store.h"

namespace baton::server {

// Everything an operator can set. Names, meanings, defaults and ranges: setting_table.cc, or `batond --print-config`.
struct Settings {
  Settings() { store.directory = "baton-data"; }

  std::string listen = "127.0.0.1:7461";
  std::string log_level = "info";
  std::string log_format = "text";
  // Empty: no metrics.
  std::string metrics_address;
  size_t metrics_types = 100;
  int max_connections = 10'000;
  int max_concurrent_streams = 4000;
  size_t transport_bytes = size_t{512} << 20;
  size_t unread_bytes = size_t{256} << 20;
  int max_watches = 1000;
  Micros watch_heartbeat = 15 * kSecond;
  storage::RocksDbOptions store;
  // Of the disk, see storage/space_guard.h and storage/ballast.h.
  uint64_t reserve_bytes = uint64_t{1} << 30;
  uint64_t ballast_bytes = 0;
  std::string backup_directory;
  // Empty: no access control.
  std::string access_tokens_file;
  service::WireLimits limits;
  engine::EngineSettings engine;
};

// Sets what a TOML text sets. INVALID_ARGUMENT naming `file`, the line, the setting, its value and what is allowed.
absl::Status ReadSettings(const std::string& toml, const std::string& file, Settings* settings);
// The same from a file; NOT_FOUND or PERMISSION_DENIED if it cannot be read.
absl::Status ReadSettingsFile(const std::string& path, Settings* settings);

// Sets one setting from the text of a flag: "1.5s", "4MiB", "10", "info". INVALID_ARGUMENT as above.
absl::Status SetSetting(const std::string& name, const std::string& text, Settings* settings);

// What no single value shows. INVALID_ARGUMENT naming both settings.
absl::Status CheckSettings(const Settings& settings);

// The names of those that differ, in the order of printing.
std::vector<std::string> ChangedSettings(const Settings& before, const Settings& after);

enum class Comments { kNo, kYes };
// All settings in force as a file that ReadSettings takes.
std::string SettingsToToml(const Settings& settings, Comments comments);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_SETTINGS_H_
