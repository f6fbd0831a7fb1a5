// What is peculiar to the store on RocksDB: how it opens, refuses, recovers and fails.
#include "broker/storage/rocksdb_store.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/storage/rocksdb_log_tail.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/store_testing.h"

namespace baton::storage {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class RocksDbStoreTest : public testing::Test {
 protected:
  RocksDbStoreTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  absl::StatusOr<std::unique_ptr<Store>> Open(RocksDbOptions::Recover recover = RocksDbOptions::Recover::kTail) const {
    return OpenRocksDbStore({.directory = directory_, .recover = recover});
  }

  // Leaves a store with this many commits, each of a kilobyte, all in one log file.
  void WriteCommits(int count) const {
    auto store = *Open();
    for (int i = 0; i < count; ++i) PutNext(*store, Family::kTask, absl::StrCat(1000 + i), std::string(1000, 'v'));
  }

  // The largest log file: the one with the commits.
  std::string LogFile() const {
    fs::path largest;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.path().extension() != ".log") continue;
      if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
    }
    return largest.string();
  }

  static std::string NumberedKey(int i) { return absl::StrCat(1'000'000 + i); }

  // Records of 2 kB in which compression finds nothing, 200 in a commit.
  static void WriteRecords(Store& store, int first, int end) {
    std::string value(2000, '\0');
    uint32_t noise = 1;
    for (int i = first; i < end; i += 200) {
      WriteBatch batch;
      for (int j = i; j < i + 200; ++j) {
        for (char& byte : value) byte = static_cast<char>((noise = noise * 1664525 + 1013904223) >> 24);
        batch.Put(Family::kTask, NumberedKey(j), value);
      }
      CommitNext(store, batch);
    }
  }

  std::set<std::string> TableFiles() const {
    std::set<std::string> files;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.path().extension() == ".sst") files.insert(entry.path().filename());
    }
    return files;
  }

  static void Damage(const std::string& file, uint64_t offset) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.write("\xde\xad\xbe\xef", 4);
    ASSERT_TRUE(stream.good()) << file;
  }

  const ScratchDirectory scratch_;
  const std::string directory_ = scratch_ / "data";
};

TEST_F(RocksDbStoreTest, CreatesItsDirectoryWithParents) {  // S27
  const auto store = OpenRocksDbStore({.directory = scratch_ / "some/where/below"});
  EXPECT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE(fs::is_directory(scratch_ / "some/where/below"));
}

TEST_F(RocksDbStoreTest, RefusesBadOptions) {  // B171, S112
  const auto unnamed = OpenRocksDbStore({});
  EXPECT_TRUE(absl::IsInvalidArgument(unnamed.status())) << unnamed.status();
  const auto small = OpenRocksDbStore({.directory = directory_, .memtable_bytes = 1000});
  EXPECT_TRUE(absl::IsInvalidArgument(small.status()));
  EXPECT_EQ(small.status().message(), "memtable_bytes: 1000 is too little: at least 1048576");
  EXPECT_FALSE(fs::exists(directory_));
}

TEST_F(RocksDbStoreTest, RefusesADirectoryThatThisProcessUses) {
  const auto first = Open();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(second.status().message(),
              HasSubstr(absl::StrCat("data directory ", directory_, " is in use by another batond")));
  PutNext(**first, Family::kTask, "a", "still works");
}

TEST_F(RocksDbStoreTest, RefusesADirectoryThatAnotherProcessUses) {  // B2
  const auto open_again = [this] {
    const auto status = Open().status();
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::_Exit(absl::IsFailedPrecondition(status) ? 0 : 1);
  };
  // The child process of the death test runs this test, too: only its parent may hold the store.
  std::unique_ptr<Store> store;
  if (!testing::internal::InDeathTestChild()) store = *Open();
  EXPECT_EXIT(open_again(), testing::ExitedWithCode(0), "is in use by another batond");
}

TEST_F(RocksDbStoreTest, RefusesAFile) {
  std::ofstream(directory_) << "not a directory";
  const absl::Status status = Open().status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(status.message(), AllOf(HasSubstr(directory_), HasSubstr("name a directory")));
  const absl::Status below = OpenRocksDbStore({.directory = directory_ + "/below"}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(below)) << below;
}

