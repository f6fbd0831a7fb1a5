// The schedules of a partition, and which of them is due next.
#ifndef BATON_BROKER_ENGINE_SCHEDULES_SCHEDULE_BOOK_H_
#define BATON_BROKER_ENGINE_SCHEDULES_SCHEDULE_BOOK_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/options.h"
#include "broker/engine/schedules/cron.h"
#include "broker/engine/trace_context.h"

namespace baton::engine {

// An instant this old is over for a schedule that makes up for nothing. Starting a broker, or a moment of overload,
// takes less.
inline constexpr Micros kInstantOver = kMinute;

// Stays in memory with all it creates tasks from, so that nothing has to be read when it is due.
struct Schedule {
  std::string name;
  records::v1::ScheduleRow row;
  records::v1::ScheduleStateRow state;
  // Made from the row.
  CronExpression cron;
  absl::TimeZone zone;
  std::shared_ptr<const Options> options;     // Of its tasks; null: none are set.
  std::shared_ptr<const TraceContext> trace;  // And their trace context; null: none.
  uint32_t tag_hash = 0;
  bool has_state = false;  // Recovery: it was stored.

  // What it occupies, for the limit; an estimate.
  size_t bytes() const { return name.size() + row.task_row().size() + 512; }
  bool paused() const { return state.has_pause(); }
};

// Fills in what is made from the row. Error: a sentence; then it cannot tell when it is due, and, if its task is not
// readable, cannot fire at all.
absl::Status Prepare(Schedule* schedule);

// When it fires after `instant`, within its limits, if instants up to `now` are over; 0: never. Counts late firings.
WallMicros NextFiring(Schedule& schedule, WallMicros instant, WallMicros now);

// Not thread-safe. References stay good until their schedule is removed.
class ScheduleBook {
 public:
  // Null: there is none.
  Schedule* Find(absl::string_view name);
  Schedule* Find(uint64_t number);
  // Takes the place of one of the same number.
  Schedule& Put(std::unique_ptr<Schedule> schedule);
  void Remove(Schedule& schedule);

  // After its next instant, or its pause, has changed.
  void Arm(Schedule& schedule);
  // The first one that is due; null: none.
  Schedule* FirstDue(WallMicros now);
  // When the next one is due.
  WallMicros next_due() const {
    return armed_.empty() ? std::numeric_limits<WallMicros>::max() : armed_.begin()->first;
  }

  // For the instant that its state names.
  bool IsArmed(const Schedule& schedule) const {
    return armed_.contains({schedule.state.next_us(), schedule.row.number()});
  }
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (const auto& [number, entry] : by_number_) visit(*entry.schedule);
  }
  size_t count() const { return by_number_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::unique_ptr<Schedule> schedule;
    WallMicros armed = 0;  // 0: not.
  };
  void Disarm(uint64_t number, Entry& entry);

  absl::flat_hash_map<uint64_t, Entry> by_number_;
  absl::flat_hash_map<std::string, uint64_t> by_name_;
  absl::btree_set<std::pair<WallMicros, uint64_t>> armed_;
  size_t bytes_ = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_SCHEDULES_SCHEDULE_BOOK_H_
