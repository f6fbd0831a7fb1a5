// baton backup, baton backups
#include <memory>

#include "absl/strings/str_cat.h"
#include "client_cli/command_table.h"
#include "client_cli/text/message_json.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/size_text.h"

namespace baton::cli {
namespace {

// To another disk all files are copied: nobody knows how long that takes.
constexpr absl::Duration kBackupTimeout = absl::Hours(24);

struct BackupArguments {
  std::string name;
};

ExitCode RunBackup(Session& session, const BackupArguments& arguments) {
  v1::CreateBackupRequest request;
  request.set_name(arguments.name);
  const absl::StatusOr<v1::CreateBackupResponse> response =
      session.broker().CreateBackup(request, session.options().timeout.value_or(kBackupTimeout));
  if (!response.ok()) return session.Fail(response.status());
  const v1::Backup& backup = response->backup();
  if (!session.is_table()) return session.Print(MessageJson(backup));
  DetailList details(session.environment().out, session.style());
  details.Add("backup", backup.name());
  details.Add("directory", backup.directory());
  details.Add("size", SizeText(backup.bytes()));
  details.Add("commits", absl::StrCat(backup.commit_number()));
  details.Print();
  return ExitCode::kOk;
}

ExitCode RunBackups(Session& session) {
  const absl::StatusOr<v1::ListBackupsResponse> response = session.broker().ListBackups(session.call_timeout());
  if (!response.ok()) return session.Fail(response.status());
  RecordWriter writer(session, {"BACKUP", "CREATED", "COMMITS", "SIZE", "DIRECTORY"});
  for (const v1::Backup& backup : response->backups()) {
    writer.Add({backup.name(), session.Local(ToTime(backup.created_at())), absl::StrCat(backup.commit_number()),
                SizeText(backup.bytes()), backup.directory()},
               backup);
  }
  return writer.Finish("no backups");
}

}  // namespace

void AddBackupCommand(CommandTable& commands) {
  auto arguments = std::make_shared<BackupArguments>();
  CLI::App& command = commands.Add("backup", "Makes a copy of the broker's store, beside its work, to restore it from",
                                   "  baton backup before-upgrade\n"
                                   "  baton backup nightly-$(date +%F)\n"
                                   "  baton backups\n",
                                   [arguments](Session& session) { return RunBackup(session, *arguments); });
  command
      .add_option("name", arguments->name,
                  "Of its directory below the broker's backup.directory: letters, digits, '_', '-' and '.'")
      ->required()
      ->type_name("NAME");
}

void AddBackupsCommand(CommandTable& commands) {
  commands.Add("backups", "Lists the backups in the broker's backup directory, the newest first",
               "  baton backups\n"
               "  baton backups -o jsonl | jq -r .directory\n",
               RunBackups);
}

}  // namespace baton::cli
