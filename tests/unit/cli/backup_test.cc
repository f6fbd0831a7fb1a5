// Backups from the command line.
#include "client_cli/text/json_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cli/fake_broker.h"

namespace baton::cli {
namespace {

using testing::HasSubstr;

class BackupCommandTest : public CommandTest {
 protected:
  BackupCommandTest() {
    broker.create_backup = [this](const v1::CreateBackupRequest& request, absl::Duration timeout) {
      asked_timeout = timeout;
      v1::CreateBackupResponse response;
      *response.mutable_backup() = MakeBackup(request.name());
      return absl::StatusOr<v1::CreateBackupResponse>(response);
    };
  }

  static v1::Backup MakeBackup(const std::string& name) {
    v1::Backup backup;
    backup.set_name(name);
    backup.set_directory("/var/backups/baton/" + name);
    backup.mutable_created_at()->set_seconds(1'800'000'000 - 3600);
    backup.set_commit_number(1204);
    backup.set_bytes(3 << 20);
    backup.set_broker_version("1.2.3");
    backup.set_format_version(1);
    backup.set_incarnation(0xabc);
    return backup;
  }

 public:
  absl::Duration asked_timeout;  // NOLINT: tests read like sentences
};

TEST_F(BackupCommandTest, TellsWhereTheBackupIs) {
  EXPECT_EQ(Run({"backup", "before-upgrade"}), ExitCode::kOk);
  for (const char* line : {"before-upgrade", "/var/backups/baton/before-upgrade", "3.0 MiB", "1204"}) {
    EXPECT_THAT(out.str(), HasSubstr(line));
  }
  EXPECT_EQ(Run({"backup", "x", "-o", "json"}), ExitCode::kOk);
  const Json json = Json::parse(out.str());
  EXPECT_EQ(json["directory"], "/var/backups/baton/x");
  EXPECT_EQ(json["commit_number"], 1204);
  EXPECT_EQ(json["incarnation"], "0000000000000abc");
}

TEST_F(BackupCommandTest, WaitsAsLongAsItTakesUnlessToldOtherwise) {
  EXPECT_EQ(Run({"backup", "x"}), ExitCode::kOk);
  EXPECT_EQ(asked_timeout, absl::Hours(24));
  EXPECT_EQ(Run({"backup", "x", "--timeout", "3s"}), ExitCode::kOk);
  EXPECT_EQ(asked_timeout, absl::Seconds(3));
}

TEST_F(BackupCommandTest, RefusalsAreToldWithTheirCure) {
  broker.create_backup = [](const v1::CreateBackupRequest&,
                            absl::Duration) -> absl::StatusOr<v1::CreateBackupResponse> {
    return MakeStatus(absl::StatusCode::kFailedPrecondition,
                      "this broker has no directory for backups: set backup.directory", "BACKUP_NOT_CONFIGURED");
  };
  EXPECT_EQ(Run({"backup", "x"}), ExitCode::kRefused);
  EXPECT_THAT(err.str(), HasSubstr("set backup.directory"));
  EXPECT_EQ(Run({"backup"}), ExitCode::kBadInput);
  EXPECT_THAT(err.str(), HasSubstr("name is required"));
}

TEST_F(BackupCommandTest, ListsThemAsTheBrokerDoes) {
  broker.list_backups = [] {
    v1::ListBackupsResponse response;
    for (const char* name : {"tuesday", "monday"}) *response.add_backups() = MakeBackup(name);
    return absl::StatusOr<v1::ListBackupsResponse>(response);
  };
  EXPECT_EQ(Run({"backups"}), ExitCode::kOk);
  EXPECT_THAT(out.str(), HasSubstr("BACKUP"));
  EXPECT_THAT(out.str(), HasSubstr("(1h ago)"));
  EXPECT_LT(out.str().find("tuesday"), out.str().find("monday"));
  EXPECT_EQ(Run({"backups", "-o", "json"}), ExitCode::kOk);
  EXPECT_EQ(Json::parse(out.str())[1]["name"], "monday");
  broker.list_backups = [] { return absl::StatusOr<v1::ListBackupsResponse>(v1::ListBackupsResponse()); };
  EXPECT_EQ(Run({"backups"}), ExitCode::kOk);
  EXPECT_EQ(err.str(), "no backups\n");
}

}  // namespace
}  // namespace baton::cli
