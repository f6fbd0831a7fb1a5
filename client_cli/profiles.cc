#include "client_cli/profiles.h"

#include <toml++/toml.h>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/text/nearest.h"
#include "client_cli/text/payload_text.h"
#include "client_cli/text/style.h"

namespace baton::cli {
namespace {

constexpr char kDefault[] = "default";
constexpr char kProfile[] = "profile";

// A key of a profile. `read` checks the text, and gives the field what it stands for.
struct ProfileKey {
  const char* name;
  std::string Profile::*field;
  absl::StatusOr<std::string> (*read)(const std::string& text);
  bool required;
};

absl::StatusOr<std::string> AsItIs(const std::string& text) { return text; }

constexpr ProfileKey kProfileKeys[] = {
    {"broker", &Profile::broker, NormalizeAddress, /*required=*/true},
    {"tls_ca", &Profile::tls_ca, AsItIs, /*required=*/false},
    {"tls_cert", &Profile::tls_cert, AsItIs, /*required=*/false},
    {"tls_key", &Profile::tls_key, AsItIs, /*required=*/false},
    {"tls_server_name", &Profile::tls_server_name, AsItIs, /*required=*/false},
    {"token_file", &Profile::token_file, AsItIs, /*required=*/false},
};

std::vector<std::string> KeyNames() {
  std::vector<std::string> names;
  for (const ProfileKey& key : kProfileKeys) names.emplace_back(key.name);
  return names;
}

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", Printable(text), "\""); }

std::string NoSuchProfile(const ProfileFile& file, const std::string& name) {
  std::string text = absl::StrCat("there is no profile ", Quoted(name));
  if (file.path.empty()) return absl::StrCat(text, ": neither XDG_CONFIG_HOME nor HOME tells where profiles are");
  if (!file.exists) return absl::StrCat(text, ": ", file.path, " does not exist");
  absl::StrAppend(&text, " in ", file.path);
  std::vector<std::string> names;
  for (const auto& [known, profile] : file.profiles) names.push_back(known);
  if (names.empty()) return absl::StrCat(text, ", which has none");
  return absl::StrCat(text, "; the nearest is ", Quoted(Nearest(name, names)), ", and all are ",
                      Printable(absl::StrJoin(names, ", ")));
}

// Reads one file; each error says where it is.
class ProfileReader {
 public:
  explicit ProfileReader(std::string path) { file_.path = std::move(path); }

  absl::StatusOr<ProfileFile> Read(const std::string& text) && {
    file_.exists = true;
    const absl::Status status = ReadText(text);
    if (!status.ok()) return status;
    return std::move(file_);
  }

