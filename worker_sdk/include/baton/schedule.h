// Tasks that the broker creates again and again.
#ifndef BATON_SCHEDULE_H_
#define BATON_SCHEDULE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "baton/task_options.h"

namespace baton::inline sdk {

// What happens at an instant when the task of the last firing has not ended.
enum class OverlapPolicy {
  // Nothing is created; the instant is counted as skipped.
  kSkip,
  // Another task is created.
  kAllow,
};

// What happens to instants that went by unused, because the broker was down.
enum class CatchUpPolicy {
  // One late firing for all of them.
  kOne,
  // None that is more than a minute old.
  kNone,
  // Every one, the oldest first, up to `catch_up_limit`. Needs OverlapPolicy::kAllow.
  kAll,
};

//   ScheduleDefinition{.name = "nightly-report", .cron = "30 2 * * *", .time_zone = "Europe/Berlin",
//                      .task = {.type = "report"}}
struct ScheduleDefinition {
  // Required. 1 ... 128 bytes of [A-Za-z0-9_.:/-].
  std::string name = {};
  // Required. Minute hour day-of-month month day-of-week, with the second in front if there are six; or @yearly,
  // @monthly, @weekly, @daily, @hourly. Fields have *, lists, ranges and steps; L is the last day of the month, FRIL
  // its last Friday. ?, W and # are refused.
  std::string cron = {};
  // Name in the time zone database; empty: UTC. A time of day that is skipped when clocks are set forward is due an
  // hour later; one that comes twice is due the first time.
  std::string time_zone = {};
  // Required. Each firing creates this task; it must not have delay, run_at or unique_key.
  NewTask task = {};
  OverlapPolicy overlap = OverlapPolicy::kSkip;
  CatchUpPolicy catch_up = CatchUpPolicy::kOne;
  // kAll only. 1 ... 1000; default 100.
  std::optional<int> catch_up_limit = {};
  // Goes on when one of its tasks has failed for good; otherwise it pauses then.
  bool keep_going = false;
  // Ends after so many firings; 0: never.
  uint64_t max_firings = 0;
  // Ends at this time.
  std::optional<absl::Time> end_at = {};
};

// A schedule that was created.
struct CreatedSchedule {
  // It was there already, defined the same way.
  bool existing = false;
  // When it fires next; absl::InfiniteFuture(): it is paused, or has ended.
  absl::Time next_at = absl::InfiniteFuture();
};

}  // namespace baton::inline sdk

#endif  // BATON_SCHEDULE_H_
