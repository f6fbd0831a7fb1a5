// Metrics of tasks and attempts, by type.
#ifndef BATON_BROKER_SERVER_METRICS_TASK_FAMILIES_H_
#define BATON_BROKER_SERVER_METRICS_TASK_FAMILIES_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "broker/base/clock.h"
#include "broker/engine/attempt_ends.h"
#include "broker/engine/live/activity.h"
#include "broker/engine/live/view.h"
#include "broker/engine/routing.h"
#include "broker/server/metrics/families.h"
#include "broker/server/metrics/type_labels.h"
#include "broker/service/read/oldest_tasks.h"

namespace baton::server {

// Durations of all classes of a type.
struct Spread {
  std::array<uint64_t, engine::DurationTotals::kBuckets + 1> counts{};
  // In microseconds.
  double sum = 0;
};

// All that is told of one type.
struct TypeFacts {
  engine::StateCounts counts{};
  uint64_t unservable = 0;
  std::array<uint64_t, engine::kHappenings> happenings{};
  engine::AttemptEnds::Counts ends{};
  Spread queued, ran;
  service::OldestTasks oldest;
};
// By label.
using FactsByType = std::map<std::string, TypeFacts>;

// Where the facts come from.
struct TaskSources {
  const engine::View& view;
  const engine::Routing& routing;
  const engine::ActivityBoard& activity;
  const engine::AttemptEnds& ends;
  const service::OldestByClass& oldest;
};

// Types of which tasks are retained, or to which something has happened since the broker was started.
FactsByType GatherTypes(const TaskSources& sources, TypeLabels* labels);

Families TaskFamilies(const FactsByType& types, WallMicros now);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METRICS_TASK_FAMILIES_H_
