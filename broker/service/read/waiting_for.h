// Why a task is not running, in words.
#ifndef BATON_BROKER_SERVICE_READ_WAITING_FOR_H_
#define BATON_BROKER_SERVICE_READ_WAITING_FOR_H_

#include <string>

#include "broker/base/clock.h"
#include "broker/engine/catalog.h"
#include "broker/engine/routing.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// Empty for a task that runs or is terminal. `suspend_reason` is what its handler said when it suspended. Examples:
//   "due in 12.3 s (at 2024-02-29T12:00:00Z)"
//   "retries in 2.0 s (at …) after 1 failed attempt"
//   "no live worker can run it: none declares the capability GPU"
//   "waits for a free slot of 3 workers"
//   "waits for 3 of 10 children"
//   "waits for a decision: approval"
std::string WaitingFor(const TaskFacts& facts, const std::string& suspend_reason, const engine::Routing& routing,
                       WallMicros now);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_WAITING_FOR_H_
