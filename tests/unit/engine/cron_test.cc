// Cron expressions: what they accept, what they refuse and with which words, and when they are due.
#include "broker/engine/schedules/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_join.h"

namespace baton::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::TimeZone Zone(const std::string& name) { return FindTimeZone(name).value(); }

WallMicros Instant(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return absl::ToUnixMicros(time);
}

// The next `count` instants, as the clocks of the zone show them, with the offset.
std::vector<std::string> Due(const std::string& expression, const std::string& after, int count,
                             const std::string& zone_name = "UTC") {
  const absl::TimeZone zone = Zone(zone_name);
  const absl::StatusOr<CronExpression> cron = CronExpression::Parse(expression);
  EXPECT_TRUE(cron.ok()) << expression << ": " << cron.status();
  std::vector<std::string> due;
  std::optional<WallMicros> at = Instant(after);
  while (cron.ok() && count-- > 0) {
    at = cron->Next(*at, zone);
    if (!at.has_value()) break;
    const std::string format = zone_name == "UTC" ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M %Ez";
    due.push_back(absl::FormatTime(format, absl::FromUnixMicros(*at), zone));
  }
  return due;
}

struct Case {
  const char* expression;
  const char* expected;
};

class GoodCronTest : public ::testing::TestWithParam<Case> {};

