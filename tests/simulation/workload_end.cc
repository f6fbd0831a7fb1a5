// How a simulation ends: everything heals, all tasks must end, and what is not to be kept must go.
#include <algorithm>

#include "tests/simulation/violation.h"
#include "tests/simulation/workload.h"

namespace baton::simulation {
namespace {

constexpr Micros kPatience = 3 * kHour;

}  // namespace

void Workload::Heal() {
  healing_ = true;
  coverage_->Count("healed");
  network_.StopFailing();
  broker_.StopFailing();
  timeline_.SetWall(10 * kHour);  // Later than it ever was: what had become due far ahead is due.
  const Micros deadline = timeline_.now() + kPatience;
  for (const auto& worker : workers_) worker->Behave();
  while (!Settled()) {
    REQUIRE(timeline_.now() < deadline, "it never ends: ",
            broker_.auditor().model().live.empty()
                ? "workers are not idle"
                : Describe(broker_.auditor().model().At(*broker_.auditor().model().live.begin())));
    if (!broker_.up()) broker_.Start();
    for (const auto& worker : workers_) {
      if (!worker->alive()) worker->Start();
      worker->Change([](WorkerHabits& habits) {
        habits.types = {"work", "parent", "rare", "unknown"};
        habits.capabilities = {"GPU"};
        habits.slots = 4;
      });
    }
    for (const TaskId id : broker_.auditor().model().live) {
      const ModelTask& task = broker_.auditor().model().At(id);
      if (task.state == LiveState::SUSPENDED) Resume(id);
      if (task.paused) Mark(id, false, false);
    }
    for (const auto& [name, schedule] : broker_.auditor().model().schedules) {
      ChangeSchedule(name, engine::ChangeScheduleCommand::Verb::kDelete);
    }
    for (const std::string& type : broker_.auditor().model().paused_types) PauseType(type, false);
    const Micros next = timeline_.now() + 5 * kSecond;
    while (timeline_.now() < next) timeline_.Step();
  }
  broker_.CheckEverything();
  broker_.Kill();
  broker_.Start();
  if (LongestAge() > 0) ExpireEverything();
}

Micros Workload::LongestAge() const {
  const engine::RetentionAges ages = AgesOf(broker_.settings());
  return std::max({ages.completed, ages.failed, ages.cancelled});
}

// Time goes by, and what has ended is removed, to the last row; but for what is kept for ever.
void Workload::ExpireEverything() {
  const Micros deadline = timeline_.now() + LongestAge() + kMinute;
  while (!broker_.auditor().nothing_to_remove() || !broker_.idle()) {
    REQUIRE(timeline_.now() < deadline, "something is kept for ever");
    timeline_.Step();
  }
  broker_.CheckEverything();
  coverage_->Count(broker_.auditor().everything_removed() ? "everything removed in the end"
                                                          : "what is kept for ever is left in the end");
}

bool Workload::Settled() const {
  const Model& model = broker_.auditor().model();
  if (!broker_.idle() || !model.live.empty() || !model.schedules.empty()) return false;
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->idle(); });
}

}  // namespace baton::simulation
