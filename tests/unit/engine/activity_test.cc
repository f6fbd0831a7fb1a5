#include "broker/engine/live/activity.h"

#include <functional>
#include <limits>
#include <memory>

#include "broker/base/manual_clock.h"
#include "broker/engine/batch.h"
#include "broker/engine/live/follower.h"
#include "broker/storage/memory_store.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

constexpr SteadyMicros kBegin = 7 * kHour;

uint64_t CountOf(const ActivityBoard::Recent& recent, ClassNumber number, Happening happening) {
  const auto it = recent.classes.find(number);
  return it == recent.classes.end() ? 0 : it->second.counts[static_cast<size_t>(happening)];
}

TEST(DurationsTest, QuantilesAreRightWithinAFifth) {
  for (const Micros duration : {100 * kMillisecond, kSecond, 90 * kMinute, 70 * kDay}) {
    Durations durations;
    durations.Add(duration);
    const auto found = static_cast<double>(durations.Quantile(0.5));
    EXPECT_GE(found, static_cast<double>(duration) * 0.999);
    EXPECT_LE(found, static_cast<double>(duration) * 1.42);
  }
}

TEST(DurationsTest, QuantilesOfManyAreInOrder) {
  Durations durations;
  for (int i = 1; i <= 1000; ++i) durations.Add(i * kMillisecond);
  EXPECT_EQ(durations.count(), 1000u);
  EXPECT_NEAR(static_cast<double>(durations.Quantile(0.5)), 500e3, 250e3);
  EXPECT_GE(durations.Quantile(0.99), 990 * kMillisecond);
  EXPECT_LE(durations.Quantile(0.01), durations.Quantile(0.5));
  EXPECT_EQ(Durations().Quantile(0.5), 0);
}

TEST(DurationsTest, WhatCannotBeIsTakenForTheNearest) {
  Durations durations;
  durations.Add(-5);
  EXPECT_EQ(durations.Quantile(1), 64);
  durations.Add(std::numeric_limits<Micros>::max());
  EXPECT_GT(durations.Quantile(1), 99 * kDay);
}

TEST(ActivityBoardTest, CountsByClass) {
  ActivityBoard board;
  board.Add(kBegin, {{1, Happening::kCreated, 100}, {2, Happening::kCreated, 5}, {1, Happening::kStarted, 1, kSecond}});
  board.Add(kBegin + kSecond, {{1, Happening::kCompleted, 1, kMinute}});
  const ActivityBoard::Recent recent = board.Read(kBegin + 10 * kSecond);
  EXPECT_EQ(recent.time, 10 * kSecond);
  EXPECT_EQ(CountOf(recent, 1, Happening::kCreated), 100u);
  EXPECT_EQ(CountOf(recent, 2, Happening::kCreated), 5u);
  EXPECT_EQ(CountOf(recent, 1, Happening::kCompleted), 1u);
  EXPECT_EQ(recent.classes.at(1).queued.count(), 1u);
  EXPECT_GE(recent.classes.at(1).ran.Quantile(0.5), kMinute);
}

TEST(ActivityBoardTest, ForgetsWhatIsOlderThanAMinute) {
  ActivityBoard board;
  board.Add(kBegin, {{1, Happening::kCreated, 100}});
  board.Add(kBegin + 31 * kSecond, {{1, Happening::kCreated, 7}});
  EXPECT_EQ(CountOf(board.Read(kBegin + 59 * kSecond), 1, Happening::kCreated), 107u);
  const ActivityBoard::Recent later = board.Read(kBegin + 61 * kSecond);
  EXPECT_EQ(CountOf(later, 1, Happening::kCreated), 7u);
  EXPECT_EQ(later.time, 31 * kSecond);
  EXPECT_TRUE(board.Read(kBegin + kHour).classes.empty());
}

TEST(ActivityBoardTest, AQuietTimeIsNotForgottenInTheRate) {
  ActivityBoard board;
  board.Add(kBegin, {{1, Happening::kCreated, 1}});
  board.Add(kBegin + kHour, {{1, Happening::kCreated, 60}});
  const ActivityBoard::Recent recent = board.Read(kBegin + kHour);
  EXPECT_EQ(CountOf(recent, 1, Happening::kCreated), 60u);
  EXPECT_EQ(recent.time, 30 * kSecond);
}

