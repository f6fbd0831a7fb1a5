// What every store promises of limits, broken invariants, backups and its size: see broker/storage/store.h.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/store_contract.h"

namespace baton::storage {
namespace {

using testing::SizeIs;

using StoreContractLimits = StoreContract;
INSTANTIATE_TEST_SUITE_P(Stores, StoreContractLimits, kStores, NameOf);

// As many of the largest values as fit, the last one so much smaller that it is full to the byte.
WriteBatch LargestBatch() {
  WriteBatch batch;
  constexpr size_t kRows = kMaxBatchBytes / kMaxValueBytes;
  for (char row = 'a'; row < static_cast<char>('a' + kRows - 1); ++row) {
    batch.Put(Family::kTask, std::string(1, row), std::string(kMaxValueBytes, row));
  }
  WriteBatch last;
  last.Put(Family::kTask, "z", std::string(kMaxValueBytes, 'z'));
  const size_t beside_value = last.bytes() - kMaxValueBytes;
  batch.Put(Family::kTask, "z", std::string(kMaxBatchBytes - batch.bytes() - beside_value, 'z'));
  return batch;
}

TEST_P(StoreContractLimits, LargestKeyAndValueAreServed) {
  const std::string key(kMaxKeyBytes, 'k');
  std::string value(kMaxValueBytes, 'v');
  for (size_t i = 0; i < value.size(); i += 997) value[i] = static_cast<char>(i);
  PutNext(*store_, Family::kTask, key, value);
  Reopen();
  EXPECT_TRUE(ValueOf(*store_, Family::kTask, key) == value);
}

TEST_P(StoreContractLimits, LargestBatchIsServed) {
  const WriteBatch batch = LargestBatch();
  ASSERT_EQ(batch.bytes(), kMaxBatchBytes);
  CommitNext(*store_, batch);
  Reopen();
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kTask), SizeIs(kMaxBatchBytes / kMaxValueBytes));
}

TEST_P(StoreContractLimits, WrongNumberStopsTheProcess) {
  store_.reset();
  const auto commit = [&](uint64_t step) {
    auto store = *harness_->Open();
    std::string error;
    store->Commit(WriteBatch(), store->number() + step, &error);
  };
  EXPECT_DEATH(commit(0), "commit 0 does not follow the last commit, 0");
  EXPECT_DEATH(commit(2), "commit 2 does not follow the last commit, 0");
}

TEST_P(StoreContractLimits, OversizeStopsTheProcess) {
  store_.reset();
  const auto commit = [&](const WriteBatch& batch) {
    auto store = *harness_->Open();
    CommitNext(*store, batch);
  };
  WriteBatch batch;
  batch.Put(Family::kTask, std::string(kMaxKeyBytes + 1, 'k'), "");
  EXPECT_DEATH(commit(batch), "a key in family 0 has 1001 bytes, the store takes at most 1000");
  batch.Clear();
  batch.Put(Family::kEnd, "k", std::string(kMaxValueBytes + 1, 'v'));
  EXPECT_DEATH(commit(batch), "a value in family 1 has 4194305 bytes");
  batch.Clear();
  batch.DeleteRange(Family::kLog, "k", std::string(kMaxKeyBytes + 1, 'z'));
  EXPECT_DEATH(commit(batch), "the end of a range in family 2 has 1001 bytes");
  batch.Clear();
  while (batch.bytes() <= kMaxBatchBytes) batch.Put(Family::kLog, "k", std::string(kMaxValueBytes, 'v'));
  EXPECT_DEATH(commit(batch), "the batch of commit [0-9]+ has [0-9]+ bytes, the store takes at most 67108864");
}

TEST_P(StoreContractLimits, BackupOpensAndEquals) {
  WriteBatch batch;
  for (int i = 0; i < kFamilyCount; ++i) {
    for (int j = 100; j < 200; ++j) batch.Put(static_cast<Family>(i), absl::StrCat(j), absl::StrCat(i, "/", j));
  }
  CommitNext(*store_, batch);
  batch.Clear();
  batch.DeleteRange(Family::kEnd, "110", "120");
  CommitNext(*store_, batch);
  ASSERT_TRUE(store_->Backup(harness_->backup_directory()).ok());
  PutNext(*store_, Family::kTask, "later", "not in the backup");
  EXPECT_TRUE(absl::IsAlreadyExists(store_->Backup(harness_->backup_directory())));

  auto backup = harness_->OpenBackup();
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_EQ((*backup)->number(), 2u);
  const auto original = store_->TakeSnapshot();
  const auto copy = (*backup)->TakeSnapshot();
  EXPECT_THAT(RowsOf(*copy, Family::kEnd), SizeIs(90));
  for (int i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    EXPECT_EQ(RowsOf(*copy, family), RowsOf(*original, family, "", "later")) << i;
  }
  PutNext(**backup, Family::kTask, "own", "life");
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "own"), "(none)");
}

