// When retention looks, at what, and what it gives back; and the clock it goes by.
#include "broker/engine/retention/sweeper.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

using records::v1::JournalEntry;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr WallMicros kWall = 1'700'000'000 * kSecond;
constexpr Micros kAge = kMinute;

Now At(Micros passed, Micros jumped = 0) { return {.wall = kWall + passed + jumped, .steady = kHour + passed}; }

TEST(RetentionClockTest, JumpAheadMakesNothingOlder) {
  RetentionClock clock(At(0));
  EXPECT_EQ(clock.Read(At(kSecond)), kWall + kSecond);
  EXPECT_EQ(clock.Read(At(2 * kSecond, kDay)), kWall + 2 * kSecond);
  EXPECT_EQ(clock.Read(At(3 * kSecond)), kWall + 3 * kSecond);
}

TEST(RetentionClockTest, JumpBackAndForwardAgainOnlyDelays) {
  RetentionClock clock(At(0));
  EXPECT_EQ(clock.Read(At(kSecond, -kHour)), kWall + kSecond - kHour);
  EXPECT_EQ(clock.Read(At(2 * kSecond)), kWall + 2 * kSecond - kHour) << "what ended meanwhile is not an hour old";
}

TEST(RetentionClockTest, JumpBackBetweenTwoReadingsIsToldByWhatHappened) {
  RetentionClock clock(At(0));
  clock.HoldBack(At(kSecond), kWall - kHour);
  EXPECT_EQ(clock.Read(At(2 * kSecond)), kWall - kHour + kSecond);
}

class SweeperTest : public ::testing::Test {
 protected:
  // Pages 0 to 2 are there at the start.
  SweeperTest() : sweeper_(EvenAges(kAge), At(0), 2 * kPageIds + 5, UINT32_MAX) {}

  void End(TaskId id, Micros passed) {
    JournalEntry entry;
    entry.set_time_us(kWall + passed);
    entry.mutable_ended()->add_completed(static_cast<int64_t>(id));
    sweeper_.Fold(entry, At(passed));
  }
  // One task of each page has ended at the start.
  static JournalEntry EndOfThree(TaskId completed, TaskId failed, TaskId cancelled) {
    JournalEntry entry;
    entry.set_time_us(kWall);
    entry.mutable_ended()->add_completed(static_cast<int64_t>(completed));
    entry.mutable_ended()->add_failed(static_cast<int64_t>(failed));
    entry.mutable_ended()->add_cancelled(static_cast<int64_t>(cancelled));
    return entry;
  }
  std::vector<uint64_t> LooksAt(Micros passed) {
    looks_ = sweeper_.TakeLooks(At(passed));
    std::vector<uint64_t> pages;
    for (const Look& look : looks_) pages.push_back(look.page_number);
    return pages;
  }
  // Nothing is found but that the page stays until `stays_until`; kForEver: there is nothing.
  void SeeNothing(WallMicros stays_until = kForEver) {
    std::vector<Sighting> sightings;
    for (const Look& look : looks_) sightings.push_back({look, {.stays_until = stays_until}});
    EXPECT_FALSE(sweeper_.Take(std::move(sightings)).has_value());
  }
  static TaskId EndOf(const Look& look) { return (look.page_number + 1) * kPageIds; }
  void SeeGone() {
    std::vector<Sighting> sightings;
    for (const Look& look : looks_) sightings.push_back({look, {.gone_until = EndOf(look)}});
    EXPECT_FALSE(sweeper_.Take(std::move(sightings)).has_value());
  }
  // The first page has something to remove; the others are not looked at.
  void SeeRemoval(TaskId next = 0, bool gone = false) {
    Sighting sighting{looks_.at(0), {.next = next, .gone_until = gone ? EndOf(looks_[0]) : 0}};
    sighting.plan.removal.ids = {{looks_[0].page_number * kPageIds + 1, 1}};
    std::vector<Sighting> sightings;
    sightings.push_back(std::move(sighting));
    const auto removal = sweeper_.Take(std::move(sightings));
    ASSERT_TRUE(removal.has_value());
    EXPECT_EQ(removal->page_number, looks_[0].page_number);
    number_ = removal->number;
  }
  void FoldRemoval(Micros passed) {
    JournalEntry entry;
    entry.add_removed_ended()->set_page(looks_.at(0).page_number);
    entry.set_removal(number_);
    sweeper_.Fold(entry, At(passed));
  }

