// A record of the write-ahead log that reaches beyond its end: was it cut off, or is its length damaged?
#include "broker/storage/rocksdb_log_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "broker/storage/rocksdb_store.h"
#include "tests/contract/store_testing.h"

namespace baton::storage {
namespace {

// The last block of the log of a store with some commits in it.
std::string WriteLog(const std::filesystem::path& directory) {
  {
    const auto store = OpenRocksDbStore({.directory = directory});
    EXPECT_TRUE(store.ok()) << store.status();
    for (uint64_t number = 1; number <= 20; ++number) {
      WriteBatch batch;
      batch.Put(Family::kMeta, std::string("key ") + std::to_string(number), std::string(200, 'v'));
      std::string error;
      EXPECT_EQ((*store)->Commit(batch, number, &error), CommitResult::kDone) << error;
    }
  }
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".log") newest = std::max(newest, entry.path().string());
  }
  std::ifstream file(newest, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class LogTailTest : public ::testing::Test {
 protected:
  size_t LengthOfRecordAt(size_t at) const {
    return static_cast<uint8_t>(log_[at + 4]) | size_t{static_cast<uint8_t>(log_[at + 5])} << 8;
  }

  const ScratchDirectory scratch_;
  const std::filesystem::path directory_ = scratch_ / "log_tail";
  std::string log_ = WriteLog(directory_);
};

TEST_F(LogTailTest, WholeLogsAndThoseThatWereCutOffAreInOrder) {
  ASSERT_GT(log_.size(), 4000u);
  ASSERT_LT(log_.size(), 32u << 10) << "one block";
  for (size_t size = 0; size <= log_.size(); ++size) {
    EXPECT_FALSE(FindWrongLength(absl::string_view(log_).substr(0, size)).has_value()) << "cut at " << size;
  }
  EXPECT_FALSE(FindWrongLength(log_ + std::string(1000, '\0')).has_value()) << "set aside, and not written";
  EXPECT_EQ(FindWrongLengthIn(directory_), "");
}

TEST_F(LogTailTest, ALengthThatReachesBeyondTheEndIsFoundInEveryRecord) {
  size_t records = 0;
  for (size_t at = 0; at + 7 <= log_.size(); at += 7 + LengthOfRecordAt(at), ++records) {
    std::string damaged = log_;
    damaged[at + 5] = static_cast<char>(damaged[at + 5] ^ 0x80);
    EXPECT_EQ(FindWrongLength(damaged), at) << "record " << records;
  }
  EXPECT_GE(records, 20u);
}

TEST_F(LogTailTest, AStoreWithSuchALogIsRefused) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    if (entry.path().extension() == ".log") newest = std::max(newest, entry.path().string());
  }
  log_[5] = static_cast<char>(log_[5] ^ 0x80);
  std::ofstream(newest, std::ios::binary).write(log_.data(), static_cast<std::streamsize>(log_.size()));
  const absl::Status refused = OpenRocksDbStore({.directory = directory_}).status();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_NE(refused.message().find("record at byte 0 is wrong"), absl::string_view::npos) << refused;
  EXPECT_TRUE(OpenRocksDbStore({.directory = directory_, .recover = RocksDbOptions::Recover::kPointInTime}).ok());
}

}  // namespace
}  // namespace baton::storage
