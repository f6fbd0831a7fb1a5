// baton version
#include "client_cli/command_table.h"

namespace baton::cli {
namespace {

ExitCode RunVersion(Session& session) {
  const std::string& version = session.environment().version;
  if (!session.is_table()) return session.Print({{"version", version}});
  session.environment().out << "baton " << version << '\n';
  return ExitCode::kOk;
}

}  // namespace

void AddVersionCommand(CommandTable& commands) {
  commands.Add("version", "Shows the version of this program; `baton info` shows that of the broker",
               "  baton version\n", RunVersion);
}

}  // namespace baton::cli
