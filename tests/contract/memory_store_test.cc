// The faults of a store in memory, and that it forgets what nobody can see.
#include "broker/storage/memory_store.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/store_testing.h"

namespace baton::storage {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class MemoryStoreTest : public testing::Test {
 protected:
  CommitResult TryPut(absl::string_view key, absl::string_view value) {
    WriteBatch batch;
    batch.Put(Family::kTask, key, value);
    return store_->Commit(batch, store_->number() + 1, &error_);
  }
  void Restart() {
    store_.reset();
    store_ = *OpenMemoryStore(disk_);
  }

  const std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::unique_ptr<Store> store_ = *OpenMemoryStore(disk_);
  std::string error_;
};

TEST_F(MemoryStoreTest, WhatWasReclaimedIsNotSeenByOldSnapshotsEither) {
  ASSERT_EQ(TryPut("a", "1"), CommitResult::kDone);
  ASSERT_EQ(TryPut("b", "2"), CommitResult::kDone);
  const auto before = store_->TakeSnapshot();
  WriteBatch batch;
  batch.Delete(Family::kTask, "a");
  ASSERT_EQ(store_->Commit(batch, 3, &error_), CommitResult::kDone);
  const uint64_t bytes = store_->DiskBytes();
  ASSERT_TRUE(store_->Reclaim(Family::kTask, "a", "c").ok());
  std::string value;
  EXPECT_TRUE(absl::IsNotFound(before->Get(Family::kTask, "a", &value)));
  EXPECT_TRUE(before->Get(Family::kTask, "b", &value).ok()) << "it was not deleted";
  EXPECT_LT(store_->DiskBytes(), bytes);
}

TEST_F(MemoryStoreTest, UnknownCommitMayHaveBeenWritten) {
  ASSERT_EQ(TryPut("a", "1"), CommitResult::kDone);
  disk_->FailNextCommit(MemoryDisk::Fault::kUnknownWritten);
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kUnknown);
  EXPECT_EQ(error_, "commit 2: the answer to the write was lost");
  EXPECT_EQ(store_->number(), 1u);
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "a"), "1");
  EXPECT_EQ(disk_->number(), 2u);
  Restart();
  EXPECT_EQ(store_->number(), 2u);
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "a"), "2");
  EXPECT_EQ(TryPut("a", "3"), CommitResult::kDone);
}

TEST_F(MemoryStoreTest, UnknownCommitMayHaveBeenLost) {
  ASSERT_EQ(TryPut("a", "1"), CommitResult::kDone);
  disk_->FailNextCommit(MemoryDisk::Fault::kUnknownLost);
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kUnknown);
  EXPECT_EQ(error_, "commit 2: the write was lost");
  Restart();
  EXPECT_EQ(store_->number(), 1u);
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "a"), "1");
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kDone);
}

TEST_F(MemoryStoreTest, AfterAnUnknownCommitThereIsNoOtherUntilReopened) {
  disk_->FailNextCommit(MemoryDisk::Fault::kUnknownLost);
  ASSERT_EQ(TryPut("a", "1"), CommitResult::kUnknown);
  error_.clear();
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kUnknown);
  EXPECT_EQ(error_, "commit 1: the write was lost");
  EXPECT_EQ(disk_->number(), 0u);
}

TEST_F(MemoryStoreTest, FencedStoreWritesNothing) {
  ASSERT_EQ(TryPut("a", "1"), CommitResult::kDone);
  disk_->Fence();
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kFenced);
  EXPECT_THAT(error_, HasSubstr("another owner has opened the store: its epoch is 2, this one's 1"));
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kFenced);
  EXPECT_EQ(disk_->number(), 1u);
  Restart();
  EXPECT_EQ(store_->epoch(), 3u);
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "a"), "1");
}

TEST_F(MemoryStoreTest, SecondOpeningFencesTheFirstWhoseSnapshotsStand) {
  ASSERT_EQ(TryPut("a", "1"), CommitResult::kDone);
  const std::unique_ptr<Store> second = *OpenMemoryStore(disk_);
  PutNext(*second, Family::kTask, "a", "2");
  PutNext(*second, Family::kTask, "a", "3");
  EXPECT_EQ(TryPut("a", "4"), CommitResult::kFenced);
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "a"), "1");
  EXPECT_EQ(ValueOf(*second, Family::kTask, "a"), "3");
}

TEST_F(MemoryStoreTest, FullDiskLosesCommitsAndDoesNotOpen) {
  ASSERT_EQ(TryPut("a", "1"), CommitResult::kDone);
  disk_->SetFull(true);
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kUnknown);
  EXPECT_EQ(error_, "commit 2: no space left on the disk");
  store_.reset();
  const auto refused = OpenMemoryStore(disk_);
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  disk_->SetFull(false);
  Restart();
  EXPECT_EQ(store_->number(), 1u);
  EXPECT_EQ(TryPut("a", "2"), CommitResult::kDone);
}

TEST_F(MemoryStoreTest, OldVersionsAreForgottenWithTheirLastSnapshot) {
  const std::string megabyte(1 << 20, 'x');
  ASSERT_EQ(TryPut("a", megabyte), CommitResult::kDone);
  auto snapshot = store_->TakeSnapshot();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(TryPut("a", megabyte), CommitResult::kDone);
  EXPECT_TRUE(ValueOf(*snapshot, Family::kTask, "a") == megabyte);
  EXPECT_GE(store_->DiskBytes(), 2 * megabyte.size());
  snapshot.reset();
  WriteBatch batch;
  batch.Delete(Family::kTask, "a");
  CommitNext(*store_, batch);
  EXPECT_EQ(store_->DiskBytes(), 0u);
}

TEST_F(MemoryStoreTest, DeletedRangesAreForgotten) {
  WriteBatch batch;
  for (int i = 10000; i < 20000; ++i) batch.Put(Family::kTask, absl::StrCat(i), "value");
  CommitNext(*store_, batch);
  ASSERT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kTask), SizeIs(10000));
  batch.Clear();
  batch.DeleteRange(Family::kTask, "1", "2");
  CommitNext(*store_, batch);
  EXPECT_EQ(store_->DiskBytes(), 0u);
}

}  // namespace
}  // namespace baton::storage