  Sweeper sweeper_;
  std::vector<Look> looks_;
  uint64_t number_ = 0;
};

TEST_F(SweeperTest, EveryPageIsLookedAtOnceAfterTheStart) {  // B242
  EXPECT_THAT(LooksAt(1), ElementsAre(0, 1, 2));
  EXPECT_THAT(sweeper_.TakeLooks(At(1)), IsEmpty()) << "one thing is out at a time";
  SeeNothing();
  EXPECT_THAT(LooksAt(kDay), IsEmpty()) << "nothing has ended since";
}

TEST_F(SweeperTest, PageIsLookedAtWhenWhatEndedInItMayBeOld) {  // B18, B242, S119, S120
  LooksAt(1);
  SeeNothing();
  End(kPageIds + 7, 10);
  EXPECT_THAT(LooksAt(10 + kAge), IsEmpty());
  EXPECT_THAT(LooksAt(11 + kAge), ElementsAre(1));
  EXPECT_EQ(looks_[0].now, kWall + 11 + kAge);
  SeeNothing(kWall + 50 + kAge);  // Another has ended.
  EXPECT_THAT(LooksAt(50 + kAge), IsEmpty());
  EXPECT_THAT(LooksAt(51 + kAge), ElementsAre(1));
}

TEST_F(SweeperTest, ManyEndsOfAPageAreOneLook) {
  LooksAt(1);
  SeeNothing();
  for (TaskId id = 1; id < 100; ++id) End(id, static_cast<Micros>(id));
  EXPECT_THAT(LooksAt(kDay), ElementsAre(0));
}

TEST_F(SweeperTest, WhatTheFirstRemovalMadeOutOfDateIsLookedAtAgain) {
  LooksAt(1);
  SeeRemoval();
  EXPECT_THAT(sweeper_.TakeLooks(At(2)), IsEmpty()) << "the removal is not folded";
  FoldRemoval(2);
  EXPECT_THAT(LooksAt(3), ElementsAre(1, 2));
}

TEST_F(SweeperTest, PageInPartsIsGoneThroughBeforeOthers) {
  LooksAt(1);
  SeeRemoval(100);
  FoldRemoval(2);
  EXPECT_THAT(LooksAt(3), ElementsAre(0));
  EXPECT_EQ(looks_[0].first, 100u);
  EXPECT_FALSE(sweeper_.Take({{looks_[0], {.next = 200, .stays_until = kWall + 7 + kAge}}}).has_value());
  EXPECT_THAT(LooksAt(4), ElementsAre(0));
  EXPECT_EQ(looks_[0].first, 200u);
  SeeNothing(kWall + 9 + kAge);
  EXPECT_THAT(LooksAt(5), ElementsAre(1, 2));
  SeeNothing();
  EXPECT_THAT(LooksAt(8 + kAge), ElementsAre(0)) << "the earliest of all parts counts";
}

TEST_F(SweeperTest, RefusedRemovalIsPlannedAnewLater) {
  LooksAt(1);
  SeeRemoval();
  sweeper_.NotSent(At(2));
  EXPECT_THAT(LooksAt(3), ElementsAre(1, 2));
  SeeNothing();
  EXPECT_THAT(LooksAt(4 + kSecond), ElementsAre(0));
}

TEST_F(SweeperTest, RemovalByOthersIsNotTakenForItsOwnAndIsLookedAt) {
  LooksAt(1);
  SeeRemoval();
  JournalEntry others;
  others.add_removed_ended()->set_page(0);
  others.add_removed_ended()->set_page(2);
  sweeper_.Fold(others, At(2));
  EXPECT_THAT(sweeper_.TakeLooks(At(3)), IsEmpty()) << "its own removal is under way";
  FoldRemoval(4);
  EXPECT_THAT(LooksAt(5), ElementsAre(0, 1, 2)) << "pages may be gone by what others removed";
}

TEST_F(SweeperTest, SpaceIsGivenBackOfWholeRunsWhenNothingElseIsToBeDone) {
  LooksAt(1);
  SeeRemoval(0, true);
  FoldRemoval(2);
  EXPECT_THAT(LooksAt(3), ElementsAre(1, 2));
  EXPECT_EQ(sweeper_.TakeReclaim(), std::nullopt);
  SeeGone();
  EXPECT_THAT(LooksAt(4), IsEmpty());
  EXPECT_EQ(sweeper_.TakeReclaim(), (IdRange{0, 3 * kPageIds}));
  EXPECT_FALSE(sweeper_.idle());
  sweeper_.Reclaimed();
  EXPECT_EQ(sweeper_.TakeReclaim(), std::nullopt);
}

