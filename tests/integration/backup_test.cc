// Backups of a real broker, and a broker that is started from one.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/integration/broker_fixture.h"

namespace baton {
namespace {

namespace fs = std::filesystem;
using grpc::StatusCode;

class BackupTest : public BrokerTest {
 protected:
  BackupTest() : backups_(fs::path(settings_.store.directory).parent_path() / "backups") {
    settings_.backup_directory = backups_;
  }

  grpc::Status Backup(const std::string& name, v1::Backup* backup = nullptr) {
    TestContext context;
    v1::CreateBackupRequest request;
    v1::CreateBackupResponse response;
    request.set_name(name);
    const grpc::Status status = admin().CreateBackup(&context, request, &response);
    if (backup != nullptr) *backup = response.backup();
    return status;
  }
  v1::ListBackupsResponse Backups() {
    TestContext context;
    v1::ListBackupsResponse response;
    EXPECT_THAT(admin().ListBackups(&context, {}, &response), IsOk());
    return response;
  }
  uint64_t Incarnation() {
    TestContext context;
    v1::GetServerInfoResponse info;
    EXPECT_THAT(admin().GetServerInfo(&context, {}, &info), IsOk());
    return info.incarnation();
  }
  // As an operator restores it: the broker is stopped, the data directory is a copy of the backup.
  void Restore(const std::string& name) {
    Stop();
    fs::remove_all(settings_.store.directory);
    fs::copy(backups_ / name, settings_.store.directory, fs::copy_options::recursive);
    Start();
  }

  const fs::path backups_;
};

TEST_F(BackupTest, RestoredBrokerHasWhatWasThereAndNothingLater) {
  const uint64_t before = Submit("mail", R"({"to": "a"})");
  v1::Backup backup;
  ASSERT_THAT(Backup("first", &backup), IsOk());
  EXPECT_EQ(backup.directory(), (backups_ / "first").string());
  EXPECT_GT(backup.bytes(), 0u);
  EXPECT_EQ(backup.incarnation(), Incarnation());
  const uint64_t after = Submit("mail");
  ASSERT_EQ(Backups().backups_size(), 1);
  EXPECT_EQ(Backups().backups(0).SerializeAsString(), backup.SerializeAsString());

  Restore("first");
  EXPECT_EQ(Get(before).payload().json(), R"({"to": "a"})");
  TestContext context;
  v1::GetRequest request;
  v1::GetResponse response;
  request.set_task_id(after);
  EXPECT_THAT(tasks().Get(&context, request, &response), FailsWith(StatusCode::NOT_FOUND, "TASK_NOT_FOUND", ""));
  ASSERT_THAT(Backup("second"), IsOk());
  EXPECT_EQ(Backups().backups_size(), 2);
}

TEST_F(BackupTest, AttemptsOfBeforeAreOverInTheRestoredBroker) {
  const uint64_t task = Submit("mail");
  auto worker = Connect("w1", "mail");
  const auto delivery = worker->NextDelivery();
  ASSERT_TRUE(delivery.has_value());
  const uint64_t incarnation = Incarnation();
  ASSERT_THAT(Backup("first"), IsOk());

  Restore("first");
  const uint64_t restored = Incarnation();
  EXPECT_NE(restored, incarnation);
  v1::Hello hello = HelloOf("w1", "mail");
  hello.add_held_attempt_tokens(delivery->attempt_token());
  auto again = Say(hello);
  ASSERT_TRUE(again->ReadWelcome());
  EXPECT_THAT(Succeed(*again, *delivery), IsError(static_cast<int>(StatusCode::ABORTED), "ATTEMPT_OVER", ""));
  const auto second = again->NextDelivery();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->task_id(), task);
  EXPECT_EQ(second->attempt(), 2);
  EXPECT_EQ(Succeed(*again, *second).code(), 0);
  EXPECT_EQ(WaitForEnd(task).state(), v1::TASK_STATE_COMPLETED);
  Restart();
  EXPECT_EQ(Incarnation(), restored) << "only the first start of a backup draws one";
}

TEST_F(BackupTest, WithoutADirectoryEveryCallSaysWhatToSet) {
  settings_.backup_directory.clear();
  Restart();
  const auto refused = FailsWith(StatusCode::FAILED_PRECONDITION, "BACKUP_NOT_CONFIGURED", "set backup.directory");
  EXPECT_THAT(Backup("first"), refused);
  TestContext context;
  v1::ListBackupsResponse response;
  EXPECT_THAT(admin().ListBackups(&context, {}, &response), refused);
}

TEST_F(BackupTest, AnExistingNameIsLeftAsItIs) {
  ASSERT_THAT(Backup("first"), IsOk());
  const auto written = fs::last_write_time(backups_ / "first");
  EXPECT_THAT(Backup("first"), FailsWith(StatusCode::ALREADY_EXISTS, "BACKUP_EXISTS", "choose another name"));
  EXPECT_EQ(fs::last_write_time(backups_ / "first"), written);
  std::ofstream(backups_ / "notes") << "mine";
  fs::create_symlink("nowhere", backups_ / "link");
  for (const char* name : {"notes", "link"}) {
    EXPECT_THAT(Backup(name), FailsWith(StatusCode::ALREADY_EXISTS, "BACKUP_EXISTS", name));
  }
  EXPECT_EQ(fs::file_size(backups_ / "notes"), 4u);
  EXPECT_THAT(Backup("../first"), FailsWith(StatusCode::INVALID_ARGUMENT, "BAD_NAME", "'../first'"));
  EXPECT_EQ(Backups().backups_size(), 1);
}

TEST_F(BackupTest, WhatAnInterruptedBackupLeftIsNoBackupAndGoes) {
  fs::create_directories(backups_ / ".unfinished-first");
  fs::create_directories(backups_ / ".unfinished-second.tmp");
  std::ofstream(backups_ / ".unfinished-first/CURRENT") << "MANIFEST-000005";
  EXPECT_EQ(Backups().backups_size(), 0);
  ASSERT_THAT(Backup("first"), IsOk());
  EXPECT_EQ(std::distance(fs::directory_iterator(backups_), fs::directory_iterator()), 1);
}

TEST_F(BackupTest, ADirectoryThatAnotherBrokerWritesToIsLeftToIt) {
  fs::create_directories(backups_ / ".unfinished-first");
  const int other = ::open(backups_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  EXPECT_THAT(Backup("second"), FailsWith(StatusCode::FAILED_PRECONDITION, "BACKUP_UNDER_WAY", "another broker"));
  EXPECT_TRUE(fs::exists(backups_ / ".unfinished-first"));
  ::close(other);
  EXPECT_THAT(Backup("second"), IsOk());
}

TEST_F(BackupTest, ADirectoryThatCannotBeIsNamedAndTheBrokerGoesOn) {
  std::ofstream(backups_) << "a file";
  EXPECT_THAT(Backup("first"), FailsWith(StatusCode::FAILED_PRECONDITION, "BACKUP_FAILED", backups_.string()));
  TestContext context;
  v1::ListBackupsResponse response;
  EXPECT_THAT(admin().ListBackups(&context, {}, &response),
              FailsWith(StatusCode::FAILED_PRECONDITION, "BACKUP_FAILED", backups_.string()));
  fs::remove(backups_);
  EXPECT_EQ(Backups().backups_size(), 0) << "not there yet";
  Submit("mail");
  EXPECT_THAT(Backup("first"), IsOk());
}

}  // namespace
}  // namespace baton
