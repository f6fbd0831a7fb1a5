// Classes and tags: sets of slots, rows of the index, and what a reader finds in them and in pages.
#include "broker/engine/live/index.h"

#include <algorithm>
#include <random>
#include <set>

#include "broker/storage/memory_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

using storage::Family;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<uint32_t> MembersOf(const SlotSet& slots) {
  std::vector<uint32_t> members;
  for (auto slot = slots.Highest(kPageIds - 1); slot.has_value(); slot = slots.Below(*slot)) members.push_back(*slot);
  return members;
}

TEST(SlotSetTest, HoldsWhatWasAdded) {
  SlotSet slots;
  EXPECT_TRUE(slots.empty());
  EXPECT_THAT(MembersOf(slots), IsEmpty());
  slots.Add(0, 1);
  slots.Add(62, 66);
  slots.Add(kPageIds - 1, kPageIds);
  slots.Add(7, 7);
  EXPECT_THAT(MembersOf(slots), ElementsAre(kPageIds - 1, 65, 64, 63, 62, 0));
  EXPECT_EQ(slots.Highest(100), 65u);
  EXPECT_EQ(slots.Highest(65), 65u);
  EXPECT_EQ(slots.Highest(61), 0u);
  EXPECT_EQ(slots.Below(0), std::nullopt);
  SlotSet other;
  other.Add(63, 200);
  other.Intersect(slots);
  EXPECT_THAT(MembersOf(other), ElementsAre(65, 64, 63));
  EXPECT_EQ(MembersOf(SlotSet::All()).size(), kPageIds);
}

TEST(SlotSetTest, RunsOfAnyPlaceAndLengthAreWhole) {
  for (const uint32_t first : {0u, 1u, 63u, 64u, 65u, 127u}) {
    for (const uint32_t count : {1u, 2u, 63u, 64u, 65u, 128u, 200u}) {
      SlotSet slots;
      slots.Add(first, first + count);
      const std::vector<uint32_t> members = MembersOf(slots);
      ASSERT_EQ(members.size(), count) << first;
      EXPECT_EQ(members.front(), first + count - 1);
      EXPECT_EQ(members.back(), first);
    }
  }
}

class IndexTest : public ::testing::Test {
 protected:
  // Adds tasks to a page; it must have been new.
  struct Kind {
    ClassNumber class_number;
    uint32_t tag_hash;
  };
  void Fill(uint64_t page_number, const std::vector<Kind>& kinds) {
    Page page(page_number);
    for (uint32_t slot = 0; slot < kinds.size(); ++slot) {
      const TaskId id = page.first_id() + slot;
      page.Put({.id = id, .state = LiveState::PENDING, .class_number = kinds[slot].class_number});
      ASSERT_TRUE(page.AddAttributes({static_cast<uint16_t>(slot), 1, kinds[slot].class_number, kinds[slot].tag_hash}));
    }
    kinds_[page_number] = kinds;
    pages_->insert_or_assign(page_number, std::make_shared<const Page>(page));
  }
  void Index(uint64_t page_number) {
    auto page = std::make_shared<Page>(*pages_->at(page_number));
    storage::WriteBatch batch;
    AddIndexRows(*page, &batch);
    Commit(batch);
    page->SetIndexed();
    pages_->insert_or_assign(page_number, page);
  }
  void Commit(const storage::WriteBatch& batch) {
    std::string error;
    ASSERT_EQ(store_->Commit(batch, store_->number() + 1, &error), storage::CommitResult::kDone) << error;
  }
  View MakeView() const { return View(0, 200 * kPageIds + 5, store_->TakeSnapshot(), pages_, nullptr, &catalog_); }
  static bool Fits(const Kind& kind, const Wanted& wanted) {
    if (wanted.tag_hash != 0 && kind.tag_hash != wanted.tag_hash) return false;
    return !wanted.classes.has_value() || std::count(wanted.classes->begin(), wanted.classes->end(), kind.class_number);
  }
  // Walks over all pages downwards and compares with what they were filled with.
  void ExpectFound(const Wanted& wanted) {
    const View view = MakeView();
    IndexReader reader(view, wanted);
    for (auto it = kinds_.rbegin(); it != kinds_.rend(); ++it) {
      SlotSet slots;
      ASSERT_TRUE(reader.Find(it->first, &slots).ok());
      std::vector<uint32_t> expected;
      for (uint32_t slot = 0; slot < it->second.size(); ++slot) {
        if (Fits(it->second[slot], wanted)) expected.insert(expected.begin(), slot);
      }
      ASSERT_EQ(MembersOf(slots), expected) << "page " << it->first;
    }
  }

  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  Catalog catalog_;
  std::shared_ptr<View::Pages> pages_ = std::make_shared<View::Pages>();
  std::map<uint64_t, std::vector<Kind>> kinds_;
};

// Some share a bucket, and 1 has as many tasks as all others together.
constexpr ClassNumber kClasses[] = {1, 1, 1, 2, 257, 513};
constexpr uint32_t kTags[] = {0, 0, 5, 261, 0xffffff05, 77, UINT32_MAX};

