// Cron expressions: at which instants something is due. Pure: no clock, no state.
#ifndef BATON_BROKER_ENGINE_SCHEDULES_CRON_H_
#define BATON_BROKER_ENGINE_SCHEDULES_CRON_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "broker/base/clock.h"

namespace baton::engine {

// Five fields, minute hour day-of-month month day-of-week, or six, with the second in front; separated by blanks.
//
//   *         every value               1-5   a range, both ends included
//   1,15,L    a list                    1-5/2, */15, 10/15   every so many, from the first (10/15: from 10 on)
//   L         day of month: the last    5L, FRIL   day of week: the last one of the month
//
// Months and days of the week may be named by three letters in any case; Sunday is 0 and 7. @yearly (@annually),
// @monthly, @weekly, @daily (@midnight) and @hourly stand for the usual expressions.
//
// If both day fields are restricted, a day that fits either will do, as with cron since ever; one that covers its whole
// range is no restriction.
class CronExpression {
 public:
  // Error: a sentence that names the field, what is wrong with it and what would be right. Refused too is what can
  // never be due, such as the 30th of February.
  static absl::StatusOr<CronExpression> Parse(absl::string_view text);

  // The first instant after `after`; none if there is none in the ten years that follow.
  //
  // Where clocks are set forward, a time of day that is skipped is due as long after the change as it would have been
  // after it without (02:30 becomes 03:30). Where they are set back, a time of day that comes twice is due the first
  // time. Both do not apply if every hour fits: then it is due in every hour that passes.
  std::optional<WallMicros> Next(WallMicros after, const absl::TimeZone& zone) const;

 private:
  enum FieldIndex : int { kSeconds, kMinutes, kHours, kDays, kMonths, kWeekdays, kFieldCount };
  struct Field;
  static const Field kFields[kFieldCount];

  absl::Status ParseField(int index, absl::string_view text);
  absl::Status ParseItem(int index, absl::string_view text);
  absl::Status CheckSatisfiable(absl::string_view text) const;
  bool DayFits(absl::CivilDay day) const;
  // First time of the day that fits, in seconds, not before `from`.
  std::optional<int> TimeOfDay(int from) const;
  // First time that fits, not before `from`, before `end`.
  std::optional<absl::CivilSecond> NextCivil(absl::CivilSecond from, absl::CivilSecond end) const;

  bool Has(int index, int value) const { return (sets_[index] >> value & 1) != 0; }
  bool CoversAll(int index) const;

  // A bit for each value that fits.
  uint64_t sets_[kFieldCount] = {};
  bool last_day_ = false;
  uint8_t last_weekdays_ = 0;  // A bit for each day of the week of which the last one of the month fits.
};

// A zone of the time zone database, such as Europe/Berlin, or UTC. Error: a sentence.
absl::StatusOr<absl::TimeZone> FindTimeZone(absl::string_view name);

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_SCHEDULES_CRON_H_
