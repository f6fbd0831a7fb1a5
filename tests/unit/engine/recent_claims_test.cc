#include "broker/engine/recent_claims.h"

#include "gtest/gtest.h"

namespace baton::engine {
namespace {

constexpr SteadyMicros kBegin = 7 * kHour;

TEST(RecentClaimsTest, NothingWasHandedOut) {
  RecentClaims claims;
  EXPECT_EQ(claims.PerSecond(kBegin), 0.0);
}

TEST(RecentClaimsTest, RateIsThatSinceTheFirstOne) {
  RecentClaims claims;
  for (int i = 0; i < 100; ++i) claims.Add(kBegin + i * 100 * kMillisecond);
  EXPECT_NEAR(claims.PerSecond(kBegin + 10 * kSecond), 10.0, 0.1);
}

TEST(RecentClaimsTest, RateFollowsWhatChangesWithinAMinute) {
  RecentClaims claims;
  SteadyMicros now = kBegin;
  for (int i = 0; i < 6000; ++i, now += 10 * kMillisecond) claims.Add(now);
  EXPECT_NEAR(claims.PerSecond(now), 100.0, 5.0);
  for (int i = 0; i < 60; ++i, now += kSecond) claims.Add(now);
  EXPECT_NEAR(claims.PerSecond(now), 1.0, 0.2);
}

TEST(RecentClaimsTest, WhatIsLongAgoIsForgotten) {
  RecentClaims claims;
  for (int i = 0; i < 1000; ++i) claims.Add(kBegin);
  EXPECT_GT(claims.PerSecond(kBegin + 59 * kSecond), 0.0);
  EXPECT_EQ(claims.PerSecond(kBegin + kMinute + 1), 0.0);
  EXPECT_EQ(claims.PerSecond(kBegin + kHour), 0.0);
}

TEST(RecentClaimsTest, ABurstIsNotTakenForARateOfMoreThanItsSecond) {
  RecentClaims claims;
  for (int i = 0; i < 1000; ++i) claims.Add(kBegin);
  EXPECT_EQ(claims.PerSecond(kBegin), 1000.0);
}

}  // namespace
}  // namespace baton::engine
