// What every store promises of commits, reads and snapshots: see broker/storage/store.h.
#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/store_contract.h"

#if defined(__SANITIZE_THREAD__)
// The distribution's RocksDB is not instrumented: how its own threads synchronize cannot be seen.
extern "C" const char* __tsan_default_suppressions() { return "race:^rocksdb::\n"; }
#endif

namespace baton::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, kStores, NameOf);

TEST_P(StoreContract, FreshStoreIsEmpty) {
  EXPECT_EQ(store_->number(), 0u);
  EXPECT_EQ(store_->epoch(), 1u);
  const auto snapshot = store_->TakeSnapshot();
  EXPECT_EQ(snapshot->number(), 0u);
  for (int family = 0; family < kFamilyCount; ++family) {
    EXPECT_THAT(RowsOf(*snapshot, static_cast<Family>(family)), IsEmpty());
  }
}

TEST_P(StoreContract, NumberDataAndEpochSurviveReopening) {
  PutNext(*store_, Family::kTask, "a", "1");
  PutNext(*store_, Family::kEnd, "a", "2");
  Reopen();
  EXPECT_EQ(store_->number(), 2u);
  EXPECT_EQ(store_->epoch(), 2u);
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "a"), "1");
  PutNext(*store_, Family::kTask, "a", "3");
  Reopen();
  EXPECT_EQ(store_->number(), 3u);
  EXPECT_EQ(store_->epoch(), 3u);
  EXPECT_EQ(ValueOf(*store_, Family::kTask, "a"), "3");
  EXPECT_EQ(ValueOf(*store_, Family::kEnd, "a"), "2");
}

TEST_P(StoreContract, EmptyBatchIsACommit) {
  CommitNext(*store_, WriteBatch());
  EXPECT_EQ(store_->number(), 1u);
  EXPECT_EQ(store_->TakeSnapshot()->number(), 1u);
  Reopen();
  EXPECT_EQ(store_->number(), 1u);
}

TEST_P(StoreContract, ChangesOfABatchApplyInOrder) {
  PutNext(*store_, Family::kKey, "m", "old");
  WriteBatch batch;
  batch.Put(Family::kKey, "a", "first");
  batch.Put(Family::kKey, "a", "second");
  batch.Put(Family::kKey, "b", "gone");
  batch.Delete(Family::kKey, "b");
  batch.Put(Family::kKey, "n", "gone");
  batch.DeleteRange(Family::kKey, "m", "p");
  batch.Put(Family::kKey, "o", "after the range");
  batch.Delete(Family::kKey, "c");
  batch.Put(Family::kKey, "c", "in two ", "parts");
  CommitNext(*store_, batch);
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kKey),
              ElementsAre(Pair("a", "second"), Pair("c", "in two parts"), Pair("o", "after the range")));
}

TEST_P(StoreContract, SameChangesHoldAfterReopening) {
  WriteBatch batch;
  for (int i = 100; i < 200; ++i) batch.Put(Family::kLog, absl::StrCat(i), absl::StrCat("v", i));
  CommitNext(*store_, batch);
  batch.Clear();
  batch.DeleteRange(Family::kLog, "110", "190");
  batch.Put(Family::kLog, "150", "again");
  batch.Delete(Family::kLog, "199");
  CommitNext(*store_, batch);
  const Rows before = RowsOf(*store_->TakeSnapshot(), Family::kLog);
  EXPECT_THAT(before, SizeIs(20));
  Reopen();
  EXPECT_EQ(RowsOf(*store_->TakeSnapshot(), Family::kLog), before);
}

TEST_P(StoreContract, DeletingWhatIsNotThereIsNoError) {
  WriteBatch batch;
  batch.Delete(Family::kMeta, "nothing");
  batch.DeleteRange(Family::kMeta, "a", "z");
  CommitNext(*store_, batch);
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kMeta), IsEmpty());
}

TEST_P(StoreContract, RangeDeleteThatEndsBeforeItBeginsDeletesNothing) {
  PutNext(*store_, Family::kMeta, "k", "v");
  WriteBatch batch;
  batch.DeleteRange(Family::kMeta, "z", "a");
  batch.DeleteRange(Family::kMeta, "k", "k");
  batch.DeleteRange(Family::kMeta, "a", "");
  CommitNext(*store_, batch);
  EXPECT_EQ(ValueOf(*store_, Family::kMeta, "k"), "v");
}

