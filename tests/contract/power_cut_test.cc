// What is on disk when the power goes: RocksDB's calls that make something last pass through here, so that copies of
// the store can be made in which whatever was not synced is missing, or there in part.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "broker/storage/rocksdb_store.h"
#include "gtest/gtest.h"
#include "tests/contract/store_testing.h"

namespace baton::storage {
namespace {

namespace fs = std::filesystem;

// The disk under a store. While a copy is made nothing of it is synced, renamed or removed.
class Disk {
 public:
  // From now on `directory` is copied to `copy 1`, `copy 2` … beside it, before some of what makes it last.
  // `commits`: how many were done, by number, at each copy.
  void Watch(const fs::path& directory, const std::atomic<uint64_t>* commits, uint32_t copies_in_1000) {
    absl::MutexLock lock(&mu_);
    directory_ = directory;
    commits_ = commits;
    copies_in_1000_ = copies_in_1000;
  }
  // The number of the last commit that was done before each copy.
  std::vector<uint64_t> StopWatching() {
    absl::MutexLock lock(&mu_);
    directory_.clear();
    return std::exchange(copies_, {});
  }

  int Sync(int fd, const std::function<int()>& sync) {
    absl::MutexLock lock(&mu_);
    MayCopy();
    const int result = sync();
    struct stat facts;
    if (result == 0 && ::fstat(fd, &facts) == 0) lengths_[{facts.st_dev, facts.st_ino}] = facts.st_size;
    return result;
  }
  // Renames and removals are taken to last at once, as a file system with a journal makes them before what follows.
  int Change(const std::function<int()>& change) {
    absl::MutexLock lock(&mu_);
    MayCopy();
    return change();
  }

 private:
  void MayCopy() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (directory_.empty() || random_() % 1000 >= copies_in_1000_) return;
    copies_.push_back(*commits_);
    const fs::path to = directory_.parent_path() / absl::StrCat("copy ", copies_.size());
    fs::create_directories(to);
    for (const fs::directory_entry& entry : fs::directory_iterator(directory_)) {
      if (entry.path().filename() == "LOCK") continue;
      fs::copy_file(entry.path(), to / entry.path().filename());
      Cut(entry.path(), to / entry.path().filename());
    }
  }
  // Of what was written since it was synced a part has arrived, in every other case none.
  void Cut(const fs::path& file, const fs::path& copy) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    struct stat facts;
    if (::stat(file.c_str(), &facts) != 0) return;
    const auto known = lengths_.find({facts.st_dev, facts.st_ino});
    const uintmax_t synced = known == lengths_.end() ? 0 : static_cast<uintmax_t>(known->second);
    const uintmax_t written = fs::file_size(copy);
    if (written <= synced) return;
    fs::resize_file(copy, synced + (random_() % 2 == 0 ? 0 : random_() % (written - synced + 1)));
  }

  absl::Mutex mu_;
  // Of each file, by device and inode, when it was synced last.
  std::map<std::pair<dev_t, ino_t>, off_t> lengths_ ABSL_GUARDED_BY(mu_);
  fs::path directory_ ABSL_GUARDED_BY(mu_);
  const std::atomic<uint64_t>* commits_ ABSL_GUARDED_BY(mu_) = nullptr;
  uint32_t copies_in_1000_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<uint64_t> copies_ ABSL_GUARDED_BY(mu_);
  std::mt19937_64 random_ ABSL_GUARDED_BY(mu_){1};
};

Disk& TheDisk() {
  static auto* const disk = new Disk;
  return *disk;
}

// In each commit a task takes the place of the one ten before it, and a counter says so.
constexpr uint64_t kKept = 10;

WriteBatch CommitOf(uint64_t number, size_t bytes) {
  WriteBatch batch;
  batch.Put(Family::kTask, absl::StrCat("task ", number), absl::StrCat(number, std::string(bytes, 'x')));
  if (number > kKept) batch.Delete(Family::kTask, absl::StrCat("task ", number - kKept));
  batch.Put(Family::kMeta, "counter", absl::StrCat(number));
  return batch;
}