TEST_F(SweeperTest, RunGrowsWithWhatIsRemovedNextToIt) {
  LooksAt(1);
  SeeNothing();
  Micros passed = kSecond;
  for (const uint64_t page : {5u, 3u, 4u, 9u}) {
    End(page * kPageIds, passed);
    passed += kHour;
    ASSERT_THAT(LooksAt(passed), ElementsAre(page));
    SeeRemoval(0, true);
    FoldRemoval(passed);
  }
  EXPECT_EQ(sweeper_.TakeReclaim(), (IdRange{3 * kPageIds, 3 * kPageIds}));
  sweeper_.Reclaimed();
  EXPECT_EQ(sweeper_.TakeReclaim(), (IdRange{9 * kPageIds, kPageIds}));
}

TEST_F(SweeperTest, PageThatNewIdsComeFromIsGivenBackUpToThem) {
  LooksAt(1);
  std::vector<Sighting> sightings;
  for (const Look& look : looks_) sightings.push_back({look, {.gone_until = std::min(EndOf(look), 2 * kPageIds + 5)}});
  EXPECT_FALSE(sweeper_.Take(std::move(sightings)).has_value());
  EXPECT_EQ(sweeper_.TakeReclaim(), (IdRange{0, 2 * kPageIds + 5}));
  sweeper_.Reclaimed();
  End(2 * kPageIds + 6, 2);
  LooksAt(kHour);
  EXPECT_FALSE(sweeper_.Take({{looks_.at(0), {.gone_until = 2 * kPageIds + 9}}}).has_value());
  EXPECT_EQ(sweeper_.TakeReclaim(), (IdRange{0, 2 * kPageIds + 9}));
  sweeper_.Reclaimed();
  EXPECT_EQ(sweeper_.TakeReclaim(), std::nullopt);
}

TEST_F(SweeperTest, RequestIdsGoByWindowsHoweverLongTasksAreKept) {
  Sweeper sweeper({}, At(0), 1, RequestWindowOf(kWall) - kRequestWindowsAround - 1);
  EXPECT_TRUE(sweeper.TakeOldRows(At(0)).has_value()) << "what went by while the broker was down";
  EXPECT_FALSE(sweeper.TakeOldRows(At(0, kDay)).has_value()) << "a jump of the wall clock";
  EXPECT_TRUE(sweeper.TakeOldRows(At(kRequestWindow)).has_value());
  EXPECT_FALSE(sweeper.TakeOldRows(At(kRequestWindow)).has_value());
  sweeper.OldRowsNotSent();
  EXPECT_TRUE(sweeper.TakeOldRows(At(kRequestWindow)).has_value());
}

TEST_F(SweeperTest, IndexOfAGroupGoesWhenAllItsPagesAreGone) {
  // The last page of the second group is not full.
  Sweeper sweeper(EvenAges(kAge), At(0), 2 * kGroupPages * kPageIds - 5, UINT32_MAX);
  int deleted = 0;
  for (uint64_t looked = 0; looked < 2 * kGroupPages;) {
    std::vector<Sighting> sightings;
    for (const Look& look : sweeper.TakeLooks(At(0))) {
      ++looked;
      sightings.push_back(
          {look, {.gone_until = std::min(EndOf(look), 2 * kGroupPages * kPageIds - 5), .has_index = true}});
    }
    ASSERT_FALSE(sweeper.Take(std::move(sightings)).has_value());
    while (sweeper.TakeReclaim().has_value()) sweeper.Reclaimed();
    const auto deletes = sweeper.TakeOldRows(At(0));
    EXPECT_EQ(deletes.has_value(), looked == kGroupPages) << looked;
    if (!deletes.has_value()) continue;
    ++deleted;
    sweeper.OldRowsNotSent();
    sweeper.TakeOldRows(At(0))->ForEach(
        [&](storage::WriteBatch::Op op, storage::Family family, absl::string_view key, absl::string_view value) {
          if (family != storage::Family::kIndex) return;
          EXPECT_EQ(op, storage::WriteBatch::Op::kDeleteRange);
          EXPECT_EQ(key, IndexGroupKey(0).str());
          EXPECT_EQ(value, IndexGroupKey(1).str());
        });
  }
  EXPECT_EQ(deleted, 1);
}