TEST(ActivityBoardTest, CountsByClassAndTag) {
  ActivityBoard board;
  board.Add(kBegin, {{1, Happening::kCreated, 7, -1, 10, 100}, {1, Happening::kCreated, 3}});
  board.Add(kBegin, {{1, Happening::kStarted, 1, kSecond, 10, 104}, {2, Happening::kCreated, 5, -1, 10, 200}});
  // In the next span.
  board.Add(kBegin + 31 * kSecond, {{1, Happening::kCompleted, 1, kMinute, 10, 102}});
  const ActivityBoard::RecentTags recent = board.ReadTags(kBegin + 40 * kSecond);
  EXPECT_EQ(recent.time, 40 * kSecond);
  ASSERT_EQ(recent.tags.size(), 2u) << "what has no tag is in none";
  const ActivityBoard::TagActivity& tag = *recent.tags.at({1, 10});
  EXPECT_EQ(tag.activity.counts[static_cast<size_t>(Happening::kCreated)], 7u);
  EXPECT_EQ(tag.activity.counts[static_cast<size_t>(Happening::kCompleted)], 1u);
  EXPECT_EQ(tag.activity.queued.count(), 1u);
  EXPECT_EQ(tag.newest, 104u);
  EXPECT_EQ(recent.tags.at({2, 10})->newest, 200u);
  EXPECT_TRUE(board.ReadTags(kBegin + kHour).tags.empty());
}

TEST(ActivityBoardTest, TagsBeyondTheLimitAreCountedTogether) {
  ActivityBoard board;
  for (uint32_t tag = 1; tag <= ActivityBoard::kMostTags + 5; ++tag) {
    board.Add(kBegin, {{1, Happening::kCreated, 1, -1, tag, tag}});
  }
  board.Add(kBegin, {{1, Happening::kCreated, 2, -1, 1, 1}});
  const ActivityBoard::RecentTags recent = board.ReadTags(kBegin);
  EXPECT_EQ(recent.tags.size(), ActivityBoard::kMostTags);
  EXPECT_EQ(recent.tags.at({1, 1})->activity.counts[0], 3u) << "those that are known go on";
  EXPECT_EQ(recent.others.counts[0], 5u);
}

TEST(DurationTotalsTest, HoldExactlyWhatDurationsHoldUpToThere) {
  Durations durations;
  for (const Micros duration : {Micros{1}, Micros{256}, Micros{257}, Micros{1024}, Micros{1025}, 30 * kDay}) {
    durations.Add(duration);
  }
  DurationTotals totals;
  totals.Add(durations);
  totals.Add(durations);
  EXPECT_EQ(DurationTotals::BucketEnd(0), 256);
  EXPECT_EQ(DurationTotals::BucketEnd(1), 1024);
  EXPECT_EQ(totals.counts()[0], 4u);
  EXPECT_EQ(totals.counts()[1], 4u);
  EXPECT_EQ(totals.counts()[2], 2u);
  EXPECT_EQ(totals.counts().back(), 2u);
  EXPECT_EQ(totals.sum(), 2 * static_cast<double>(30 * kDay + 2563));
}

TEST(ActivityBoardTest, TotalsForgetNothing) {
  ActivityBoard board;
  uint64_t created = 0;
  // Within a span, in the next one, and after a pause that both are forgotten in.
  for (const Micros later : {Micros{0}, 10 * kSecond, 35 * kSecond, 50 * kSecond, kHour, 2 * kHour, 3 * kHour}) {
    board.Add(kBegin + later, {{1, Happening::kCreated, 3}, {1, Happening::kCompleted, 1, kSecond}});
    created += 3;
    EXPECT_EQ(board.ReadTotals().at(1).counts[static_cast<size_t>(Happening::kCreated)], created);
  }
  board.Read(kBegin + kDay);
  const ActivityTotal total = board.ReadTotals().at(1);
  EXPECT_EQ(total.counts[static_cast<size_t>(Happening::kCreated)], created);
  EXPECT_EQ(total.ran.sum(), static_cast<double>(7 * kSecond));
  EXPECT_FALSE(board.ReadTotals().contains(2));
}

// Commits journal entries to a follower that tells a board of them.
class ObservedFollowerTest : public ::testing::Test {
 protected:
  ObservedFollowerTest() {
    EXPECT_TRUE(follower_.Restore({}).ok());
    follower_.Observe(&board_, &clock_);
  }

