// Pages: states of 16,384 ids, in memory and on disk.
#include "broker/engine/live/page.h"

#include <map>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

using ::testing::HasSubstr;

constexpr LiveState kLive[] = {LiveState::PENDING, LiveState::RUNNING, LiveState::SUSPENDED, LiveState::WAITING,
                               LiveState::STAGED};
constexpr LiveState kOver[] = {LiveState::COMPLETED, LiveState::FAILED, LiveState::CANCELLED, LiveState::REMOVED,
                               LiveState::NONE};

LiveEntry RandomEntry(TaskId id, std::mt19937_64& random) {
  LiveEntry entry;
  entry.id = id;
  entry.state = kLive[random() % std::size(kLive)];
  entry.class_number = 1 + static_cast<ClassNumber>(random() % 3);
  entry.priority = static_cast<int32_t>(random() % 41) - 20;
  entry.due = static_cast<WallMicros>(random() % kDay);
  entry.attempt = static_cast<uint32_t>(random() % 3);
  if (random() % 2 == 0) return entry;
  entry.paused = random() % 2 == 0;
  entry.session = random();
  entry.options_number = static_cast<OptionsNumber>(random() % 9);
  entry.handler_version = random() % 9;
  entry.claimed = static_cast<WallMicros>(random() % kDay);
  entry.ready = static_cast<WallMicros>(random() % kDay);
  entry.generation = static_cast<uint32_t>(random() % 9);
  entry.remaining = random() % 9;
  entry.failed = random() % 9;
  return entry;
}

// What a page must hold.
using Model = std::map<TaskId, LiveEntry>;

void ExpectHolds(const Page& page, const Model& model, const std::map<TaskId, LiveState>& over) {
  EXPECT_EQ(page.live_count(), model.size());
  std::vector<LiveEntry> listed;
  page.ForEachLive([&](const LiveEntry& entry) { listed.push_back(entry); });
  std::vector<LiveEntry> expected;
  for (const auto& [id, entry] : model) expected.push_back(entry);
  ASSERT_EQ(listed, expected);
  for (const auto& [id, entry] : model) {
    LiveEntry found;
    ASSERT_TRUE(page.Find(SlotOf(id), &found));
    ASSERT_EQ(found, entry);
  }
  for (const auto& [id, state] : over) {
    ASSERT_EQ(page.StateAt(SlotOf(id)), state);
    LiveEntry untouched;
    ASSERT_FALSE(page.Find(SlotOf(id), &untouched));
    ASSERT_EQ(untouched, LiveEntry());
  }
}

records::v1::PageRow ValidRow() {
  Page page(0);
  page.set_folded(7);
  page.Put({.id = 3, .state = LiveState::PENDING, .class_number = 1, .due = 5});
  page.Put({.id = 4, .state = LiveState::RUNNING, .class_number = 2, .due = 6, .session = 9});
  page.Put({.id = 9, .state = LiveState::WAITING, .class_number = 2, .attempt = 1, .remaining = 2});
  EXPECT_TRUE(page.AddAttributes({3, 2, 1, 5}));
  EXPECT_TRUE(page.AddAttributes({9, 1, 2, 0}));
  records::v1::PageRow row;
  EXPECT_TRUE(row.ParseFromString(page.Encode()));
  return row;
}

TEST(PageTest, RoundTripsWhateverHappensToIt) {
  constexpr uint64_t kNumber = 5;
  for (const uint64_t ids : {3u, 100u, 16384u}) {
    std::mt19937_64 random(ids);
    Page page(kNumber);
    Model model;
    std::map<TaskId, LiveState> over;
    for (int step = 0; step < 20'000; ++step) {
      const TaskId id = kNumber * kPageIds + random() % ids;
      if (random() % 2 == 0) {
        model[id] = RandomEntry(id, random);
        over.erase(id);
        page.Put(model[id]);
      } else {
        over[id] = kOver[random() % std::size(kOver)];
        model.erase(id);
        page.End(SlotOf(id), over[id]);
      }
      if (step % 4000 != 3999) continue;
      page.set_folded(step);
      ExpectHolds(page, model, over);
      const absl::StatusOr<Page> decoded = Page::Decode(kNumber, page.Encode());
      ASSERT_TRUE(decoded.ok()) << decoded.status();
      EXPECT_EQ(decoded->folded(), static_cast<uint64_t>(step));
      ExpectHolds(*decoded, model, over);
      EXPECT_EQ(decoded->Encode(), page.Encode());
      records::v1::PageRow row;
      Page refilled = *Page::Decode(12, ValidRow().SerializeAsString());
      ASSERT_TRUE(refilled.Refill(kNumber, page.Encode(), &row).ok());
      ExpectHolds(refilled, model, over);
      EXPECT_EQ(refilled.Encode(), page.Encode());
      EXPECT_EQ(refilled.first_id(), page.first_id());
    }
  }
}

TEST(PageTest, FreshPageIsEmptyAndSmall) {
  const Page page(9);
  EXPECT_EQ(page.first_id(), 9 * kPageIds);
  EXPECT_EQ(page.live_count(), 0u);
  EXPECT_LT(page.Encode().size(), 10u);
}

TEST(PageTest, TasksThatAreAlikeCostFewBytes) {
  Page page(0);
  for (TaskId id = 0; id < kPageIds; ++id) page.Put({.id = id, .state = LiveState::PENDING, .class_number = 1});
  EXPECT_LT(page.Encode().size(), kPageIds * 3 / 2);
}

