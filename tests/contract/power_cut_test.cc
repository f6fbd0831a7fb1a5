// What is on disk when the power goes: RocksDB's calls of fdatasync and fsync pass through here, so that a copy of the
// store can be cut down to what was synced.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "broker/storage/rocksdb_store.h"
#include "gtest/gtest.h"
#include "tests/contract/store_testing.h"

namespace baton::storage {
namespace {

namespace fs = std::filesystem;

// Length of each file, by device and inode, when it was synced last.
class SyncedLengths {
 public:
  void Synced(int fd) {
    struct stat facts;
    if (::fstat(fd, &facts) != 0) return;
    absl::MutexLock lock(&mu_);
    lengths_[{facts.st_dev, facts.st_ino}] = facts.st_size;
  }
  uintmax_t Of(const fs::path& file) const {
    struct stat facts;
    if (::stat(file.c_str(), &facts) != 0) return 0;
    absl::MutexLock lock(&mu_);
    const auto known = lengths_.find({facts.st_dev, facts.st_ino});
    return known == lengths_.end() ? 0 : static_cast<uintmax_t>(known->second);
  }

 private:
  mutable absl::Mutex mu_;
  std::map<std::pair<dev_t, ino_t>, off_t> lengths_ ABSL_GUARDED_BY(mu_);
};

SyncedLengths& Lengths() {
  static auto* const lengths = new SyncedLengths;
  return *lengths;
}

// A copy of the directory as a power cut at this moment would leave it: of the logs only what was synced.
void CopyWhatWasSynced(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    const fs::path copy = to / entry.path().filename();
    if (entry.path().filename() == "LOCK") continue;
    fs::copy_file(entry.path(), copy);
    if (entry.path().extension() == ".log") fs::resize_file(copy, Lengths().Of(entry.path()));
  }
}

TEST(PowerCutTest, EveryCommitThatIsDoneIsStillThere) {
  const ScratchDirectory directory;
  RocksDbOptions options;
  options.directory = directory / "store";
  const auto store = *OpenRocksDbStore(options);
  for (uint64_t number = 1; number <= 20; ++number) {
    WriteBatch batch;
    batch.Put(Family::kTask, absl::StrCat("key ", number), "value");
    std::string error;
    ASSERT_EQ(store->Commit(batch, number, &error), CommitResult::kDone) << error;
    RocksDbOptions survivor;
    survivor.directory = directory / absl::StrCat("after ", number);
    CopyWhatWasSynced(options.directory, survivor.directory);
    const auto reopened = OpenRocksDbStore(survivor);
    ASSERT_TRUE(reopened.ok()) << reopened.status();
    EXPECT_EQ((*reopened)->number(), number);
    std::string value;
    EXPECT_TRUE((*reopened)->TakeSnapshot()->Get(Family::kTask, absl::StrCat("key ", number), &value).ok());
  }
}

}  // namespace
}  // namespace baton::storage

// In place of the C library's: a program's own functions come first.
extern "C" int fdatasync(int fd) {  // NOLINT: the name of its parameter is reserved for the C library
  baton::storage::Lengths().Synced(fd);
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
extern "C" int fsync(int fd) {
  baton::storage::Lengths().Synced(fd);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