TEST_F(IndexTest, ReaderFindsWhatThereIsInEveryMixtureOfPages) {
  std::mt19937 random(3);
  for (const uint64_t page_number : {0u, 1u, 5u, 63u, 64u, 200u}) {
    std::vector<Kind> kinds;
    while (kinds.size() < 2000) {
      const Kind kind{kClasses[random() % std::size(kClasses)], kTags[random() % std::size(kTags)]};
      kinds.insert(kinds.end(), random() % 3 == 0 ? 40 : 1, kind);
    }
    Fill(page_number, kinds);
  }
  const std::vector<Wanted> all = {{std::nullopt, 5},
                                   {std::nullopt, 0xffffff05},
                                   {std::nullopt, UINT32_MAX},
                                   {std::nullopt, 4},
                                   {{{1}}, 0},
                                   {{{2, 257, 513}}, 0},
                                   {{{1, 513}}, 77},
                                   {{{257}}, 261},
                                   {{{3}}, 5},
                                   {{{}}, 0}};
  for (const Wanted& wanted : all) ExpectFound(wanted);
  for (const uint64_t page_number : {1u, 63u, 64u, 0u}) {
    Index(page_number);
    for (const Wanted& wanted : all) ExpectFound(wanted);
  }
  for (const uint64_t page_number : {1u, 63u, 64u, 0u}) pages_->erase(page_number);
  for (const Wanted& wanted : all) ExpectFound(wanted);
}

TEST_F(IndexTest, LongRowsAreReadBitByBit) {
  std::vector<Kind> alternating;
  for (uint32_t slot = 0; slot < kPageIds; ++slot) alternating.push_back({1 + slot % 2, 0});
  for (uint64_t page_number = 0; page_number < 12; ++page_number) {
    Fill(page_number, alternating);
    Index(page_number);
  }
  ExpectFound({{{2}}, 0});
}

TEST_F(IndexTest, PageHasARowForEachBucketAndTagsThatAreNoneHaveNone) {  // S125
  Fill(3, {{1, 0}, {1, 0}, {257, 9}, {2, 265}, {2, 10}});
  storage::WriteBatch batch;
  AddIndexRows(*pages_->at(3), &batch);
  std::vector<std::string> keys;
  batch.ForEach([&](storage::WriteBatch::Op, Family family, absl::string_view key, absl::string_view) {
    EXPECT_EQ(family, Family::kIndex);
    keys.emplace_back(key);
  });
  EXPECT_THAT(keys, ElementsAre(IndexKey(3, IndexKind::kClass, 1).str(), IndexKey(3, IndexKind::kClass, 2).str(),
                                IndexKey(3, IndexKind::kTag, 9).str(), IndexKey(3, IndexKind::kTag, 10).str()));
}

TEST_F(IndexTest, TasksThatAreAlikeCostFewBytesAndOthersNotMany) {
  Fill(0, std::vector<Kind>(kPageIds, Kind{1, 5}));
  storage::WriteBatch alike;
  AddIndexRows(*pages_->at(0), &alike);
  EXPECT_LT(alike.bytes(), 100u);
  std::vector<Kind> kinds;
  std::mt19937 random(4);
  for (uint32_t slot = 0; slot < kPageIds; ++slot)
    kinds.push_back({static_cast<ClassNumber>(1 + random() % 20), static_cast<uint32_t>(random())});
  Fill(1, kinds);
  storage::WriteBatch different;
  AddIndexRows(*pages_->at(1), &different);
  EXPECT_LT(different.bytes(), kPageIds * 13);
}

TEST_F(IndexTest, RemovedPageHasNoRows) {
  Page page(0);
  ASSERT_TRUE(page.AddAttributes({0, kPageIds, 1, 5}));
  for (uint32_t slot = 0; slot < kPageIds; ++slot) page.End(slot, LiveState::REMOVED);
  storage::WriteBatch batch;
  AddIndexRows(page, &batch);
  EXPECT_TRUE(batch.empty());
}

TEST_F(IndexTest, DamagedRowIsDataLoss) {
  Fill(7, {{1, 5}});
  Index(7);
  storage::WriteBatch batch;
  batch.Put(Family::kIndex, IndexKey(7, IndexKind::kTag, 5), "\xff");
  Commit(batch);
  const View view = MakeView();
  SlotSet slots;
  const absl::Status status = IndexReader(view, {std::nullopt, 5}).Find(7, &slots);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("page 7"));
}

TEST(IndexRowTest, DamagedRowsAreRefused) {
  records::v1::IndexRow valid;
  valid.add_value_deltas(3);
  valid.add_value_deltas(256);
  valid.add_run_counts(1);
  valid.add_run_counts(2);
  for (const uint32_t number : {0, 4, 8, 1, 1, 1}) valid.add_runs(number);
  const auto read = [](const records::v1::IndexRow& row) {
    return ReadIndexRow(row.SerializeAsString(), [](uint32_t, uint32_t, uint32_t) {});
  };
  ASSERT_TRUE(read(valid));
  const std::vector<std::pair<const char*, std::function<void(records::v1::IndexRow&)>>> damages = {
      {"too few values", [](auto& row) { row.mutable_value_deltas()->RemoveLast(); }},
      {"too few runs", [](auto& row) { row.mutable_runs()->RemoveLast(); }},
      {"too many runs", [](auto& row) { row.add_runs(1), row.add_runs(1); }},
      {"more runs than there are", [](auto& row) { row.set_run_counts(1, UINT32_MAX); }},
      {"ids of the next page", [](auto& row) { row.set_runs(1, kPageIds + 1); }},
      {"a run of no ids", [](auto& row) { row.set_runs(1, 0); }},
      {"an overflow", [](auto& row) { row.set_runs(2, UINT32_MAX); }},
  };
  for (const auto& [name, damage] : damages) {
    records::v1::IndexRow row = valid;
    damage(row);
    EXPECT_FALSE(read(row)) << name;
  }
}

}  // namespace
}  // namespace baton::engine
