// When a cron expression is due.
#include <algorithm>

#include "broker/engine/schedules/cron.h"

namespace baton::engine {
namespace {

constexpr int kDaySeconds = 24 * 60 * 60;
constexpr int kHorizonYears = 10;  // Between two 29ths of February lie eight years at most.

absl::CivilSecond At(absl::CivilDay day, int time_of_day) { return absl::CivilSecond(day) + time_of_day; }

// Bits of `set` from `from` on; -1: none.
int FirstFrom(uint64_t set, int from) {
  if (from > 63) return -1;
  const uint64_t rest = set >> from << from;
  return rest == 0 ? -1 : __builtin_ctzll(rest);
}

// A stretch of time without a change of the clocks, and the change that began it.
struct Stretch {
  absl::Time begin = absl::InfinitePast(), end = absl::InfiniteFuture();
  // What the clocks showed before and after the change.
  absl::CivilSecond from, to;
};

Stretch StretchAt(absl::Time time, const absl::TimeZone& zone) {
  Stretch stretch;
  absl::TimeZone::CivilTransition change;
  // It may be at `time` itself.
  if (zone.PrevTransition(time + absl::Seconds(1), &change)) {
    stretch.from = change.from;
    stretch.to = change.to;
    stretch.begin = zone.At(change.to).trans;
  }
  if (zone.NextTransition(time, &change)) stretch.end = zone.At(change.to).trans;
  return stretch;
}

}  // namespace

std::optional<WallMicros> CronExpression::Next(WallMicros after, const absl::TimeZone& zone) const {
  const bool every_hour = CoversAll(kHours);
  absl::Time time = absl::FromUnixSeconds((after >= 0 ? after : after - kSecond + 1) / kSecond + 1);
  const absl::CivilSecond last = absl::ToCivilSecond(time, zone) + int64_t{kHorizonYears} * 366 * kDaySeconds;
  while (absl::ToCivilSecond(time, zone) < last) {
    const Stretch stretch = StretchAt(time, zone);
    absl::CivilSecond from = absl::ToCivilSecond(time, zone);
    const absl::CivilSecond end =
        stretch.end == absl::InfiniteFuture() ? last : from + (absl::ToInt64Seconds(stretch.end - time));
    absl::Time found = absl::InfiniteFuture();
    if (!every_hour && stretch.to > stretch.from) {
      // What was skipped when the stretch began is due as long after that as it would have been.
      const int64_t into = absl::ToInt64Seconds(time - stretch.begin);
      const auto skipped = NextCivil(stretch.from + std::min<int64_t>(into, kDaySeconds), stretch.to);
      if (skipped.has_value()) found = stretch.begin + absl::Seconds(*skipped - stretch.from);
    } else if (!every_hour && stretch.to < stretch.from) {
      // What comes for the second time was due before.
      from = std::max(from, stretch.from);
    }
    const auto fits = NextCivil(from, std::min(end, last));
    if (fits.has_value()) found = std::min(found, time + absl::Seconds(*fits - absl::ToCivilSecond(time, zone)));
    if (found < stretch.end) return absl::ToUnixMicros(found);
    if (stretch.end == absl::InfiniteFuture()) return std::nullopt;
    time = stretch.end;
  }
  return std::nullopt;
}

std::optional<absl::CivilSecond> CronExpression::NextCivil(absl::CivilSecond from, absl::CivilSecond end) const {
  absl::CivilDay day(from);
  int time_of_day = static_cast<int>(from - absl::CivilSecond(day));
  while (absl::CivilSecond(day) < end) {
    if (!Has(kMonths, day.month())) {
      day = absl::CivilDay(absl::CivilMonth(day) + 1);
      time_of_day = 0;
      continue;
    }
    const std::optional<int> fits = DayFits(day) ? TimeOfDay(time_of_day) : std::nullopt;
    if (fits.has_value()) {
      if (At(day, *fits) >= end) return std::nullopt;
      return At(day, *fits);
    }
    ++day;
    time_of_day = 0;
  }
  return std::nullopt;
}

bool CronExpression::DayFits(absl::CivilDay day) const {
  const absl::CivilMonth month(day);
  // Monday is absl's first.
  const int weekday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;
  const bool last_of_month = absl::CivilMonth(day + 1) != month;
  const bool last_week = absl::CivilMonth(day + 7) != month;
  const bool by_day = Has(kDays, day.day()) || (last_day_ && last_of_month);
  const bool by_weekday = Has(kWeekdays, weekday) || (last_week && (last_weekdays_ >> weekday & 1) != 0);
  if (CoversAll(kWeekdays)) return by_day;
  return CoversAll(kDays) ? by_weekday : by_day || by_weekday;
}

std::optional<int> CronExpression::TimeOfDay(int from) const {
  const int from_hour = from / 3600;
  const int from_minute = from / 60 % 60;
  for (int hour = FirstFrom(sets_[kHours], from_hour); hour >= 0; hour = FirstFrom(sets_[kHours], hour + 1)) {
    const bool first_hour = hour == from_hour;
    int minute = FirstFrom(sets_[kMinutes], first_hour ? from_minute : 0);
    for (; minute >= 0; minute = FirstFrom(sets_[kMinutes], minute + 1)) {
      const bool first_minute = first_hour && minute == from_minute;
      const int second = FirstFrom(sets_[kSeconds], first_minute ? from % 60 : 0);
      if (second >= 0) return hour * 3600 + minute * 60 + second;
    }
  }
  return std::nullopt;
}

}  // namespace baton::engine
