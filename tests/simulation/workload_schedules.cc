// What operators do to schedules.
#include "absl/strings/str_cat.h"
#include "tests/simulation/violation.h"
#include "tests/simulation/workload.h"

namespace baton::simulation {

using records::v1::ScheduleRow;
using Verb = engine::ChangeScheduleCommand::Verb;

void Workload::Schedule() {
  if (!schedules_ || !broker_.up()) return;
  const std::string name = absl::StrCat("schedule ", random_.Below(4));
  if (random_.Chance(450)) return CreateSchedule(name);
  const uint64_t draw = random_.Below(100);
  ChangeSchedule(name, draw < 20   ? Verb::kPause
                       : draw < 55 ? Verb::kUnpause
                       : draw < 85 ? Verb::kTrigger
                                   : Verb::kDelete);
}

void Workload::CreateSchedule(const std::string& name) {
  static constexpr const char* kCrons[] = {"*/2 * * * * *", "*/7 * * * * *", "0,5 * * * * *", "* * * * *",
                                           "*/20 * * * *"};
  static constexpr const char* kZones[] = {"UTC", "America/New_York"};
  engine::Schedule schedule;
  schedule.name = name;
  ScheduleRow& row = schedule.row;
  row.set_cron(kCrons[random_.Below(5)]);
  row.set_time_zone(kZones[random_.Below(2)]);
  if (random_.Chance(400)) row.set_overlap(ScheduleRow::ALLOW);
  if (random_.Chance(300)) row.set_catch_up(ScheduleRow::NONE);
  if (row.overlap() == ScheduleRow::ALLOW && random_.Chance(500)) {
    row.set_catch_up(ScheduleRow::ALL);
    row.set_catch_up_limit(static_cast<uint32_t>(random_.Between(1, 5)));
  }
  row.set_keep_going(random_.Chance(300));
  if (random_.Chance(200)) row.set_max_firings(static_cast<uint64_t>(random_.Between(1, 5)));
  if (random_.Chance(100)) row.set_end_us(timeline_.Read().wall + random_.Between(-kSecond, kMinute));
  engine::testing::TaskSpec spec = DrawSpec();
  spec.unique_key = "";
  engine::NewTask task = engine::testing::MakeTask(spec, *broker_.Snapshot());
  row.set_type(task.type);
  row.set_task_row(task.row);
  row.set_definition_hash(row.SerializeAsString());
  REQUIRE(Prepare(&schedule).ok(), "a bad schedule was drawn");
  schedules_made_.push_back(schedule);
  // The same once more, now and then.
  if (random_.Chance(200)) schedule = schedules_made_[random_.Below(schedules_made_.size())];
  network_.Call<engine::CreateScheduleCommand>(
      [schedule, replace = random_.Chance(300)](engine::CreateScheduleCommand* command) {
        command->actor = "operator";
        command->schedule = std::make_unique<engine::Schedule>(schedule);
        command->replace = replace;
      },
      [](const engine::CreateScheduleCommand*) {});
}

void Workload::ChangeSchedule(const std::string& name, Verb verb) {
  network_.Call<engine::ChangeScheduleCommand>(
      [name, verb](engine::ChangeScheduleCommand* command) {
        command->actor = "operator";
        command->name = name;
        command->verb = verb;
        command->reason = "reason";
      },
      [](const engine::ChangeScheduleCommand*) {});
}

}  // namespace baton::simulation
