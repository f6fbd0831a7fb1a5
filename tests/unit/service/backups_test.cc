// Backups beside a store that takes its time, or fails.
#include "broker/service/backups.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "broker/base/manual_clock.h"
#include "broker/service/backup_room.h"
#include "broker/storage/memory_store.h"
#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

namespace fs = std::filesystem;
using storage::Family;

// Writes one file in place of a backup, when it is let, and answers what it is told to.
class SlowStore final : public storage::Store {
 public:
  uint64_t epoch() const override { return store_->epoch(); }
  bool is_unused_copy() const override { return store_->is_unused_copy(); }
  uint64_t number() const override { return store_->number(); }
  storage::CommitResult Commit(const storage::WriteBatch& batch, uint64_t number, std::string* error) override {
    return store_->Commit(batch, number, error);
  }
  std::shared_ptr<const storage::Snapshot> TakeSnapshot() const override { return store_->TakeSnapshot(); }
  absl::Status Reclaim(Family family, absl::string_view begin, absl::string_view end) override {
    return store_->Reclaim(family, begin, end);
  }
  absl::Status Backup(const std::string& directory) override {
    if (gate != nullptr) gate->WaitForNotification();
    fs::create_directory(directory);
    std::ofstream(fs::path(directory) / "CURRENT") << "MANIFEST";
    return status;
  }
  uint64_t DiskBytes() const override { return store_->DiskBytes(); }
  uint64_t MemoryBytes() const override { return store_->MemoryBytes(); }

  std::shared_ptr<absl::Notification> gate;  // Null: at once.
  absl::Status status;

 private:
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
};

class BackupsTest : public ::testing::Test {
 protected:
  struct Answer {
    Error error;
    v1::Backup backup;
  };

  BackupsTest() {
    std::string pattern = ::testing::TempDir() + "baton_backups_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch_ = pattern;
    engine::PartitionOptions options;
    options.broker_version = "1.2.3";
    options.random = [] { return uint64_t{4711}; };
    options.release = [](const engine::Outbox&) {};
    options.fatal = [](const std::string& why) { ADD_FAILURE() << why; };
    partition_ = *engine::Partition::Start(std::move(options), &store_, &clock_);
    Start();
  }
  ~BackupsTest() override {
    backups_.reset();
    partition_->Stop();
    std::error_code ignored;
    fs::remove_all(scratch_, ignored);
  }

  void Start() {
    backups_ = std::make_unique<BackupService>(
        partition_.get(), &store_, &clock_,
        BackupSettings{.directory = (scratch_ / "backups").string(), .broker_version = "1.2.3"});
  }

  // The Error of a call that is refused, or what came of it.
  Answer Create(const std::string& name) {
    const auto answered = std::make_shared<absl::Notification>();
    const auto answer = Begin(name, answered);
    answered->WaitForNotification();
    return *answer;
  }
  std::shared_ptr<Answer> Begin(const std::string& name, const std::shared_ptr<absl::Notification>& answered) {
    auto answer = std::make_shared<Answer>();
    v1::CreateBackupRequest request;
    request.set_name(name);
    Error refused =
        backups_->Create(request, [answer, answered](Error error, const v1::CreateBackupResponse& response) {
          answer->error = std::move(error);
          answer->backup = response.backup();
          answered->Notify();
        });
    if (!refused.ok()) {
      answer->error = std::move(refused);
      answered->Notify();
    }
    return answer;
  }
  v1::ListBackupsResponse List() {
    absl::Notification answered;
    v1::ListBackupsResponse listed;
    EXPECT_THAT(backups_->List([&](const Error& error, v1::ListBackupsResponse response) {
      EXPECT_THAT(error, IsOk());
      listed = std::move(response);
      answered.Notify();
    }),
                IsOk());
    answered.WaitForNotification();
    return listed;
  }
  bool IsEmptyDirectory() const { return fs::is_empty(scratch_ / "backups"); }

