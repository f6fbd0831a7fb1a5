#include "broker/engine/live/activity.h"

#include <limits>

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

}  // namespace
}  // namespace baton::engine