// Whether the store holds what commit `number` left, and nothing of any other.
void ExpectStateOf(uint64_t number, size_t bytes, const Store& store) {
  const auto snapshot = store.TakeSnapshot();
  std::string counter;
  ASSERT_TRUE(snapshot->Get(Family::kMeta, "counter", &counter).ok());
  EXPECT_EQ(counter, absl::StrCat(number));
  std::map<std::string, std::string> tasks, expected;
  const absl::Status scanned =
      snapshot->Scan(Family::kTask, "task", "task~", [&](absl::string_view key, absl::string_view value) {
        tasks.emplace(key, value);
        return true;
      });
  ASSERT_TRUE(scanned.ok()) << scanned;
  for (uint64_t kept = number - std::min(number, kKept) + 1; kept <= number; ++kept) {
    expected.emplace(absl::StrCat("task ", kept), absl::StrCat(kept, std::string(bytes, 'x')));
  }
  EXPECT_EQ(tasks, expected);
}

// Commits, with the power cut at random moments; in each copy every commit that was done must be there, and the one
// that was under way whole or not at all.
void CommitAndCut(uint64_t commits, size_t bytes, size_t memtable_bytes, uint32_t copies_in_1000, size_t at_least) {
  const ScratchDirectory directory;
  RocksDbOptions options;
  options.directory = directory / "store";
  options.memtable_bytes = memtable_bytes;
  std::atomic<uint64_t> done = 0;
  {
    const auto store = *OpenRocksDbStore(options);
    CommitNext(*store, CommitOf(1, bytes));
    done = 1;
    TheDisk().Watch(options.directory, &done, copies_in_1000);
    for (uint64_t number = 2; number <= commits; ++number) {
      CommitNext(*store, CommitOf(number, bytes));
      done = number;
    }
  }
  const std::vector<uint64_t> copies = TheDisk().StopWatching();
  EXPECT_GE(copies.size(), at_least);
  for (size_t i = 0; i < copies.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("cut ", i + 1, ", after commit ", copies[i]));
    RocksDbOptions survivor = options;
    survivor.directory = directory / absl::StrCat("copy ", i + 1);
    const auto reopened = OpenRocksDbStore(survivor);
    ASSERT_TRUE(reopened.ok()) << reopened.status();
    const uint64_t number = (*reopened)->number();
    EXPECT_TRUE(number == copies[i] || number == copies[i] + 1) << number;
    ExpectStateOf(number, bytes, **reopened);
    // It can be lived in.
    CommitNext(**reopened, CommitOf(number + 1, bytes));
    ExpectStateOf(number + 1, bytes, **reopened);
  }
}

TEST(PowerCutTest, EveryCommitThatIsDoneIsStillThere) { CommitAndCut(200, 200, size_t{96} << 20, 200, 20); }

// So little memory that files are flushed, merged and removed all the time.
TEST(PowerCutTest, WhileFilesComeAndGo) { CommitAndCut(1500, 20'000, size_t{1} << 20, 20, 20); }

}  // namespace
}  // namespace baton::storage

// In place of the C library's: a program's own functions come first.
extern "C" int fdatasync(int fd) {  // NOLINT: the name of its parameter is reserved for the C library
  return baton::storage::TheDisk().Sync(fd, [fd] { return static_cast<int>(::syscall(SYS_fdatasync, fd)); });
}
extern "C" int fsync(int fd) {
  return baton::storage::TheDisk().Sync(fd, [fd] { return static_cast<int>(::syscall(SYS_fsync, fd)); });
}
extern "C" int rename(const char* from, const char* to) noexcept {
  return baton::storage::TheDisk().Change([=] { return static_cast<int>(::syscall(SYS_rename, from, to)); });
}
extern "C" int unlink(const char* path) noexcept {
  return baton::storage::TheDisk().Change([=] { return static_cast<int>(::syscall(SYS_unlink, path)); });
}
