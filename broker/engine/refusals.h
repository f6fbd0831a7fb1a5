// Why calls are refused, where many of them are for the same reason.
#ifndef BATON_BROKER_ENGINE_REFUSALS_H_
#define BATON_BROKER_ENGINE_REFUSALS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "broker/base/error.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/loader.h"
#include "broker/engine/live/page.h"

namespace baton::engine {

// There is no such task, or not any more; `state` is REMOVED, or what nobody ever sees.
inline Error UnknownTask(TaskId id, LiveState state) {
  if (state == LiveState::REMOVED) {
    return NotFound("TASK_EXPIRED", absl::StrCat("task ", id, " is no longer retained"));
  }
  return NotFound("TASK_NOT_FOUND", absl::StrCat("there is no task ", id, ": check the id"));
}

// Not RESOURCE_EXHAUSTED: trying again does not help.
inline Error TooManyTypes(const std::string& type) {
  return InvalidArgument(
      "TOO_MANY_TYPES",
      absl::StrCat("type '", type,
                   "' would be a new one, or asks for capabilities that no task of it did, and there are ", kMaxClasses,
                   " already, which is the limit: put what differs from task to task into the payload or the tag"));
}

inline Error StoreDamaged(const std::string& what) {
  return {absl::StatusCode::kDataLoss, "STORE_DAMAGED",
          absl::StrCat("the store is damaged: ", what, ". Stop the broker and run batond verify")};
}

// There is no such task, or nothing can be done to it because its records are damaged.
inline Error UnknownTask(const LoadedTask& found) {
  return IsLive(found.state) && !found.damage.empty() ? StoreDamaged(found.damage) : UnknownTask(found.id, found.state);
}

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_REFUSALS_H_
