// The rules of a task's life, as a pure function: no clock, no randomness, no storage.
#ifndef BATON_BROKER_ENGINE_RULES_TRANSITION_H_
#define BATON_BROKER_ENGINE_RULES_TRANSITION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "baton/records/v1/records.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/options.h"

namespace baton::engine {

using records::v1::LiveState;
using records::v1::Step;

enum class Event : uint8_t {
  kClaimed,  // Handed to a worker.
  kSucceeded,
  kFailed,  // May be tried again.
  kFailedFinally,
  kTimedOut,
  kSpawned,      // Waits for children.
  kSuspended,    // Waits for a decision.
  kReleased,     // Given back by its worker.
  kInterrupted,  // Its worker was lost.
  kCancelled,
  kResumed,  // Decided.
  kChildrenEnded,
  kExpired,      // Should have begun, ended or been decided by now.
  kChildFailed,  // Or was cancelled, and the task asked to fail then.
  kRetried,      // After it had ended, at the stage at which it did,
  kRestarted,    // or from its first stage on.
};
inline constexpr int kEventCount = 16;

// What the rules look at.
struct Facts {
  LiveState state = LiveState::NONE;
  uint32_t stage = 0;
  uint32_t failures = 0;  // Failed attempts of this stage.
  uint32_t interruptions = 0;
  WallMicros due = 0;
  Settled options{};  // RUNNING only.
  uint32_t max_interruptions = 0;
  bool has_children = false;  // kSpawned: at least one.
  uint64_t draw = 0;          // Random bits for the jitter.
};

// What becomes of the task.
struct Transition {
  LiveState state = LiveState::NONE;
  uint32_t stage = 0;
  uint32_t failures = 0;
  uint32_t interruptions = 0;
  WallMicros due = 0;
  // How the history calls it; unspecified for what is only in the live table (a claim, the return from children).
  Step::Kind kind = Step::KIND_UNSPECIFIED;
};

// FAILED_PRECONDITION if the event cannot happen in that state.
absl::StatusOr<Transition> Apply(const Facts& task, Event event, WallMicros now);

// A state as callers know it.
std::string StateName(LiveState state);

// Whether a step of this kind is the end of the attempt that it belongs to.
inline bool EndsAttempt(Step::Kind kind) {
  return kind != Step::REPORTED && kind != Step::PAUSED && kind != Step::UNPAUSED && kind != Step::RETRIED;
}

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RULES_TRANSITION_H_
