// A worker's session: what it can do, what it holds, and when it was last heard of.
#ifndef BATON_BROKER_ENGINE_SESSION_H_
#define BATON_BROKER_ENGINE_SESSION_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "broker/base/clock.h"
#include "broker/engine/catalog.h"
#include "broker/engine/command.h"
#include "broker/engine/routing.h"

namespace baton::engine {

template <typename H>
H AbslHashValue(H h, const AttemptId& attempt) {
  return H::combine(std::move(h), attempt.task, attempt.attempt);
}

// A slot taken. Its attempt may be over: the slot is free only when the worker says so, or is gone.
struct Held {
  uint64_t delivery = 0;         // 0: named by the hello.
  ClassNumber class_number = 0;  // Of its task, or another one of its type; 0: not known, the attempt is over.
  bool cancelled = false;
};

struct HandlerRef {
  OptionsNumber options_number = 0;
  uint64_t version = 0;
};

struct Session {
  SessionNumber number = 0;
  std::string worker_id, instance_id, pod_id, client;
  uint64_t pod_generation = 0;
  WorkerInfo worker;
  WallMicros connected_at = 0;

  // The Claim stream is open.
  bool open = false;
  // The broker told it to drain, or it was superseded.
  bool draining = false;
  // Not heard of for the beat window: gets nothing until it beats.
  bool silent = false;
  // What was handed out to it piles up before its connection: it gets nothing more until that is gone.
  bool behind = false;
  // Known from before a restart of the broker: what it holds is not known until its hello.
  bool restored = false;
  // Its row is stored: it has claimed something.
  bool stored = false;

  absl::flat_hash_map<AttemptId, Held> held;
  // Valid attempts among them.
  uint32_t attempts = 0;
  // Slots taken, of each type whose handler has a limit of its own.
  TypeSlots taken_of;
  uint64_t last_delivery = 0;
  uint64_t last_beat = 0;

  // On the engine's lease clock; 0: not armed.
  SteadyMicros last_heard = 0;
  SteadyMicros lease_deadline = 0;
  SteadyMicros grace_deadline = 0;
  // When the engine will look at these deadlines.
  SteadyMicros timer = 0;

  // Options of the handler for a class, settled when first needed.
  absl::flat_hash_map<ClassNumber, HandlerRef> handlers;

  bool accepts() const { return open && !draining && !silent; }
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_SESSION_H_
