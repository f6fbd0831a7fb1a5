// What keeps a task from running.
#ifndef BATON_BROKER_SERVICE_READ_OBSTACLES_H_
#define BATON_BROKER_SERVICE_READ_OBSTACLES_H_

#include <string>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "baton/v1/explain.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/routing.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

struct Obstacle {
  v1::ObstacleKind kind;
  // Goes on where "task 42" was said. Examples:
  //   "due in 12.3 s (at 2024-02-29T12:00:00Z)"
  //   "retries in 2.0 s (at …) after 1 failed attempt"
  //   "no live worker can run it: none declares the capability GPU"
  //   "waits for a free slot of 3 workers"
  //   "waits for the limit of type 'render': 5 of 5 are running"
  //   "waits for 3 of 10 children"
  //   "waits for a decision: approval"
  std::string text;
  // When it is over by itself; 0: not known.
  WallMicros until = 0;
};

// What has to be known of a task and of what is around it.
struct Hindrances {
  const TaskFacts& facts;
  // What its handler said when it suspended.
  const std::string& suspend_reason;
  // Record of its type; an empty one if there is none.
  const records::v1::TypeRow& type;
  const engine::Routing& routing;
  WallMicros now;
};

// All of them, the one to look at first in front; none for a task that runs or is terminal, or that is about to be
// handed out.
std::vector<Obstacle> FindObstacles(const Hindrances& hindrances);

// The same in one sentence; empty for a task that runs or is terminal.
std::string WaitingFor(const Hindrances& hindrances);

// The workers that could run a task of this class.
struct Eligible {
  uint32_t workers = 0;
  uint32_t slots = 0;
  uint32_t slots_taken = 0;
  // Those that have a free slot, but hold as many of the type as their handler takes.
  uint32_t at_limit = 0;
  // One of them takes another attempt of the type.
  bool free = false;
};
Eligible FindEligible(const engine::ClassInfo& info, const engine::Routing& routing);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_OBSTACLES_H_