TEST_P(GoodCronTest, IsDueWhenItSays) {  // B129, B130, B131, B132, B133, S19, S20
  // A Wednesday.
  EXPECT_EQ(absl::StrJoin(Due(GetParam().expression, "2026-07-15T10:20:00Z", 3), ", "), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, GoodCronTest,
    ::testing::Values(
        Case{"* * * * *", "2026-07-15 10:21:00, 2026-07-15 10:22:00, 2026-07-15 10:23:00"},
        Case{"* * * * * *", "2026-07-15 10:20:01, 2026-07-15 10:20:02, 2026-07-15 10:20:03"},
        // Strictly later: at 10:20 sharp the next one is tomorrow's.
        Case{"20 10 * * *", "2026-07-16 10:20:00, 2026-07-17 10:20:00, 2026-07-18 10:20:00"},
        Case{"*/15 * * * *", "2026-07-15 10:30:00, 2026-07-15 10:45:00, 2026-07-15 11:00:00"},
        Case{"*/25 * * * *", "2026-07-15 10:25:00, 2026-07-15 10:50:00, 2026-07-15 11:00:00"},
        Case{"50/5 * * * *", "2026-07-15 10:50:00, 2026-07-15 10:55:00, 2026-07-15 11:50:00"},
        Case{"*/99 * * * *", "2026-07-15 11:00:00, 2026-07-15 12:00:00, 2026-07-15 13:00:00"},
        Case{"10-20/5,40 22 * * *", "2026-07-15 22:10:00, 2026-07-15 22:15:00, 2026-07-15 22:20:00"},
        Case{"  15\t6   *  * * ", "2026-07-16 06:15:00, 2026-07-17 06:15:00, 2026-07-18 06:15:00"},
        Case{"30 0 0 1 * *", "2026-08-01 00:00:30, 2026-09-01 00:00:30, 2026-10-01 00:00:30"},
        Case{"0 0 1 jan,Jul *", "2027-01-01 00:00:00, 2027-07-01 00:00:00, 2028-01-01 00:00:00"},
        Case{"0 9 * * mon-FRI", "2026-07-16 09:00:00, 2026-07-17 09:00:00, 2026-07-20 09:00:00"},
        Case{"0 9 * * 0", "2026-07-19 09:00:00, 2026-07-26 09:00:00, 2026-08-02 09:00:00"},
        Case{"0 9 * * 7", "2026-07-19 09:00:00, 2026-07-26 09:00:00, 2026-08-02 09:00:00"},
        Case{"0 9 * * sat-sun", "2026-07-18 09:00:00, 2026-07-19 09:00:00, 2026-07-25 09:00:00"},
        Case{"0 9 * * 5/2", "2026-07-17 09:00:00, 2026-07-24 09:00:00, 2026-07-31 09:00:00"},
        Case{"0 0 31 * *", "2026-07-31 00:00:00, 2026-08-31 00:00:00, 2026-10-31 00:00:00"},
        Case{"0 0 L * *", "2026-07-31 00:00:00, 2026-08-31 00:00:00, 2026-09-30 00:00:00"},
        Case{"0 0 15,l 2 *", "2027-02-15 00:00:00, 2027-02-28 00:00:00, 2028-02-15 00:00:00"},
        Case{"0 0 29 2 *", "2028-02-29 00:00:00, 2032-02-29 00:00:00, 2036-02-29 00:00:00"},
        Case{"0 0 * * 5L", "2026-07-31 00:00:00, 2026-08-28 00:00:00, 2026-09-25 00:00:00"},
        Case{"0 0 * * friL,1l", "2026-07-27 00:00:00, 2026-07-31 00:00:00, 2026-08-28 00:00:00"},
        // Both day fields: either will do. One that covers its range counts for nothing.
        Case{"0 0 17 * 1", "2026-07-17 00:00:00, 2026-07-20 00:00:00, 2026-07-27 00:00:00"},
        Case{"0 0 1-31 * 1", "2026-07-20 00:00:00, 2026-07-27 00:00:00, 2026-08-03 00:00:00"},
        Case{"0 0 17 * 0-6", "2026-07-17 00:00:00, 2026-08-17 00:00:00, 2026-09-17 00:00:00"},
        Case{"0 0 31 2 3", "2027-02-03 00:00:00, 2027-02-10 00:00:00, 2027-02-17 00:00:00"},
        Case{"@hourly", "2026-07-15 11:00:00, 2026-07-15 12:00:00, 2026-07-15 13:00:00"},
        Case{"@Daily", "2026-07-16 00:00:00, 2026-07-17 00:00:00, 2026-07-18 00:00:00"},
        Case{"@midnight", "2026-07-16 00:00:00, 2026-07-17 00:00:00, 2026-07-18 00:00:00"},
        Case{"@weekly", "2026-07-19 00:00:00, 2026-07-26 00:00:00, 2026-08-02 00:00:00"},
        Case{"@monthly", "2026-08-01 00:00:00, 2026-09-01 00:00:00, 2026-10-01 00:00:00"},
        Case{"@yearly", "2027-01-01 00:00:00, 2028-01-01 00:00:00, 2029-01-01 00:00:00"},
        Case{"@annually", "2027-01-01 00:00:00, 2028-01-01 00:00:00, 2029-01-01 00:00:00"}));

class BadCronTest : public ::testing::TestWithParam<Case> {};

TEST_P(BadCronTest, IsRefusedInWordsThatHelp) {  // B31, B60, B61, B129, B130, B131, S19
  const absl::StatusOr<CronExpression> cron = CronExpression::Parse(GetParam().expression);
  ASSERT_FALSE(cron.ok()) << GetParam().expression;
  EXPECT_THAT(std::string(cron.status().message()), HasSubstr(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BadCronTest,
    ::testing::Values(
        Case{"", "it has 0 fields: write five"}, Case{"invalid", "it has 1 fields"}, Case{"5", "it has 1 fields"},
        Case{"* * * *", "it has 4 fields"}, Case{"* * * * * * *", "it has 7 fields"},
        Case{"60 * * * *", "the minute 60 is outside 0 to 59"}, Case{"* 24 * * *", "the hour 24 is outside 0 to 23"},
        Case{"* * 0 * *", "the day of month 0 is outside 1 to 31"},
        Case{"* * 32 * *", "the day of month 32 is outside 1 to 31"},
        Case{"* * * 13 *", "the month 13 is outside 1 to 12"},
        Case{"* * * * 8", "the day of week 8 is outside 0 to 7"},
        Case{"60 * * * * *", "the second 60 is outside 0 to 59"},
        Case{"-1 * * * *", "the minute '' is not a number"}, Case{"1.5 * * * *", "the minute '1.5' is not a number"},
        Case{"* * * * ?", "'?' is not supported"},
        Case{"* * * * 5#2", "'#' is not supported in '5#2': name the days"},
        Case{"* * * ANF *", "'ANF' is not a number or a three-letter"},
        Case{"MON * * * *", "the minute 'MON' is not a number"},
        Case{"1,,2 * * * *", "the minute '1,,2' has an empty place"}, Case{", * * * *", "has an empty place"},
        Case{"20-10 * * * *", "the minute '20-10' ends before it begins: write two ranges"},
        Case{"1-2-3 * * * *", "'2-3' is not a number"}, Case{"*/0 * * * *", "needs a step of at least 1"},
        Case{"*/ * * * *", "needs a step of at least 1"}, Case{"*/-2 * * * *", "needs a step of at least 1"},
        Case{"*/2/3 * * * *", "has more than one step"}, Case{"/5 * * * *", "the minute '' is not a number"},
        Case{"* * ? * *", "'?' is not supported in '?': write * for any day"},
        Case{"* * * * ?", "'?' is not supported"}, Case{"* * * * 5#2", "'#' is not supported in '5#2': name the days"},
        Case{"* * 15W * *", "'W' is not supported in the day of month '15W'"},
        Case{"* * LW * *", "'W' is not supported"}, Case{"* * W * *", "'W' is not supported"},
        Case{"* * * * L", "the day of week 'L' does not say which: write 5L or FRIL"},
        Case{"* * * * 8L", "the day of week 8 is outside"}, Case{"L * * * *", "the minute 'L' is not a number"},
        Case{"* * L-3 * *", "the day of month 'L' is not a number"},
        Case{"0 0 31 4,6 *", "'0 0 31 4,6 *' is never due"}, Case{"0 0 30 FEB *", "is never due"},
        Case{"0 0 30 2 *,5L", "is never due"},
        Case{"@reboot", "'@reboot' is not known: there are @yearly"}, Case{"@", "'@' is not known"}));

TEST(CronTest, TextThatIsFarTooLongIsRefusedUnread) {
  EXPECT_THAT(std::string(CronExpression::Parse(std::string(300, '*')).status().message()),
              HasSubstr("it has 300 bytes, at most 256"));
}

TEST(CronTest, FractionsOfASecondAndTimesBefore1970AreNoTrouble) {
  const CronExpression cron = CronExpression::Parse("* * * * * *").value();
  EXPECT_EQ(cron.Next(Instant("2026-01-01T00:00:00.5Z"), Zone("UTC")), Instant("2026-01-01T00:00:01Z"));
  EXPECT_EQ(cron.Next(-1, Zone("UTC")), 0);
  EXPECT_EQ(cron.Next(-kSecond - 1, Zone("UTC")), -kSecond);
  EXPECT_EQ(cron.Next(-kSecond, Zone("UTC")), 0);
}

TEST(CronTest, EightYearsLieBetweenLeapDaysOverACenturyThatHasNone) {
  EXPECT_THAT(Due("0 0 29 2 *", "2096-02-29T00:00:00Z", 1), ElementsAre("2104-02-29 00:00:00"));
}

// ── Daylight saving: New York on 8 March and 1 November 2026 ──

TEST(CronZoneTest, TimeThatIsSkippedInSpringIsDueOnceAnHourLater) {  // B134
  EXPECT_THAT(Due("30 2 * * *", "2026-03-07T05:00:00Z", 3, "America/New_York"),
              ElementsAre("2026-03-07 02:30 -05:00", "2026-03-08 03:30 -04:00", "2026-03-09 02:30 -04:00"));
  // From within the hour that follows, too.
  EXPECT_THAT(Due("30,50 2 * * *", "2026-03-08T07:35:00Z", 2, "America/New_York"),
              ElementsAre("2026-03-08 03:50 -04:00", "2026-03-09 02:30 -04:00"));
}

TEST(CronZoneTest, WhatIsMovedIntoAnHourThatFitsTooIsDueOnce) {
  EXPECT_THAT(Due("0,30 2-3 * * *", "2026-03-08T06:00:00Z", 3, "America/New_York"),
              ElementsAre("2026-03-08 03:00 -04:00", "2026-03-08 03:30 -04:00", "2026-03-09 02:00 -04:00"));
  EXPECT_THAT(Due("45 2 * * *", "2026-03-08T06:00:00Z", 1, "America/New_York"),
              ElementsAre("2026-03-08 03:45 -04:00"));
  EXPECT_THAT(Due("45 2,4 * * *", "2026-03-08T06:00:00Z", 2, "America/New_York"),
              ElementsAre("2026-03-08 03:45 -04:00", "2026-03-08 04:45 -04:00"));
}

TEST(CronZoneTest, TimeThatComesTwiceInAutumnIsDueTheFirstTime) {  // B134
  EXPECT_THAT(Due("30 1 * * *", "2026-10-31T12:00:00Z", 3, "America/New_York"),
              ElementsAre("2026-11-01 01:30 -04:00", "2026-11-02 01:30 -05:00", "2026-11-03 01:30 -05:00"));
  // Asked for in the second of the two hours.
  EXPECT_THAT(Due("30 1 * * *", "2026-11-01T06:10:00Z", 1, "America/New_York"),
              ElementsAre("2026-11-02 01:30 -05:00"));
}

TEST(CronZoneTest, EveryHourMeansEveryHourThatPasses) {  // B134
  EXPECT_THAT(Due("30 * * * *", "2026-11-01T04:45:00Z", 3, "America/New_York"),
              ElementsAre("2026-11-01 01:30 -04:00", "2026-11-01 01:30 -05:00", "2026-11-01 02:30 -05:00"));
  EXPECT_THAT(Due("30 * * * *", "2026-03-08T05:45:00Z", 3, "America/New_York"),
              ElementsAre("2026-03-08 01:30 -05:00", "2026-03-08 03:30 -04:00", "2026-03-08 04:30 -04:00"));
}

TEST(CronZoneTest, ClocksThatMoveByHalfAnHourAndDaysThatNeverWereAreNoTrouble) {
  // Lord Howe, 4 October 2026: 02:00 becomes 02:30.
  EXPECT_THAT(Due("10 2 * * *", "2026-10-03T12:00:00Z", 2, "Australia/Lord_Howe"),
              ElementsAre("2026-10-04 02:40 +11:00", "2026-10-05 02:10 +11:00"));
  // Samoa left out 30 December 2011.
  EXPECT_THAT(Due("0 12 * * *", "2011-12-29T12:00:00Z", 3, "Pacific/Apia"),
              ElementsAre("2011-12-29 12:00 -10:00", "2011-12-31 12:00 +14:00", "2012-01-01 12:00 +14:00"));
}

// Whatever the zone and the expression: each instant is later than the one before, and asking again from any moment
// between two gives the second.
TEST(CronZoneTest, NextIsTheSameFromEveryMomentBefore) {  // B133
  for (const char* zone : {"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"}) {
    for (const char* text : {"*/20 1-3 * * *", "7 * * * *", "0 2 * * *", "59 59 23 * * *", "30 1,2 * * SUN"}) {
      const CronExpression cron = CronExpression::Parse(text).value();
      std::vector<WallMicros> due;
      const WallMicros end = Instant("2027-01-02T00:00:00Z");
      WallMicros at = Instant("2026-01-01T00:00:00Z");
      while (at < end) {
        const std::optional<WallMicros> next = cron.Next(at, Zone(zone));
        ASSERT_TRUE(next.has_value() && *next > at) << zone << " " << text;
        // A few moments on the way there.
        for (const WallMicros moment : {at + 1, (at + *next) / 2, *next - kSecond, *next - 1}) {
          if (moment < at) continue;
          ASSERT_EQ(cron.Next(moment, Zone(zone)), next) << zone << " " << text << " after " << moment;
        }
        at = *next;
      }
    }
  }
}

TEST(CronZoneTest, OnlyNamesOfTheDatabaseAreZones) {
  for (const char* good : {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"}) {
    EXPECT_TRUE(FindTimeZone(good).ok()) << good;
  }
  for (const char* bad :
       {"", "Mars/Olympus", "/etc/localtime", "../../etc/passwd", "localtime", "Europe/Berlin ", "\n"}) {
    EXPECT_FALSE(FindTimeZone(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace baton::engine::testing