  fs::path scratch_;
  ManualClock clock_{{.wall = kNow, .steady = kHour}};
  SlowStore store_;
  std::unique_ptr<engine::Partition> partition_;
  std::unique_ptr<BackupService> backups_;
};

TEST_F(BackupsTest, TellsWhatItIsACopyOf) {
  const Answer made = Create("first");
  ASSERT_THAT(made.error, IsOk());
  EXPECT_EQ(made.backup.directory(), (scratch_ / "backups/first").string());
  EXPECT_EQ(made.backup.created_at().seconds(), kNow / kSecond);
  EXPECT_EQ(made.backup.commit_number(), store_.number());
  EXPECT_EQ(made.backup.bytes(), 8u);
  EXPECT_EQ(made.backup.incarnation(), 4711u);
  const v1::ListBackupsResponse listed = List();
  ASSERT_EQ(listed.backups_size(), 1);
  EXPECT_EQ(listed.backups(0).SerializeAsString(), made.backup.SerializeAsString()) << "as it was told";
}

TEST_F(BackupsTest, OneAtATimeAndTheNextAsSoonAsItIsDone) {
  store_.gate = std::make_shared<absl::Notification>();
  const auto answered = std::make_shared<absl::Notification>();
  const auto first = Begin("first", answered);
  EXPECT_THAT(Create("second").error, Refuses("BACKUP_UNDER_WAY", "backup 'first'"));
  EXPECT_THAT(Create("first").error, Refuses("BACKUP_UNDER_WAY", "backup 'first'"));
  EXPECT_EQ(List().backups_size(), 0) << "not before it is whole";
  EXPECT_FALSE(backups_->WaitUntilIdle(absl::ZeroDuration()));
  store_.gate->Notify();
  answered->WaitForNotification();
  EXPECT_TRUE(backups_->WaitUntilIdle(absl::ZeroDuration()));
  ASSERT_THAT(first->error, IsOk());
  EXPECT_THAT(Create("first").error, Refuses("BACKUP_EXISTS", "'first'"));
  EXPECT_THAT(Create("second").error, IsOk());
  EXPECT_EQ(List().backups_size(), 2);
}

TEST_F(BackupsTest, StoppingWaitsForTheOneThatIsWritten) {
  store_.gate = std::make_shared<absl::Notification>();
  const auto answered = std::make_shared<absl::Notification>();
  const auto made = Begin("first", answered);
  store_.gate->Notify();
  backups_.reset();
  ASSERT_TRUE(answered->HasBeenNotified());
  EXPECT_THAT(made->error, IsOk());
  Start();
  EXPECT_EQ(List().backups_size(), 1);
}

