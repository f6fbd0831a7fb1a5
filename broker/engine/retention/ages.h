#ifndef BATON_BROKER_ENGINE_RETENTION_AGES_H_
#define BATON_BROKER_ENGINE_RETENTION_AGES_H_

#include <algorithm>
#include <cstdint>
#include <limits>

#include "broker/base/clock.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/page.h"

namespace baton::engine {

inline constexpr WallMicros kForEver = std::numeric_limits<WallMicros>::max();

// How long what has ended is kept, by the state that it ended in: a lone task by its own, all tasks of a workflow by
// that of the root. 0: for ever.
struct RetentionAges {
  Micros completed = 0;
  Micros failed = 0;
  Micros cancelled = 0;

  // `state` is terminal.
  Micros Of(LiveState state) const {
    return state == LiveState::COMPLETED ? completed : state == LiveState::FAILED ? failed : cancelled;
  }
  // What ended in this state at `end`, or before, goes once it is later than that; kForEver: never.
  WallMicros OldAfter(LiveState state, WallMicros end) const { return Of(state) == 0 ? kForEver : end + Of(state); }
  // Nothing goes before it has ended for so long; 0: nothing ever goes.
  Micros shortest() const {
    Micros shortest = kForEver;
    for (const Micros age : {completed, failed, cancelled}) shortest = age == 0 ? shortest : std::min(shortest, age);
    return shortest == kForEver ? 0 : shortest;
  }
};

inline RetentionAges EvenAges(Micros age) { return {age, age, age}; }

inline RetentionAges AgesOf(const EngineSettings& settings) {
  const auto age = [&](Micros own) { return own == kAsEnded ? settings.retention : own; };
  return {age(settings.retention_completed), age(settings.retention_failed), age(settings.retention_cancelled)};
}

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RETENTION_AGES_H_