  void Commit(const std::function<void(Batch&)>& write) {
    write(batch_);
    const ClosedBatch closed = batch_.Close(clock_.Read().wall, 1, 2, &last_entry_);
    const absl::Status folded = follower_.Fold(closed.number, *closed.entry, closed.entry_bytes, closed.tagged);
    EXPECT_TRUE(folded.ok()) << folded;
  }
  // Task 1, ready since `ready`.
  void Claim(WallMicros ready) {
    Commit([&](Batch& batch) {
      LiveEntry entry = Entry(LiveState::RUNNING);
      entry.attempt = ++attempt_;
      entry.session = 1;
      entry.options_number = 1;
      entry.claimed = clock_.Read().wall;
      entry.ready = entry.due = ready;
      batch.Claimed(entry);
    });
  }
  void Move(LiveState state, WallMicros due) {
    Commit([&](Batch& batch) {
      LiveEntry entry = Entry(state);
      entry.due = due;
      entry.remaining = state == LiveState::WAITING ? 1 : 0;
      batch.Moved(entry);
    });
  }
  LiveEntry Entry(LiveState state) const {
    LiveEntry entry;
    entry.id = 1;
    entry.state = state;
    entry.class_number = 1;
    entry.attempt = attempt_;
    return entry;
  }
  Activity Read() { return board_.Read(clock_.Read().steady).classes.at(1); }

  ManualClock clock_{{.wall = kDay, .steady = kBegin}};
  std::unique_ptr<storage::Store> store_ = *storage::OpenMemoryStore(std::make_shared<storage::MemoryDisk>());
  Catalog catalog_;
  ActivityBoard board_;
  Follower follower_{{}, store_.get(), &catalog_};
  Batch batch_{1};
  uint64_t last_entry_ = 0;
  uint32_t attempt_ = 0;
};

TEST_F(ObservedFollowerTest, AParentIsReadyAgainWhenItsChildrenHaveEnded) {
  const WallMicros due = clock_.Read().wall;
  Commit([&](Batch& batch) { batch.Created({1, 1, 0, due}); });
  clock_.AdvanceBoth(kSecond);
  Claim(due);
  Move(LiveState::WAITING, due);
  clock_.AdvanceBoth(20 * kSecond);  // Its children work.
  Move(LiveState::PENDING, due);
  clock_.AdvanceBoth(kSecond);
  Claim(due);
  const Activity activity = Read();
  EXPECT_EQ(activity.counts[static_cast<size_t>(Happening::kStarted)], 2u);
  EXPECT_LT(activity.queued.Quantile(1), 2 * kSecond) << "it did not wait while they worked";
}

TEST_F(ObservedFollowerTest, ARetryIsReadyWhenItIsDue) {
  const WallMicros due = clock_.Read().wall;
  Commit([&](Batch& batch) { batch.Created({1, 1, 0, due}); });
  Claim(due);
  clock_.AdvanceBoth(5 * kSecond);
  Move(LiveState::PENDING, clock_.Read().wall + 10 * kSecond);
  clock_.AdvanceBoth(11 * kSecond);
  Claim(clock_.Read().wall - kSecond);
  Commit([](Batch& batch) { batch.Ended(1, LiveState::FAILED); });
  const Activity activity = Read();
  EXPECT_EQ(activity.counts[static_cast<size_t>(Happening::kRetried)], 1u);
  EXPECT_EQ(activity.counts[static_cast<size_t>(Happening::kFailed)], 1u);
  EXPECT_LT(activity.queued.Quantile(1), 2 * kSecond);
  EXPECT_EQ(activity.ran.count(), 2u);
}

TEST_F(ObservedFollowerTest, TheTagIsToldWithWhatHappens) {
  const WallMicros due = clock_.Read().wall;
  Commit([&](Batch& batch) { batch.Created({.id = 1, .class_number = 1, .due = due, .tag_hash = 10}); });
  Claim(due);  // Without its tag: nobody knows it.
  Commit([](Batch& batch) {
    batch.Ended(1, LiveState::COMPLETED);
    batch.HasTag(1, 10);
    batch.HasTag(2, 0);
  });
  const ActivityBoard::RecentTags recent = board_.ReadTags(clock_.Read().steady);
  ASSERT_EQ(recent.tags.size(), 1u);
  const ActivityBoard::TagActivity& tag = *recent.tags.at({1, 10});
  EXPECT_EQ(tag.activity.counts[static_cast<size_t>(Happening::kCreated)], 1u);
  EXPECT_EQ(tag.activity.counts[static_cast<size_t>(Happening::kStarted)], 0u);
  EXPECT_EQ(tag.activity.counts[static_cast<size_t>(Happening::kCompleted)], 1u);
  EXPECT_EQ(tag.newest, 1u);
}

}  // namespace
}  // namespace baton::engine
