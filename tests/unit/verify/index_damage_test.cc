// Damage to the index, on a store with a page that is full and one that is not: found by its name, and mended.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/engine/live/index.h"
#include "tests/unit/verify/scene.h"

namespace baton::engine::testing {
namespace {

using records::v1::IndexRow;
using records::v1::PageRow;
using storage::Family;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr TaskId kFirst = kPageIds - 20;

class IndexDamageTest : public ::testing::Test {
 protected:
  IndexDamageTest() {
    harness_.StartAt(kFirst);
    TestWorker& worker = harness_.Connect({.slots = 100});
    for (int i = 0; i < 40; ++i) {
      const TaskId id = harness_.Submit({.type = i % 4 == 0 ? "other" : "work", .tag = i % 3 == 0 ? "x" : ""});
      if (i % 4 == 1) worker.Succeed(id);
    }
    class_number_ = harness_.RowOf(kFirst + 1).class_number();
    harness_.StorePages();
    harness_.Stop();
    EXPECT_EQ(Damage(), "");
  }

  storage::Store& store() { return harness_.stopped_store(); }
  std::string Damage() { return DamageIn(harness_.settings(), store()); }
  std::string Get(Family family, absl::string_view key) {
    std::string value;
    EXPECT_TRUE(store().TakeSnapshot()->Get(family, key, &value).ok());
    return value;
  }
  void Commit(const storage::WriteBatch& batch) {
    std::string error;
    ASSERT_EQ(store().Commit(batch, store().number() + 1, &error), storage::CommitResult::kDone) << error;
  }
  void Put(Family family, absl::string_view key, const std::string& value) {
    storage::WriteBatch batch;
    batch.Put(family, key, value);
    Commit(batch);
  }
  template <typename Row>
  void Edit(Family family, absl::string_view key, const std::function<void(Row&)>& change) {
    Row row;
    EXPECT_TRUE(row.ParseFromString(Get(family, key)));
    change(row);
    Put(family, key, row.SerializeAsString());
  }
  Key ClassKey() const { return IndexKey(0, IndexKind::kClass, BucketOf(class_number_)); }
  static Key TagKey() { return IndexKey(0, IndexKind::kTag, BucketOf(TagHash("x"))); }
  // Found as `says`, mended by a repair, and gone for good once the broker has run.
  void ExpectFoundAndMended(const ::testing::Matcher<const std::string&>& says) {
    EXPECT_THAT(Damage(), says);
    const auto repaired = Repair(harness_.settings(), &store(), {harness_.now(), [] { return 815; }, false});
    ASSERT_TRUE(repaired.ok()) << repaired.status();
    EXPECT_EQ(Damage(), "");
    harness_.Start();
    harness_.SubmitMany(3, {.tag = "x"});
    EXPECT_EQ(TagsFound(), 14u + 3u);
  }
  // How many tasks with the tag x lists find.
  size_t TagsFound() {
    const auto view = harness_.MakeView();
    IndexReader reader(*view, {std::nullopt, TagHash("x")});
    size_t found = 0;
    for (const uint64_t page_number : {1, 0}) {
      SlotSet slots;
      EXPECT_TRUE(reader.Find(page_number, &slots).ok());
      for (auto slot = slots.Highest(kPageIds - 1); slot.has_value(); slot = slots.Below(*slot)) ++found;
    }
    return found;
  }

