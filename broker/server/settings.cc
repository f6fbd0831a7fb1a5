#include "broker/server/settings.h"

#include <toml++/toml.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "broker/base/status_macros.h"
#include "broker/server/address.h"
#include "broker/server/nearest_name.h"
#include "broker/server/setting_table.h"
#include "broker/server/setting_value.h"
#include "broker/service/field.h"

namespace baton::server {
namespace {

const Setting* FindSetting(const std::string& name) {
  for (const Setting& setting : AllSettings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::string Nearest(const std::string& name) {
  const auto& all = AllSettings();
  const auto distance = [&name](const Setting& setting) {
    const std::string key = setting.name.substr(setting.name.find('.') + 1);
    return std::min(EditDistance(name, setting.name), EditDistance(name, key));
  };
  return std::min_element(all.begin(), all.end(),
                          [&](const Setting& a, const Setting& b) { return distance(a) < distance(b); })
      ->name;
}

absl::Status UnknownSetting(const std::string& name) {
  return absl::InvalidArgumentError(absl::StrCat("there is no setting '", name, "'; the nearest is '", Nearest(name),
                                                 "'. `batond --print-config` lists all"));
}

absl::Status Named(const std::string& name, const absl::Status& status) {
  return status.ok() ? status : absl::InvalidArgumentError(absl::StrCat("setting ", name, " ", status.message()));
}

absl::Status At(const std::string& file, const toml::source_region& source, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(file, ":", source.begin.line, ": ", status.message()));
}

// The text that ParseValue reads; numbers in a file may stand without quotes.
std::string TextOf(const toml::node& node) {
  if (const auto text = node.as_string()) return text->get();
  if (const auto integer = node.as_integer()) return absl::StrCat(integer->get());
  if (const auto number = node.as_floating_point()) return ExactNumber(number->get());
  if (const auto boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  std::ostringstream out;
  node.visit([&out](const auto& value) { out << value; });  // Dates and times: no setting takes them.
  return out.str();
}

absl::Status SetFromNode(const std::string& name, const toml::node& node, Settings* settings) {
  if (!node.is_value()) {
    return FindSetting(name) == nullptr
               ? UnknownSetting(name)
               : absl::InvalidArgumentError(absl::StrCat("setting ", name, " is a list or table: give one value"));
  }
  return SetSetting(name, TextOf(node), settings);
}

absl::Status SetFromTable(const toml::table& table, const std::string& file, Settings* settings) {
  for (const auto& [section, node] : table) {
    const std::string section_name(section.str());
    const toml::table* keys = node.as_table();
    if (keys == nullptr) {
      RETURN_IF_ERROR(At(file, node.source(), SetFromNode(section_name, node, settings)));
      continue;
    }
    for (const auto& [key, value] : *keys) {
      const std::string name = absl::StrCat(section_name, ".", std::string(key.str()));
      RETURN_IF_ERROR(At(file, value.source(), SetFromNode(name, value, settings)));
    }
  }
  return absl::OkStatus();
}

// One of certificate and key without the other, or without anything to encrypt.
absl::Status CheckTls(const Settings& settings) {
  const TlsFiles& tls = settings.tls;
  if (tls.certificate.empty() != tls.private_key.empty()) {
    const bool is_key_missing = tls.private_key.empty();
    return absl::InvalidArgumentError(absl::StrCat("setting ", is_key_missing ? "tls.certificate" : "tls.private_key",
                                                   " is '", is_key_missing ? tls.certificate : tls.private_key,
                                                   "', but ", is_key_missing ? "tls.private_key" : "tls.certificate",
                                                   " is not set: TLS needs both"));
  }
  if (tls.certificate.empty() && !tls.client_ca.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting tls.client_ca is '", tls.client_ca,
        "', but tls.certificate is not set: without TLS nobody shows a certificate; set tls.certificate and "
        "tls.private_key too"));
  }
  if (!tls.certificate.empty() && absl::StartsWith(settings.listen, "unix:")) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting tls.certificate is '", tls.certificate, "', but server.listen is '", settings.listen,
                     "', and what goes through a socket file is not encrypted, as it never leaves this machine: leave "
                     "[tls] out, or listen on HOST:PORT"));
  }
  return absl::OkStatus();
}

// Whoever reaches the broker over a network must be unable to read along, and must say who he is. A client certificate
// is no substitute for the latter: it tells that somebody may connect, not what he may do.
absl::Status CheckReach(const Settings& settings) {
  std::vector<std::string> missing;
  if (settings.tls.certificate.empty()) missing.push_back("tls.certificate");
  if (settings.access_tokens_file.empty()) missing.push_back("access.tokens_file");
  if (missing.empty() || !ReachesFurther(settings.listen)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "setting server.listen is '", settings.listen, "', which can be reached from other machines, but ",
      absl::StrJoin(missing, " and "), missing.size() == 1 ? " is" : " are", " not set, so everybody there could ",
      settings.access_tokens_file.empty() ? "run and read tasks" : "read along, tokens included",
      ": set tls.certificate, tls.private_key and access.tokens_file, or listen on 127.0.0.1, [::1] or "
      "unix:PATH"));
}