TEST(PageTest, ManyEndedTasksGiveTheirMemoryBack) {
  Page page(0);
  for (TaskId id = 0; id < kPageIds; ++id) page.Put({.id = id, .state = LiveState::PENDING, .class_number = 1});
  for (uint32_t slot = 0; slot < kPageIds; ++slot) page.End(slot, LiveState::COMPLETED);
  const Page compact = *Page::Decode(0, page.Encode());
  EXPECT_EQ(compact.live_count(), 0u);
  EXPECT_LT(page.Encode().size(), 20u);
}

TEST(PageTest, ExtremeTimesAreKept) {
  constexpr WallMicros kTimes[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX, -1, INT64_MIN};
  Page page(0);
  for (TaskId id = 0; id < std::size(kTimes); ++id) {
    page.Put({.id = id, .state = LiveState::PENDING, .class_number = 1, .due = kTimes[id]});
  }
  const absl::StatusOr<Page> decoded = Page::Decode(0, page.Encode());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  decoded->ForEachLive([&](const LiveEntry& entry) { EXPECT_EQ(entry.due, kTimes[entry.id]); });
}

TEST(PageTest, ClassesAndTagsAreKeptAsRuns) {
  Page page(2);
  for (uint16_t slot = 5; slot < 100; ++slot) {
    ASSERT_TRUE(page.AddAttributes({slot, 1, slot < 50 ? 1u : 2u, slot < 60 ? 7u : 0u}));
  }
  ASSERT_TRUE(page.AddAttributes({200, kPageIds - 200, 2, 0}));
  const std::vector<AttributeRun> runs = {{5, 45, 1, 7}, {50, 10, 2, 7}, {60, 40, 2, 0}, {200, kPageIds - 200, 2, 0}};
  EXPECT_EQ(page.attributes(), runs);
  EXPECT_EQ(Page::Decode(2, page.Encode())->attributes(), runs);
  EXPECT_FALSE(Page::Decode(2, page.Encode())->indexed());
  EXPECT_FALSE(page.AddAttributes({199, 1, 1, 0})) << "not after the others";
  EXPECT_FALSE(page.AddAttributes({static_cast<uint16_t>(kPageIds - 1), 1, 1, 0})) << "once more";
}

TEST(PageTest, IndexedPageKeepsNoClassesAndTags) {
  Page page(2);
  ASSERT_TRUE(page.AddAttributes({0, kPageIds, 1, 7}));
  const std::string indexed = page.EncodeIndexed();
  EXPECT_EQ(page.attributes().size(), 1u) << "as long as it is not on disk";
  page.SetIndexed();
  EXPECT_EQ(page.Encode(), indexed);
  const Page decoded = *Page::Decode(2, indexed);
  EXPECT_TRUE(decoded.indexed());
  EXPECT_TRUE(decoded.attributes().empty());
  EXPECT_FALSE(page.AddAttributes({0, 1, 1, 0}));
}

TEST(PageTest, DamagedRowsAreRefusedByName) {
  const std::vector<std::pair<const char*, std::function<void(records::v1::PageRow&)>>> damages = {
      {"too few states", [](auto& row) { row.mutable_states()->RemoveLast(); }},
      {"a run too long", [](auto& row) { row.set_states(0, 16385); }},
      {"an overflowing run", [](auto& row) { row.set_states(0, UINT32_MAX); }},
      {"an unknown state", [](auto& row) { row.set_states(1, 10); }},
      {"no states", [](auto& row) { row.clear_states(); }},
      {"too few classes", [](auto& row) { row.mutable_class_numbers()->RemoveLast(); }},
      {"too many due times", [](auto& row) { row.add_due_deltas(1); }},
      {"too few attempts", [](auto& row) { row.mutable_attempts()->RemoveLast(); }},
      {"facts of no task", [](auto& row) { row.mutable_extras(0)->set_slot(5); }},
      {"facts of no slot", [](auto& row) { row.mutable_extras(0)->set_slot(70'000); }},
      {"a gap too large", [](auto& row) { row.set_run_gaps(1, kPageIds); }},
      {"an overflowing gap", [](auto& row) { row.set_run_gaps(1, UINT32_MAX); }},
      {"too many ids alike", [](auto& row) { row.set_run_counts(1, kPageIds - 8); }},
      {"a run of none", [](auto& row) { row.set_run_counts(0, 0); }},
      {"too few tags", [](auto& row) { row.mutable_run_tag_hashes()->RemoveLast(); }},
      {"runs beside the index", [](auto& row) { row.set_indexed(true); }},
  };
  ASSERT_TRUE(Page::Decode(0, ValidRow().SerializeAsString()).ok());
  for (const auto& [name, damage] : damages) {
    records::v1::PageRow row = ValidRow();
    damage(row);
    const absl::StatusOr<Page> page = Page::Decode(12, row.SerializeAsString());
    EXPECT_EQ(page.status().code(), absl::StatusCode::kDataLoss) << name;
    EXPECT_THAT(std::string(page.status().message()), HasSubstr("page 12 is damaged")) << name;
  }
  EXPECT_EQ(Page::Decode(12, "\xff\xff\xff").status().code(), absl::StatusCode::kDataLoss);
}

TEST(PageTest, DamagedBytesNeverBreakTheProcess) {
  const std::string row = ValidRow().SerializeAsString();
  std::mt19937 random(3);
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = row;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    const absl::StatusOr<Page> page = Page::Decode(0, damaged);
    if (!page.ok()) {
      ++refused;
      continue;
    }
    // What is accepted is consistent in itself.
    const absl::StatusOr<Page> again = Page::Decode(0, page->Encode());
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->live_count(), page->live_count());
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace baton::engine