  EngineHarness harness_;
  ClassNumber class_number_ = 0;
};

TEST_F(IndexDamageTest, RowMissing) {
  Get(Family::kIndex, TagKey());
  storage::WriteBatch batch;
  batch.Delete(Family::kIndex, TagKey());
  Commit(batch);
  ExpectFoundAndMended(AllOf(HasSubstr("index: task 16364: the index says class"),
                             HasSubstr(absl::StrCat("and no tag, its record class 1 and a tag ", TagHash("x")))));
}

TEST_F(IndexDamageTest, RowUnreadable) {
  Put(Family::kIndex, ClassKey(), "\xff");
  ExpectFoundAndMended(HasSubstr("index: page 0: a row of it in the index is not readable"));
}

TEST_F(IndexDamageTest, RowOfAnotherValue) {
  Edit<IndexRow>(Family::kIndex, ClassKey(), [](IndexRow& row) { row.set_value_deltas(0, row.value_deltas(0) + 256); });
  ExpectFoundAndMended(HasSubstr("the index says class 258"));
}

TEST_F(IndexDamageTest, RowInAnotherBucket) {
  storage::WriteBatch batch;
  batch.Put(Family::kIndex, IndexKey(0, IndexKind::kTag, BucketOf(TagHash("x")) + 1), Get(Family::kIndex, TagKey()));
  batch.Delete(Family::kIndex, TagKey());
  Commit(batch);
  ExpectFoundAndMended(HasSubstr("index: task 16364"));
}

TEST_F(IndexDamageTest, RowOfOneTaskTooMany) {
  Edit<IndexRow>(Family::kIndex, TagKey(), [](IndexRow& row) { row.set_runs(1, row.runs(1) + 1); });
  ExpectFoundAndMended(HasSubstr("index: task 16365"));
}

TEST_F(IndexDamageTest, RowsOfAPageThatIsNotFull) {
  Put(Family::kIndex, IndexKey(1, IndexKind::kTag, 7), Get(Family::kIndex, TagKey()));
  ExpectFoundAndMended(HasSubstr("index: page 1: it is not indexed, but has rows in the index"));
}

TEST_F(IndexDamageTest, RowsOfPagesThatAreNotThere) {
  for (const uint64_t page_number : {2, 63, 64, 10'000}) {
    Put(Family::kIndex, IndexKey(page_number, IndexKind::kTag, 7), "");
    EXPECT_THAT(Damage(), HasSubstr(absl::StrCat("page ", page_number, ": it has rows in the index, though")));
  }
  ExpectFoundAndMended(HasSubstr("index"));
}

TEST_F(IndexDamageTest, KeysThatAreNone) {
  for (const std::string& key :
       {std::string("x"), IndexBucketKey(0, IndexKind::kTag, 5).str(),
        IndexBucketKey(0, IndexKind::kTag, 5).Byte(64).str(), IndexGroupKey(0).Byte('x').Byte(5).Byte(5).str()}) {
    Put(Family::kIndex, key, "");
    EXPECT_THAT(Damage(), HasSubstr(absl::StrCat("stray-key: key ", absl::BytesToHexString(key))));
  }
  ExpectFoundAndMended(HasSubstr("stray-key"));
}

TEST_F(IndexDamageTest, PageThatForgotItsRuns) {
  Edit<PageRow>(Family::kPage, PageKey(1), [](PageRow& row) {
    row.clear_run_gaps();
    row.clear_run_counts();
    row.clear_run_classes();
    row.clear_run_tag_hashes();
  });
  ExpectFoundAndMended(HasSubstr("index: task 16384: page 1 says class 0 and no tag"));
}

TEST_F(IndexDamageTest, PageWithAnotherClass) {
  Edit<PageRow>(Family::kPage, PageKey(1), [](PageRow& row) { row.set_run_classes(0, 9); });
  ExpectFoundAndMended(HasSubstr("page 1 says class 9"));
}

TEST_F(IndexDamageTest, FullPageThatStillHasItsRuns) {
  PageRow row;
  ASSERT_TRUE(row.ParseFromString(Get(Family::kPage, PageKey(0))));
  row.set_indexed(false);
  std::vector<AttributeRun> runs;
  for (TaskId id = kFirst; id < kPageIds; ++id) {
    const records::v1::TaskRow task = harness_.RowOf(id);
    runs.push_back({static_cast<uint16_t>(id), 1, task.class_number(), TagHash(task.tag())});
  }
  EncodeAttributes(runs, &row);
  storage::WriteBatch batch;
  batch.Put(Family::kPage, PageKey(0), row.SerializeAsString());
  batch.DeleteRange(Family::kIndex, IndexGroupKey(0), IndexGroupKey(1));
  Commit(batch);
  ExpectFoundAndMended("index: page 0: it is full, but not indexed\n");
}

TEST_F(IndexDamageTest, PageThatSaysItIsIndexed) {
  Edit<PageRow>(Family::kPage, PageKey(1), [](PageRow& row) {
    row.clear_run_gaps();
    row.clear_run_counts();
    row.clear_run_classes();
    row.clear_run_tag_hashes();
    row.set_indexed(true);
  });
  ExpectFoundAndMended(HasSubstr("index: task 16384: the index says class 0"));
}

}  // namespace
}  // namespace baton::engine::testing
