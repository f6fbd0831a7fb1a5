// baton info
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client_cli/command_table.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"

namespace baton::cli {
namespace {

struct InfoArguments {
  bool settings = false;
};

std::string Size(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

std::string LimitsLine(const v1::Limits& limits) {
  return absl::StrCat("payload ", Size(limits.payload_bytes()), ", message ", Size(limits.message_bytes()),
                      ", error text ", Size(limits.error_bytes()), ", metadata ", Size(limits.metadata_bytes()),
                      ", inline children ", limits.inline_children(), ", page ", limits.page_size());
}

void PrintInfo(Session& session, const v1::GetServerInfoResponse& info) {
  DetailList details(session.environment().out, session.style());
  details.Add("broker", session.options().address);
  details.Add("version", info.version());
  details.Add("started", info.has_started_at() ? session.Local(ToTime(info.started_at())) : "");
  details.Add("listens at", info.listen_address());
  details.Add("data directory", info.data_dir());
  details.Add("incarnation", absl::StrFormat("%016x", info.incarnation()));
  details.Add("format version", absl::StrCat(info.format_version()));
  details.Add("commits", absl::StrCat(info.commit_number()));
  details.Add("next task id", absl::StrCat(info.next_task_id()));
  details.Add("store", Size(info.store_bytes()));
  details.Add("memory", Size(info.resident_bytes()));
  details.Add("limits", LimitsLine(info.limits()));
  details.Print();
}

ExitCode RunInfo(Session& session, const InfoArguments& arguments) {
  absl::StatusOr<v1::GetServerInfoResponse> response = session.broker().GetServerInfo(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  if (!session.is_table()) return session.Print(MessageJson(*response));
  if (arguments.settings) {
    session.environment().out << response->settings_toml();
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