TEST_P(StoreContract, RangeDeleteSparesItsEndAndItsNeighbours) {
  WriteBatch batch;
  for (const char* key : {"a", "b", "b1", "c", "d"}) batch.Put(Family::kEnd, key, key);
  CommitNext(*store_, batch);
  batch.Clear();
  batch.DeleteRange(Family::kEnd, "b", "c");
  CommitNext(*store_, batch);
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kEnd),
              ElementsAre(Pair("a", "a"), Pair("c", "c"), Pair("d", "d")));
}

TEST_P(StoreContract, ScansKeepTheirBounds) {
  WriteBatch batch;
  for (const char* key : {"a", "b", "c", "d"}) batch.Put(Family::kIndex, key, "");
  CommitNext(*store_, batch);
  const auto snapshot = store_->TakeSnapshot();
  const auto keys = [&](absl::string_view begin, absl::string_view end, bool reverse, size_t limit = SIZE_MAX) {
    std::string all;
    for (const auto& [key, value] : RowsOf(*snapshot, Family::kIndex, begin, end, reverse, limit)) all += key;
    return all;
  };
  EXPECT_EQ(keys("", "", false), "abcd");
  EXPECT_EQ(keys("b", "", false), "bcd");
  EXPECT_EQ(keys("", "c", false), "ab");
  EXPECT_EQ(keys("b", "d", false), "bc");
  EXPECT_EQ(keys("aa", "bb", false), "b");
  EXPECT_EQ(keys("c", "c", false), "");
  EXPECT_EQ(keys("d", "a", false), "");
  EXPECT_EQ(keys("e", "", false), "");
  EXPECT_EQ(keys("", "", true), "dcba");
  EXPECT_EQ(keys("b", "", true), "dcb");
  EXPECT_EQ(keys("", "c", true), "ba");
  EXPECT_EQ(keys("b", "d", true), "cb");
  EXPECT_EQ(keys("aa", "bb", true), "b");
  EXPECT_EQ(keys("d", "a", true), "");
  EXPECT_EQ(keys("", "", false, 2), "ab");
  EXPECT_EQ(keys("", "", true, 2), "dc");
}

TEST_P(StoreContract, LongScansVisitEachKeyOnce) {
  WriteBatch batch;
  for (int i = 10000; i < 13000; ++i) batch.Put(Family::kTask, absl::StrCat(i), absl::StrCat(i * 3));
  CommitNext(*store_, batch);
  const auto snapshot = store_->TakeSnapshot();
  Rows rows = RowsOf(*snapshot, Family::kTask);
  ASSERT_THAT(rows, SizeIs(3000));
  for (int i = 0; i < 3000; ++i) ASSERT_THAT(rows[i], Pair(absl::StrCat(10000 + i), absl::StrCat((10000 + i) * 3)));
  std::reverse(rows.begin(), rows.end());
  EXPECT_EQ(RowsOf(*snapshot, Family::kTask, "", "", /*reverse=*/true), rows);
  rows.resize(700);
  EXPECT_EQ(RowsOf(*snapshot, Family::kTask, "", "", /*reverse=*/true, 700), rows);
}

TEST_P(StoreContract, VisitorsMayReadAndTheWriterMayWriteMeanwhile) {
  WriteBatch batch;
  for (int i = 1000; i < 2000; ++i) batch.Put(Family::kTask, absl::StrCat(i), "task");
  batch.Put(Family::kEnd, "1500", "end");
  CommitNext(*store_, batch);
  const auto snapshot = store_->TakeSnapshot();
  int visited = 0;
  int ended = 0;
  const absl::Status status = snapshot->Scan(Family::kTask, "", "", [&](absl::string_view key, absl::string_view) {
    if (++visited % 100 == 0) {
      WriteBatch removal;
      removal.DeleteRange(Family::kTask, "1000", "3000");
      CommitNext(*store_, removal);
    }
    ended += ValueOf(*snapshot, Family::kEnd, key) == "end";
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(visited, 1000);
  EXPECT_EQ(ended, 1);
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kTask), IsEmpty());
}