TEST_F(RocksDbStoreTest, RefusesADirectoryWithoutPermission) {
  const auto open_as_nobody = [this] {
    fs::create_directories(directory_);
    fs::permissions(directory_, fs::perms::none);
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) std::_Exit(2);
    const absl::Status status = Open().status();
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::_Exit(absl::IsPermissionDenied(status) ? 0 : 1);
  };
  EXPECT_EXIT(open_as_nobody(), testing::ExitedWithCode(0), "give this user the right to read and write it");
  fs::permissions(directory_, fs::perms::owner_all);  // So that it can be removed.
}

TEST_F(RocksDbStoreTest, TornTailIsForgiven) {
  WriteCommits(100);
  fs::resize_file(LogFile(), fs::file_size(LogFile()) - 5);
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->number(), 99u);
  EXPECT_EQ(ValueOf(**store, Family::kTask, "1098"), std::string(1000, 'v'));
  EXPECT_EQ(ValueOf(**store, Family::kTask, "1099"), "(none)");
}

TEST_F(RocksDbStoreTest, DamageInTheMiddleOfTheLogIsRefused) {
  WriteCommits(200);
  Damage(LogFile(), fs::file_size(LogFile()) / 2);
  const absl::Status status = Open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(status.message(), AllOf(HasSubstr(directory_), HasSubstr("is damaged"), HasSubstr("Restore a backup"),
                                      HasSubstr("point-in-time")));
  EXPECT_TRUE(absl::IsDataLoss(Open().status())) << "the second time, too";
  EXPECT_TRUE(fs::exists(directory_ + "/IDENTITY")) << "nothing was dropped";
}

TEST_F(RocksDbStoreTest, PointInTimeOpensAtTheLastCommitBeforeTheDamage) {
  WriteCommits(200);
  Damage(LogFile(), fs::file_size(LogFile()) / 2);
  uint64_t number;
  {
    const auto store = Open(RocksDbOptions::Recover::kPointInTime);
    ASSERT_TRUE(store.ok()) << store.status();
    number = (*store)->number();
    EXPECT_GT(number, 80u);
    EXPECT_LT(number, 120u);
    EXPECT_EQ(RowsOf(*(*store)->TakeSnapshot(), Family::kTask).size(), number);
    PutNext(**store, Family::kTask, "new", "life");
  }
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->number(), number + 1);
  EXPECT_EQ(ValueOf(**store, Family::kTask, "new"), "life");
  EXPECT_FALSE((*store)->is_unused_copy());
}

TEST_F(RocksDbStoreTest, AStoreThatLostCommitsIsACopyUntilTheNextOne) {
  WriteCommits(200);
  Damage(LogFile(), fs::file_size(LogFile()) / 2);
  uint64_t epoch = 1;  // As WriteCommits had it.
  for (const auto recover : {RocksDbOptions::Recover::kPointInTime, RocksDbOptions::Recover::kTail}) {
    const auto store = Open(recover);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_TRUE((*store)->is_unused_copy()) << "what was dropped may have been told to others";
    EXPECT_GT((*store)->epoch(), epoch + 1) << "sessions of the dropped commits have numbers of that one";
    epoch = (*store)->epoch();
  }
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  PutNext(**store, Family::kTask, "new", "life");
  EXPECT_FALSE((*store)->is_unused_copy());
}

// RocksDB goes on with the next log; what is missing between the two does not show in either.
TEST_F(RocksDbStoreTest, PointInTimeOpensBeforeALogThatIsCutOff) {
  constexpr uintmax_t kBlock = 32 << 10;  // Of a log; where one ends is the end of no record that goes on in the next.
  WriteCommits(100);
  const std::string older = LogFile();
  const std::string saved = directory_ + ".log";
  fs::copy_file(older, saved);
  { PutNext(**Open(), Family::kTask, "newer", "log"); }  // The older one is of no use any more.
  for (const uintmax_t size : {fs::file_size(saved) - 5, kBlock}) {
    fs::copy_file(saved, older, fs::copy_options::overwrite_existing);
    EXPECT_EQ(FindCutOffLogIn(directory_), "");
    fs::resize_file(older, size);
    EXPECT_THAT(FindCutOffLogIn(directory_), HasSubstr("ends inside a record")) << size;
    const auto store = Open(RocksDbOptions::Recover::kPointInTime);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_TRUE((*store)->is_unused_copy()) << "nobody can tell that nothing is missing";
  }
  fs::remove(saved);
}

