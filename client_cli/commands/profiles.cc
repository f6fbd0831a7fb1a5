// baton profiles
#include "client_cli/profiles.h"
#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"

namespace baton::cli {
namespace {

std::string WhyNone(const ProfileFile& file) {
  if (file.path.empty()) return "no profiles: neither XDG_CONFIG_HOME nor HOME tells where they are";
  return absl::StrCat("no profiles: ", Printable(file.path), file.exists ? " has none" : " does not exist");
}

ExitCode RunProfiles(Session& session) {
  const absl::StatusOr<ProfileFile> file = ReadProfiles(session.environment());
  if (!file.ok()) return session.Fail(file.status());
  const ConnectionChoice& choice = session.options().connection;
  RecordWriter writer(session, {"PROFILE", "BROKER", "DEFAULT", "IN FORCE"});
  for (const auto& [name, profile] : file->profiles) {
    const bool is_default = name == file->default_name;
    const bool in_force = name == choice.profile;
    writer.Add({name,
                profile.broker,
                is_default ? "yes" : "",
                {in_force ? absl::StrCat("by ", choice.chosen_by) : "", Color::kGreen}},
               Json{{"profile", name}, {"broker", profile.broker}, {"default", is_default}, {"in_force", in_force}});
  }
  const ExitCode code = writer.Finish(WhyNone(*file));
  // A profile may be in force at another address.
  if (session.is_table() && (choice.profile.empty() || file->profiles.at(choice.profile).broker != choice.address)) {
    session.environment().err << "the broker in force is " << Printable(choice.address) << ", by "
                              << (choice.profile.empty() ? choice.chosen_by : "--broker") << std::endl;
  }
  return code;
}

}  // namespace

void AddProfilesCommand(CommandTable& commands) {
  commands.Add(
      "profiles",
      "Lists the brokers that have names here, and which one is in force. They are in "
      "~/.config/baton/config.toml (or in XDG_CONFIG_HOME): `default = \"NAME\"`, and [profile.NAME] with "
      "`broker = \"ADDRESS\"` and, as the options of these names, tls_ca, tls_cert, tls_key, tls_server_name and "
      "token_file. Of --broker, --profile, BATON_BROKER, BATON_PROFILE and the default profile the "
      "first one that is given decides",
      "  baton profiles\n"
      "  baton --profile production stats\n"
      "  BATON_PROFILE=production baton stats\n",
      RunProfiles);
}

}  // namespace baton::cli