 private:
  absl::Status Error(const toml::source_region& where, const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_.path, ":", where.begin.line, ": ", what));
  }

  absl::Status ReadText(const std::string& text) {
    try {
      return ReadTop(toml::parse(text, file_.path));
    } catch (const toml::parse_error& error) {
      return Error(error.source(), std::string(error.description()));
    }
  }

  absl::Status ReadTop(const toml::table& top) {
    for (const auto& [key, value] : top) {
      absl::Status status;
      if (key.str() == kDefault) {
        status = ReadDefault(value);
      } else if (key.str() == kProfile) {
        status = ReadAll(value);
      } else {
        const std::string name(key.str());
        status = Error(key.source(), absl::StrCat("there is no key ", Quoted(name), "; the nearest is \"",
                                                  Nearest(name, {kDefault, kProfile}), "\""));
      }
      if (!status.ok()) return status;
    }
    if (file_.default_name.empty() || file_.profiles.contains(file_.default_name)) return absl::OkStatus();
    return Error(top.get(kDefault)->source(), absl::StrCat("default: ", NoSuchProfile(file_, file_.default_name)));
  }

  absl::Status ReadDefault(const toml::node& value) {
    const auto name = value.value<std::string>();
    if (!value.is_string() || name->empty()) return Error(value.source(), "default is not the name of a profile");
    file_.default_name = *name;
    return absl::OkStatus();
  }

  absl::Status ReadAll(const toml::node& value) {
    if (!value.is_table()) return Error(value.source(), "profile is no table: write [profile.NAME]");
    for (const auto& [key, profile] : *value.as_table()) {
      const absl::Status status = ReadOne(std::string(key.str()), profile);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadOne(const std::string& name, const toml::node& value) {
    const std::string title = absl::StrCat("profile ", Quoted(name));
    if (!value.is_table()) return Error(value.source(), absl::StrCat(title, " is no table: write [profile.NAME]"));
    Profile& profile = file_.profiles[name];
    for (const auto& [key, node] : *value.as_table()) {
      const absl::Status status = ReadKey(title, std::string(key.str()), key.source(), node, &profile);
      if (!status.ok()) return status;
    }
    for (const ProfileKey& key : kProfileKeys) {
      if (key.required && (profile.*key.field).empty()) {
        return Error(value.source(), absl::StrCat(title, " has no key \"", key.name, "\""));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadKey(const std::string& title, const std::string& name, const toml::source_region& where,
                       const toml::node& value, Profile* profile) const {
    for (const ProfileKey& key : kProfileKeys) {
      if (name != key.name) continue;
      if (!value.is_string()) return Error(where, absl::StrCat(title, ": ", name, " is not a text in quotes"));
      absl::StatusOr<std::string> read = key.read(*value.value<std::string>());
      if (!read.ok()) return Error(where, absl::StrCat(title, ": ", read.status().message()));
      profile->*key.field = *std::move(read);
      return absl::OkStatus();
    }
    const std::vector<std::string> names = KeyNames();
    return Error(where, absl::StrCat(title, " cannot have the key ", Quoted(name), "; the nearest is \"",
                                     Nearest(name, names), "\", and all are ", absl::StrJoin(names, ", ")));
  }

  ProfileFile file_;
};

absl::StatusOr<ConnectionChoice> ByAddress(const std::string& address, std::string chosen_by) {
  absl::StatusOr<std::string> normal = NormalizeAddress(address);
  if (!normal.ok()) return normal.status();
  return ConnectionChoice{.address = *std::move(normal), .chosen_by = std::move(chosen_by)};
}

absl::StatusOr<ConnectionChoice> ByProfile(const ProfileFile& file, const std::string& name, std::string chosen_by) {
  const auto found = file.profiles.find(name);
  if (found == file.profiles.end()) {
    return absl::InvalidArgumentError(absl::StrCat(chosen_by, ": ", NoSuchProfile(file, name)));
  }
  const Profile& profile = found->second;
  return ConnectionChoice{.address = profile.broker,
                          .tls = {.ca = profile.tls_ca,
                                  .certificate = profile.tls_cert,
                                  .key = profile.tls_key,
                                  .server_name = profile.tls_server_name},
                          .token_file = profile.token_file,
                          .profile = name,
                          .chosen_by = std::move(chosen_by)};
}

}  // namespace

absl::StatusOr<ProfileFile> ReadProfiles(const Environment& environment) {
  const std::string& path = environment.config_path;
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) return ProfileFile{.path = path};
  const absl::StatusOr<std::string> text = ReadFile("profiles", path);
  if (!text.ok()) return text.status();
  return ProfileReader(path).Read(*text);
}

absl::StatusOr<ConnectionChoice> ChooseConnection(const ConnectionFlags& flags, const Environment& environment) {
  if (flags.profile.empty()) {
    if (!flags.broker.empty()) return ByAddress(flags.broker, "--broker");
    if (environment.broker_variable.has_value()) return ByAddress(*environment.broker_variable, "BATON_BROKER");
  }
  const absl::StatusOr<ProfileFile> file = ReadProfiles(environment);
  if (!file.ok()) return file.status();
  if (!flags.profile.empty()) {
    absl::StatusOr<ConnectionChoice> choice = ByProfile(*file, flags.profile, "--profile");
    if (!choice.ok() || flags.broker.empty()) return choice;
    const absl::StatusOr<ConnectionChoice> address = ByAddress(flags.broker, "--broker");
    if (!address.ok()) return address;
    choice->address = address->address;
    return choice;
  }
  if (environment.profile_variable.has_value()) return ByProfile(*file, *environment.profile_variable, "BATON_PROFILE");
  if (!file->default_name.empty()) return ByProfile(*file, file->default_name, "default");
  return ByAddress(kDefaultAddress, "default of this program");
}

}  // namespace baton::cli
