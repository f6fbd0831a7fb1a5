// Schedules as tests make them.
#ifndef BATON_TESTS_UNIT_ENGINE_SCHEDULES_FIXTURE_H_
#define BATON_TESTS_UNIT_ENGINE_SCHEDULES_FIXTURE_H_

#include <memory>
#include <string>

#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {

using records::v1::ScheduleRow;
using records::v1::ScheduleStateRow;

struct ScheduleSpec {
  std::string name = "report";
  std::string cron = "* * * * *";
  std::string zone = "UTC";
  ScheduleRow::Overlap overlap = ScheduleRow::SKIP;
  ScheduleRow::CatchUp catch_up = ScheduleRow::ONE;
  uint32_t catch_up_limit = 0;
  bool keep_going = false;
  uint64_t max_firings = 0;
  WallMicros end = 0;
  std::string payload = "monthly";
  Options options = {};
  bool replace = false;
  std::string trace = "";
};

class SchedulesTest : public ::testing::Test {
 protected:
  using Verb = ChangeScheduleCommand::Verb;

  Reply<CreateScheduleCommand> Create(const ScheduleSpec& spec) {
    auto command = std::make_unique<Tracked<CreateScheduleCommand>>();
    auto schedule = std::make_unique<Schedule>();
    schedule->name = spec.name;
    ScheduleRow& row = schedule->row;
    row.set_cron(spec.cron);
    row.set_time_zone(spec.zone);
    row.set_overlap(spec.overlap);
    row.set_catch_up(spec.catch_up);
    row.set_catch_up_limit(spec.catch_up_limit);
    row.set_keep_going(spec.keep_going);
    row.set_max_firings(spec.max_firings);
    row.set_end_us(spec.end);
    row.set_type("work");
    NewTask task = MakeTask({.payload = spec.payload, .tag = "nightly", .options = spec.options, .trace = spec.trace},
                            harness_.store());
    row.set_task_row(task.row);
    row.set_definition_hash(row.SerializeAsString());
    EXPECT_TRUE(Prepare(schedule.get()).ok());
    command->schedule = std::move(schedule);
    command->replace = spec.replace;
    command->actor = "local";
    return harness_.Call(std::move(command));
  }
  Reply<ChangeScheduleCommand> Change(Verb verb, const std::string& name = "report") {
    auto command = std::make_unique<Tracked<ChangeScheduleCommand>>();
    command->verb = verb;
    command->name = name;
    command->reason = "holidays";
    command->actor = "local";
    return harness_.Call(std::move(command));
  }
  ScheduleStateRow State(const std::string& name = "report") {
    ScheduleStateRow state;
    std::string value;
    EXPECT_TRUE(harness_.store().Get(storage::Family::kMeta, ScheduleStateMetaKey(name), &value).ok());
    EXPECT_TRUE(state.ParseFromString(value));
    return state;
  }
  size_t tasks() const { return harness_.next_id() - 1; }
  // The harness starts 20 s after a full minute.
  static constexpr WallMicros kFirstMinute = kStart + 40 * kSecond;

  EngineHarness harness_;
};

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_SCHEDULES_FIXTURE_H_