TEST_F(RocksDbStoreTest, PointInTimeChangesNothingInAStoreWithoutDamage) {
  WriteCommits(200);
  fs::resize_file(LogFile(), fs::file_size(LogFile()) - 5);
  const auto store = Open(RocksDbOptions::Recover::kPointInTime);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->number(), 199u);
  EXPECT_EQ((*store)->epoch(), 2u);
  EXPECT_FALSE((*store)->is_unused_copy());
}

TEST_F(RocksDbStoreTest, DamagedManifestIsRefused) {
  WriteCommits(1);
  for (const auto& entry : fs::directory_iterator(directory_)) {
    if (entry.path().filename().string().rfind("MANIFEST", 0) == 0) Damage(entry.path(), 8);
  }
  const absl::Status status = Open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(RocksDbStoreTest, StoreWithoutItsRootIsNotTakenForANewOne) {
  WriteCommits(10);
  fs::remove(directory_ + "/CURRENT");
  const absl::Status status = Open().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("no file CURRENT"));
  EXPECT_TRUE(fs::exists(LogFile()));
}

// A write that the operating system refuses is fail-stop, and what was acknowledged before it is kept.
TEST_F(RocksDbStoreTest, AfterARefusedWriteEveryCommitIsUnknown) {  // B128
  const auto write_until_refused = [this] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    auto store = *Open();
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) std::_Exit(2);
    std::string error;
    WriteBatch batch;
    batch.Put(Family::kTask, "key", std::string(100'000, 'v'));
    while (store->Commit(batch, store->number() + 1, &error) == CommitResult::kDone) {
      if (store->number() > 100) std::_Exit(3);
    }
    std::fprintf(stderr, "%s\n", error.c_str());
    error.clear();
    const bool stays_unknown = store->Commit(WriteBatch(), store->number() + 1, &error) == CommitResult::kUnknown;
    const bool still_reads = ValueOf(*store, Family::kTask, "key").size() == 100'000;
    std::_Exit(stays_unknown && still_reads && !error.empty() && store->number() == 10 ? 0 : 1);
  };
  EXPECT_EXIT(write_until_refused(), testing::ExitedWithCode(0), "commit 11: .*File too large");
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->number(), 10u);
  EXPECT_EQ((*store)->epoch(), 2u);
}

TEST_F(RocksDbStoreTest, AscendingRecordsAreWrittenOnceThoughSnapshotsComeAndGo) {
  auto store = *OpenRocksDbStore({.directory = directory_, .memtable_bytes = 1 << 20});
  WriteRecords(*store, 0, 4000);
  const std::set<std::string> early = TableFiles();
  ASSERT_GT(early.size(), 8u);
  // What would be rewritten is, long before the next 24 MB are in files of their own. Those on the first level may be
  // joined while they wait.
  for (int i = 4000; i < 16'000; i += 400) {
    store->TakeSnapshot();
    WriteRecords(*store, i, i + 400);
  }
  const std::set<std::string> late = TableFiles();
  const int64_t kept =
      std::count_if(early.begin(), early.end(), [&](const std::string& file) { return late.contains(file); });
  EXPECT_GT(kept, static_cast<int64_t>(early.size() / 2));
  store.reset();
  store = *Open();
  EXPECT_EQ(RowsOf(*store->TakeSnapshot(), Family::kTask).size(), 16'000u) << "the bounds are no records";
}

TEST_F(RocksDbStoreTest, ReclaimGivesDiskSpaceBack) {
  auto store = *OpenRocksDbStore({.directory = directory_, .memtable_bytes = 1 << 20});
  WriteRecords(*store, 0, 20'000);
  const uint64_t before = store->DiskBytes();
  ASSERT_GT(before, 35u << 20);
  const std::string first = NumberedKey(1000), end = NumberedKey(19'000);
  WriteBatch batch;
  batch.DeleteRange(Family::kTask, first, end);
  CommitNext(*store, batch);
  // Tables can be dropped once they have sunk below level 0, which happens in the background.
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  do {
    ASSERT_TRUE(store->Reclaim(Family::kTask, first, end).ok());
  } while (store->DiskBytes() >= before / 2 && absl::Now() < deadline);
  EXPECT_LT(store->DiskBytes(), before / 2);
  store.reset();
  store = *Open();
  EXPECT_EQ(RowsOf(*store->TakeSnapshot(), Family::kTask).size(), 2000u);
}

}  // namespace
}  // namespace baton::storage