bool IsWithin(const std::string& inner, const std::string& outer) {
  namespace fs = std::filesystem;
  // Answers something also for what does not exist yet.
  std::error_code ignored;
  const fs::path relative = fs::weakly_canonical(fs::absolute(inner, ignored), ignored)
                                .lexically_relative(fs::weakly_canonical(fs::absolute(outer, ignored), ignored));
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

absl::Status SetSetting(const std::string& name, const std::string& text, Settings* settings) {
  const Setting* setting = FindSetting(name);
  if (setting == nullptr) return UnknownSetting(name);
  absl::StatusOr<Setting::Value> value = ParseValue(*setting, text);
  if (!value.ok()) return Named(name, value.status());
  RETURN_IF_ERROR(Named(name, CheckValue(*setting, *value)));
  setting->set(*settings, *value);
  return absl::OkStatus();
}

absl::Status ReadSettings(const std::string& toml_text, const std::string& file, Settings* settings) {
  try {
    return SetFromTable(toml::parse(toml_text, file), file, settings);
  } catch (const toml::parse_error& error) {
    return At(file, error.source(), absl::InvalidArgumentError(absl::StrCat("not TOML: ", error.what())));
  }
}

absl::Status ReadSettingsFile(const std::string& path, Settings* settings) {
  errno = 0;
  std::ifstream file(path);
  std::ostringstream text;
  // Opening a folder succeeds, reading from it does not; an empty file is no error.
  if (file.is_open() && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad() || text.fail()) {
    const std::string message = absl::StrCat("cannot read the configuration file ", path, ": ", std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(message) : absl::PermissionDeniedError(message);
  }
  return ReadSettings(text.str(), path, settings);
}

absl::Status CheckSettings(const Settings& settings) {
  const engine::EngineSettings& engine = settings.engine;
  if (engine.beat_window < 3 * engine.beat_interval) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting workers.beat_window is ", service::ExactDuration(engine.beat_window),
                     ", less than three times workers.beat_interval (", service::ExactDuration(engine.beat_interval),
                     "): two lost beats would cost a worker its tasks; raise the one or lower the other"));
  }
  if (settings.limits.message_bytes < settings.limits.payload_bytes + (64 << 10)) {
    return absl::InvalidArgumentError(absl::StrCat("setting limits.message_bytes is ", settings.limits.message_bytes,
                                                   ", less than limits.payload_bytes (", settings.limits.payload_bytes,
                                                   ") plus 64 KiB: a task of the largest size could not be sent"));
  }
  if (!settings.backup_directory.empty() && IsWithin(settings.backup_directory, settings.store.directory)) {
    return absl::InvalidArgumentError(absl::StrCat("setting backup.directory is '", settings.backup_directory,
                                                   "', within server.data_dir ('", settings.store.directory,
                                                   "'): name a directory beside it, better on another disk"));
  }
  if (!settings.metrics_address.empty() && settings.metrics_address == settings.listen &&
      !absl::EndsWith(settings.listen, ":0")) {
    return absl::InvalidArgumentError(absl::StrCat("setting metrics.address is '", settings.metrics_address,
                                                   "', and so is server.listen: give each a port of its own"));
  }
  RETURN_IF_ERROR(CheckTls(settings));
  return CheckReach(settings);
}

std::vector<std::string> ChangedSettings(const Settings& before, const Settings& after) {
  std::vector<std::string> names;
  for (const Setting& setting : AllSettings()) {
    if (setting.get(before) != setting.get(after)) names.push_back(setting.name);
  }
  return names;
}

std::string SettingsToToml(const Settings& settings, Comments comments) {
  std::string toml, section;
  for (const Setting& setting : AllSettings()) {
    const std::vector<std::string> parts = absl::StrSplit(setting.name, '.');
    if (parts[0] != section) {
      absl::StrAppend(&toml, section.empty() ? "" : "\n", "[", parts[0], "]\n");
      section = parts[0];
    }
    if (comments == Comments::kYes) {
      const std::string allowed = AllowedText(setting);
      absl::StrAppend(&toml, "# ", setting.help, allowed.empty() ? "" : absl::StrCat(" (", allowed, ")"), "\n");
    }
    absl::StrAppend(&toml, parts[1], " = ", ValueToToml(setting, setting.get(settings)), "\n");
  }
  return toml;
}

}  // namespace baton::server
