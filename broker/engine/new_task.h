// A task to be created, as decoders hand it to the engine.
#ifndef BATON_BROKER_ENGINE_NEW_TASK_H_
#define BATON_BROKER_ENGINE_NEW_TASK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/hash.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/options.h"
#include "broker/engine/trace_context.h"

namespace baton::engine {

enum class UniquePolicy : uint8_t { kReturnExisting, kReject, kReplacePending };

struct NewTask {
  // Refused by the decoder: the engine passes it through and creates nothing.
  Error error;
  std::string type;
  // TaskRow, fields 1–9, encoded.
  std::string row;
  // Of the tag in it, by TagHash.
  uint32_t tag_hash = 0;
  // As set on the task; null: nothing set.
  std::shared_ptr<const Options> options;
  // As it is in the row; null: none, and a child takes its parent's.
  std::shared_ptr<const TraceContext> trace;
  // Earliest start: now + delay, or `due` if not 0.
  Micros delay = 0;
  WallMicros due = 0;
  // From the earliest start on: until the first attempt begins, and until the task has ended; 0: no matter.
  Micros start_timeout = 0, total_timeout = 0;
  // Hash of type and unique key; empty: none.
  Hash128 unique;
  UniquePolicy policy = UniquePolicy::kReturnExisting;
  // Found in the store for `unique` at SubmitCommand::looked_up_at; 0: nothing.
  TaskId found = 0;
  // Set by the engine for a firing of a schedule: its number, and the instant at which it was due.
  uint64_t schedule = 0;
  WallMicros scheduled = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_NEW_TASK_H_