TEST_P(StoreContractLimits, BackupKnowsThatItIsACopyUntilItsFirstCommit) {
  PutNext(*store_, Family::kTask, "a", "1");
  EXPECT_FALSE(store_->is_unused_copy());
  ASSERT_TRUE(store_->Backup(harness_->backup_directory()).ok());
  EXPECT_FALSE(store_->is_unused_copy());
  uint64_t epoch = 0;
  for (int opening = 0; opening < 2; ++opening) {
    const auto copy = harness_->OpenBackup();
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_TRUE((*copy)->is_unused_copy()) << "opening alone takes no mark away";
    EXPECT_GT((*copy)->epoch(), std::max(epoch, store_->epoch() + 1)) << "the original's next one is another";
    epoch = (*copy)->epoch();
  }
  {
    const auto copy = harness_->OpenBackup();
    PutNext(**copy, Family::kTask, "b", "2");
    EXPECT_FALSE((*copy)->is_unused_copy());
  }
  const auto copy = harness_->OpenBackup();
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_FALSE((*copy)->is_unused_copy());
  EXPECT_GT((*copy)->epoch(), epoch);
  Reopen();
  EXPECT_FALSE(store_->is_unused_copy());
}

TEST_P(StoreContractLimits, BackupBesideCommitsHoldsAllBeforeItAndNoneInPart) {
  for (int i = 0; i < 50; ++i) PutNext(*store_, Family::kTask, absl::StrCat(1000 + i), std::string(5000, 'x'));
  std::atomic<bool> is_done = false;
  std::thread writer([&] {
    // At least some beside the backup, which a store in memory writes in no time.
    for (int i = 50; i < 100 || !is_done; ++i) {
      WriteBatch batch;
      batch.Put(Family::kTask, absl::StrCat(1000 + i), std::string(5000, 'x'));
      batch.Put(Family::kEnd, absl::StrCat(1000 + i), "end");
      CommitNext(*store_, batch);
    }
  });
  const absl::Status status = store_->Backup(harness_->backup_directory());
  is_done = true;
  writer.join();
  ASSERT_TRUE(status.ok()) << status;
  const auto copy = harness_->OpenBackup();
  ASSERT_TRUE(copy.ok()) << copy.status();
  const auto snapshot = (*copy)->TakeSnapshot();
  EXPECT_GE(snapshot->number(), 50u);
  EXPECT_THAT(RowsOf(*snapshot, Family::kTask), SizeIs(snapshot->number()));
  EXPECT_THAT(RowsOf(*snapshot, Family::kEnd), SizeIs(snapshot->number() - 50));
}

TEST_P(StoreContractLimits, ReclaimChangesNothing) {
  WriteBatch batch;
  for (int i = 1000; i < 3000; ++i) batch.Put(Family::kTask, absl::StrCat(i), std::string(500, 'x'));
  CommitNext(*store_, batch);
  batch.Clear();
  batch.DeleteRange(Family::kTask, "1000", "2000");
  CommitNext(*store_, batch);
  ASSERT_TRUE(store_->Reclaim(Family::kTask, "1000", "2000").ok());
  ASSERT_TRUE(store_->Reclaim(Family::kTask, "2000", "1000").ok());
  EXPECT_EQ(store_->number(), 2u);
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kTask), SizeIs(1000));
  PutNext(*store_, Family::kTask, "1500", "new");
  Reopen();
  EXPECT_EQ(store_->number(), 3u);
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kTask), SizeIs(1001));
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "1500"), "new");
}

TEST_P(StoreContractLimits, TellsItsSize) {
  const uint64_t before = store_->MemoryBytes();
  PutNext(*store_, Family::kTask, "a", std::string(kMaxValueBytes, 'x'));
  EXPECT_GE(store_->MemoryBytes(), before + kMaxValueBytes);
  EXPECT_GE(store_->DiskBytes(), kMaxValueBytes);
}

}  // namespace
}  // namespace baton::storage