TEST_F(BackupsTest, FailureLeavesNothingAndTheNextSucceeds) {
  store_.status = absl::ResourceExhaustedError("backup to x: no space left");
  const Answer full = Create("one");
  EXPECT_THAT(full.error, Refuses("BACKUP_NO_SPACE", "no space left: make room"));
  EXPECT_EQ(full.error.code, absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(IsEmptyDirectory());
  store_.status = absl::UnavailableError("backup to x: input/output error");
  EXPECT_THAT(Create("one").error, Refuses("BACKUP_FAILED", "input/output error"));
  EXPECT_TRUE(IsEmptyDirectory());
  store_.status = absl::OkStatus();
  EXPECT_THAT(Create("one").error, IsOk());
}

TEST_F(BackupsTest, WhatAnInterruptedOneHasLeftIsRemovedAtAStart) {
  ASSERT_THAT(Create("whole").error, IsOk());
  const fs::path unfinished = scratch_ / "backups" / ".unfinished-half";
  fs::create_directory(unfinished);
  std::ofstream(unfinished / "000007.sst") << "table";
  const BackupDirectory directory((scratch_ / "backups").string());
  const int other_broker = ::open((scratch_ / "backups").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(other_broker, LOCK_EX), 0);
  directory.RemoveLeftOver();
  EXPECT_TRUE(fs::exists(unfinished)) << "another broker is writing it";
  ::close(other_broker);
  directory.RemoveLeftOver();
  EXPECT_FALSE(fs::exists(unfinished));
  EXPECT_EQ(List().backups_size(), 1);
  BackupDirectory((scratch_ / "missing").string()).RemoveLeftOver();
}

TEST_F(BackupsTest, OthersMayNotLookIntoTheDirectory) {
  ASSERT_THAT(Create("first").error, IsOk());
  EXPECT_EQ(fs::status(scratch_ / "backups").permissions(), fs::perms::owner_all);
}

// What has no file CURRENT cannot be linked, as on another file system.
TEST_F(BackupsTest, ACopyMustLeaveTheReserveFree) {
  const fs::path data = scratch_ / "data", target = scratch_ / "backups" / ".unfinished-one";
  fs::create_directories(data);
  fs::create_directories(scratch_ / "backups");
  const uint64_t free = fs::space(data).available;
  EXPECT_TRUE(CheckBackupRoom({data, free / 4, free / 4}, target).ok());
  for (const auto& [store, reserve] : {std::pair(free * 2, uint64_t{0}), {uint64_t{1000}, free * 2}}) {
    const absl::Status refused = CheckBackupRoom({data, store, reserve}, target);
    EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr(absl::StrCat("takes ", store, " bytes")));
  }
  EXPECT_TRUE(CheckBackupRoom({"", free * 2, free * 2}, target).ok()) << "a store without files";
  // Links take no room.
  std::ofstream(data / "CURRENT") << "MANIFEST";
  EXPECT_TRUE(CheckBackupRoom({data, free * 2, free * 2}, target).ok());
  EXPECT_TRUE(IsEmptyDirectory()) << "nothing is left of the attempt";
}

TEST_F(BackupsTest, OnlyNamesThatAreNoPaths) {
  for (const char* bad : {"a/b", "..", ".", ".hidden", "/etc", "a b", "a\nb", "ä"}) {
    EXPECT_THAT(Create(bad).error, Refuses("BAD_NAME", "name")) << bad;
  }
  EXPECT_THAT(Create(std::string("a\0b", 3)).error, Refuses("BAD_NAME", "'a\\x00"));
  EXPECT_THAT(Create("").error, Refuses("FIELD_REQUIRED", "name"));
  EXPECT_THAT(Create(std::string(129, 'a')).error, Refuses("FIELD_TOO_LONG", "name"));
  EXPECT_FALSE(fs::exists(scratch_ / "backups")) << "nothing was touched";
  for (const std::string& good : {std::string("a"), std::string("Nightly_2026-11-29.3"), std::string(128, 'a')}) {
    EXPECT_THAT(Create(good).error, IsOk()) << good;
  }
}

TEST_F(BackupsTest, ListTakesOnlyWhatIsABackup) {
  ASSERT_THAT(Create("b").error, IsOk());
  ASSERT_THAT(Create("a").error, IsOk());
  clock_.AdvanceBoth(kSecond);
  ASSERT_THAT(Create("newest").error, IsOk());
  const fs::path directory = scratch_ / "backups";
  for (const char* name : {"no-facts", "broken", "not-an-object", "a-directory", ".hidden"}) {
    fs::create_directory(directory / name);
  }
  std::ofstream(directory / "broken" / kBackupFacts) << "{\"bytes\": 1";
  std::ofstream(directory / "not-an-object" / kBackupFacts) << "[1]";
  std::ofstream(directory / ".hidden" / kBackupFacts) << "{}";
  fs::create_directory(directory / "a-directory" / kBackupFacts);
  std::ofstream(directory / "a-file") << "x";
  const v1::ListBackupsResponse listed = List();
  ASSERT_EQ(listed.backups_size(), 3);
  EXPECT_EQ(listed.backups(0).name(), "newest");
  EXPECT_EQ(listed.backups(1).name(), "a") << "made at the same instant: by name";
  EXPECT_EQ(listed.backups(2).name(), "b");
}

}  // namespace
}  // namespace baton::service