TEST_P(StoreContract, SnapshotsStandStill) {
  PutNext(*store_, Family::kTask, "a", "1");
  PutNext(*store_, Family::kTask, "b", "1");
  const auto second = store_->TakeSnapshot();
  WriteBatch batch;
  batch.Put(Family::kTask, "a", "3");
  batch.Delete(Family::kTask, "b");
  batch.Put(Family::kTask, "c", "3");
  CommitNext(*store_, batch);
  const auto third = store_->TakeSnapshot();
  batch.Clear();
  batch.DeleteRange(Family::kTask, "a", "z");
  CommitNext(*store_, batch);
  PutNext(*store_, Family::kTask, "a", "5");

  EXPECT_EQ(second->number(), 2u);
  EXPECT_EQ(third->number(), 3u);
  EXPECT_THAT(RowsOf(*second, Family::kTask), ElementsAre(Pair("a", "1"), Pair("b", "1")));
  EXPECT_THAT(RowsOf(*third, Family::kTask), ElementsAre(Pair("a", "3"), Pair("c", "3")));
  EXPECT_EQ(ValueOf(*second, Family::kTask, "b"), "1");
  EXPECT_EQ(ValueOf(*third, Family::kTask, "b"), "(none)");
  EXPECT_THAT(RowsOf(*store_->TakeSnapshot(), Family::kTask), ElementsAre(Pair("a", "5")));
}

TEST_P(StoreContract, SnapshotsMayGoInAnyOrder) {
  std::vector<std::shared_ptr<const Snapshot>> snapshots;
  for (int i = 0; i < 20; ++i) {
    PutNext(*store_, Family::kPage, "page", absl::StrCat(i));
    snapshots.push_back(store_->TakeSnapshot());
  }
  for (const int gone : {0, 7, 8, 19, 3}) snapshots[gone].reset();
  PutNext(*store_, Family::kPage, "page", "last");
  for (int i = 0; i < 20; ++i) {
    if (snapshots[i] == nullptr) continue;
    EXPECT_EQ(snapshots[i]->number(), i + 1u);
    EXPECT_EQ(ValueOf(*snapshots[i], Family::kPage, "page"), absl::StrCat(i));
  }
}

// Each commit writes its number under two keys; no snapshot may see them differ, or another number than its own.
TEST_P(StoreContract, SnapshotsOfOtherThreadsSeeWholeCommits) {
  absl::Notification done;
  std::thread reader([&] {
    while (!done.HasBeenNotified()) {
      const auto snapshot = store_->TakeSnapshot();
      const std::string expected = snapshot->number() == 0 ? "(none)" : absl::StrCat(snapshot->number());
      ASSERT_EQ(ValueOf(*snapshot, Family::kTask, "a"), expected);
      ASSERT_EQ(ValueOf(*snapshot, Family::kEnd, "b"), expected);
    }
  });
  for (int i = 1; i <= 300; ++i) {
    WriteBatch batch;
    batch.Put(Family::kTask, "a", absl::StrCat(i));
    batch.DeleteRange(Family::kEnd, "a", "z");
    batch.Put(Family::kEnd, "b", absl::StrCat(i));
    CommitNext(*store_, batch);
  }
  done.Notify();
  reader.join();
}

TEST_P(StoreContract, FamiliesAreSeparate) {
  WriteBatch batch;
  for (int i = 0; i < kFamilyCount; ++i) batch.Put(static_cast<Family>(i), "key", absl::StrCat("family ", i));
  batch.DeleteRange(Family::kLog, "a", "z");
  CommitNext(*store_, batch);
  Reopen();
  const auto snapshot = store_->TakeSnapshot();
  for (int i = 0; i < kFamilyCount; ++i) {
    const auto family = static_cast<Family>(i);
    if (family == Family::kLog) {
      EXPECT_THAT(RowsOf(*snapshot, family), IsEmpty());
    } else {
      EXPECT_THAT(RowsOf(*snapshot, family), ElementsAre(Pair("key", absl::StrCat("family ", i))));
    }
  }
}

TEST_P(StoreContract, KeysAndValuesAreBytes) {
  const std::string zero(1, '\0');
  const std::string zeros(3, '\0');
  const std::string high = "\xff\xff";
  WriteBatch batch;
  batch.Put(Family::kTask, high, zero);
  batch.Put(Family::kTask, zeros, "");
  batch.Put(Family::kTask, zero, "\x80");
  batch.Put(Family::kTask, "a", zeros);
  batch.Put(Family::kTask, "a" + zero, high);
  CommitNext(*store_, batch);
  Reopen();
  EXPECT_THAT(
      RowsOf(*store_->TakeSnapshot(), Family::kTask),
      ElementsAre(Pair(zero, "\x80"), Pair(zeros, ""), Pair("a", zeros), Pair("a" + zero, high), Pair(high, zero)));
  EXPECT_EQ(ValueOf(*store_, Family::kTask, zeros), "");
}

}  // namespace
}  // namespace baton::storage
