// baton info
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client_cli/command_table.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/size_text.h"

namespace baton::cli {
namespace {

struct InfoArguments {
  bool settings = false;
};

std::string LimitsLine(const v1::Limits& limits) {
  return absl::StrCat("payload ", SizeText(limits.payload_bytes()), ", message ", SizeText(limits.message_bytes()),
                      ", error text ", SizeText(limits.error_bytes()), ", metadata ", SizeText(limits.metadata_bytes()),
                      ", inline children ", limits.inline_children(), ", page ", limits.page_size());
}

void PrintInfo(Session& session, const v1::GetServerInfoResponse& info) {
  DetailList details(session.environment().out, session.style());
  details.Add("broker", session.address());
  details.Add("version", info.version());
  details.Add("started", info.has_started_at() ? session.Local(ToTime(info.started_at())) : "");
  details.Add("listens at", info.listen_address());
  details.Add("data directory", info.data_dir());
  details.Add("incarnation", absl::StrFormat("%016x", info.incarnation()));
  details.Add("format version", absl::StrCat(info.format_version()));
  details.Add("commits", absl::StrCat(info.commit_number()));
  details.Add("next task id", absl::StrCat(info.next_task_id()));
  details.Add("store", SizeText(info.store_bytes()));
  details.Add("memory", SizeText(info.resident_bytes()));
  details.Add("limits", LimitsLine(info.limits()));
  details.Print();
}

ExitCode RunInfo(Session& session, const InfoArguments& arguments) {
  absl::StatusOr<v1::GetServerInfoResponse> response = session.broker().GetServerInfo(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  if (!session.is_table()) return session.Print(MessageJson(*response));
  if (arguments.settings) {
    session.environment().out << PrintableLines(response->settings_toml());
    return ExitCode::kOk;
  }
  PrintInfo(session, *response);
  return ExitCode::kOk;
}

}  // namespace

void AddInfoCommand(CommandTable& commands) {
  auto arguments = std::make_shared<InfoArguments>();
  CLI::App& command = commands.Add("info", "Shows what the broker is: version, store, limits, settings",
                                   "  baton info\n"
                                   "  baton info --settings > batond.toml\n",
                                   [arguments](Session& session) { return RunInfo(session, *arguments); });
  command.add_flag("--settings", arguments->settings, "Only the settings in force, as a configuration file");
}

}  // namespace baton::cli