TEST_F(SweeperTest, WhereNoRequestIdIsOldNothingIsTakenOut) {
  for (const uint32_t oldest : {UINT32_MAX, RequestWindowOf(kWall), RequestWindowOf(kWall) - kRequestWindowsAround}) {
    EXPECT_FALSE(Sweeper({}, At(0), 1, oldest).TakeOldRows(At(0)).has_value()) << oldest;
  }
}

TEST_F(SweeperTest, PageIsLookedAtWhenWhatEndedInAStateMayBeOld) {
  Sweeper sweeper({.completed = kMinute, .failed = kHour, .cancelled = 0}, At(0), 1, UINT32_MAX);
  EXPECT_EQ(sweeper.TakeLooks(At(0)).size(), 1u) << "the page that new ids come from";
  EXPECT_FALSE(sweeper.Take({{Look{}, Plan{}}}).has_value());
  sweeper.Fold(EndOfThree(7 * kPageIds, 8 * kPageIds, 9 * kPageIds), At(0));
  for (const auto& [age, page] : {std::pair{kMinute, 7u}, std::pair{kHour, 8u}}) {
    EXPECT_THAT(sweeper.TakeLooks(At(age)), IsEmpty());
    const std::vector<Look> looks = sweeper.TakeLooks(At(age + 1));
    ASSERT_EQ(looks.size(), 1u);
    EXPECT_EQ(looks[0].page_number, page);
    EXPECT_EQ(looks[0].ages.failed, kHour);
    EXPECT_FALSE(sweeper.Take({{looks[0], Plan{}}}).has_value());
  }
  EXPECT_THAT(sweeper.TakeLooks(At(10'000 * kDay)), IsEmpty()) << "what was cancelled is kept for ever";
}

TEST_F(SweeperTest, PagesThatFollowARootAreLookedAtWhenItHasGone) {
  LooksAt(1);
  SeeNothing();
  End(5, 1);
  ASSERT_THAT(LooksAt(kHour), ElementsAre(0));
  Sighting sighting{looks_[0], {.followers = {1, 7}}};
  sighting.plan.removal.ids = {{1, 1}};
  std::vector<Sighting> sightings;
  sightings.push_back(std::move(sighting));
  number_ = sweeper_.Take(std::move(sightings)).value().number;
  EXPECT_THAT(LooksAt(kHour + 1), IsEmpty());
  looks_ = {Look{}};
  FoldRemoval(kHour + 2);
  EXPECT_THAT(LooksAt(kHour + 3), ElementsAre(1, 7));
}

TEST_F(SweeperTest, WhereAllIsKeptForEverSpaceOfWhatOthersRemoveIsGivenBack) {
  Sweeper sweeper({}, At(0), 3 * kPageIds, UINT32_MAX);
  std::vector<Look> looks = sweeper.TakeLooks(At(0));
  ASSERT_EQ(looks.size(), 3u) << "what was removed before the start";
  EXPECT_FALSE(sweeper.Take({{looks[0], {}}, {looks[1], {.gone_until = 2 * kPageIds}}, {looks[2], {}}}).has_value());
  EXPECT_THAT(sweeper.TakeLooks(At(1)), IsEmpty());
  EXPECT_EQ(sweeper.TakeReclaim(), (IdRange{kPageIds, kPageIds}));
  sweeper.Reclaimed();
  sweeper.Fold(EndOfThree(1, 2, 3), At(1));
  EXPECT_THAT(sweeper.TakeLooks(At(10'000 * kDay)), IsEmpty()) << "no age ends";
  JournalEntry removed;
  removed.add_removed_ended()->set_page(0);
  sweeper.Fold(removed, At(10'000 * kDay));
  looks = sweeper.TakeLooks(At(10'000 * kDay));
  ASSERT_EQ(looks.size(), 1u);
  EXPECT_FALSE(sweeper.Take({{looks[0], {.gone_until = kPageIds}}}).has_value());
  EXPECT_EQ(sweeper.TakeReclaim(), (IdRange{0, 2 * kPageIds}));
}

}  // namespace
}  // namespace baton::engine
