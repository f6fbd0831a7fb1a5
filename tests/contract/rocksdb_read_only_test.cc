// A store on RocksDB that is opened to be looked at.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/storage/rocksdb_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/store_testing.h"

namespace baton::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ReadOnlyTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> Read() const { return OpenRocksDbStoreForReading({.directory = directory_}); }

  // Every file with what it holds.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      std::ifstream stream(entry.path(), std::ios::binary);
      files[entry.path().filename().string()] = {std::istreambuf_iterator<char>(stream), {}};
    }
    return files;
  }

  const ScratchDirectory scratch_;
  const std::string directory_ = scratch_ / "data";
};

TEST_F(ReadOnlyTest, SeesEverythingAndChangesNoByte) {
  {
    const auto store = *OpenRocksDbStore({.directory = directory_});
    PutNext(*store, Family::kTask, "a", "1");
    PutNext(*store, Family::kMeta, "b", "2");
  }
  const auto before = Files();
  for (int i = 0; i < 2; ++i) {
    const auto store = Read();
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ((*store)->number(), 2u);
    EXPECT_EQ((*store)->epoch(), 1u) << "looking is no opening";
    EXPECT_EQ((*store)->TakeSnapshot()->number(), 2u);
    EXPECT_EQ(ValueOf(**store, Family::kTask, "a"), "1");
    EXPECT_EQ(RowsOf(*(*store)->TakeSnapshot(), Family::kMeta), (Rows{{"b", "2"}}));
  }
  EXPECT_EQ(Files(), before);
}

TEST_F(ReadOnlyTest, RefusesToWrite) {
  (*OpenRocksDbStore({.directory = directory_})).reset();
  const auto store = *Read();
  WriteBatch batch;
  batch.Put(Family::kTask, "a", "1");
  std::string error;
  EXPECT_EQ(store->Commit(batch, store->number() + 1, &error), CommitResult::kFenced);
  EXPECT_EQ(error, "the store was opened for reading only");
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Reclaim(Family::kTask, "a", "b")));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->Backup(scratch_ / "backup")));
  EXPECT_FALSE(store->is_unused_copy());
  EXPECT_EQ(ValueOf(*store, Family::kTask, "a"), "(none)");
}

TEST_F(ReadOnlyTest, KeepsOthersOutAndIsKeptOut) {
  {
    const auto writer = *OpenRocksDbStore({.directory = directory_});
    const absl::Status refused = Read().status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("is in use by another batond"));
  }
  {
    const auto reader = Read();
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_TRUE(absl::IsFailedPrecondition(OpenRocksDbStore({.directory = directory_}).status()));
    EXPECT_TRUE(absl::IsFailedPrecondition(Read().status()));
  }
  EXPECT_TRUE(OpenRocksDbStore({.directory = directory_}).ok());
}

TEST_F(ReadOnlyTest, CreatesNothing) {
  EXPECT_TRUE(absl::IsNotFound(Read().status()));
  EXPECT_FALSE(fs::exists(directory_));
  fs::create_directories(directory_);
  EXPECT_TRUE(absl::IsNotFound(Read().status()));
  EXPECT_TRUE(fs::is_empty(directory_));
  std::ofstream(scratch_ / "file") << "not a directory";
  const absl::Status file = OpenRocksDbStoreForReading({.directory = scratch_ / "file"}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(file)) << file;
}

TEST_F(ReadOnlyTest, RefusesTablesWithoutTheirRoot) {
  fs::create_directories(directory_);
  std::ofstream(directory_ + "/000012.sst") << "table";
  EXPECT_TRUE(absl::IsDataLoss(Read().status())) << Read().status();
}

}  // namespace
}  // namespace baton::storage
