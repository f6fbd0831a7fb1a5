// What the threads of a partition tell of their work, for metrics and health.
#ifndef BATON_BROKER_ENGINE_RUN_METERS_H_
#define BATON_BROKER_ENGINE_RUN_METERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "broker/base/clock.h"
#include "broker/base/meter.h"
#include "broker/engine/attempt_ends.h"

namespace baton::engine {

// Thread-safe to read; each number has one writer at a time. Counted since the process began.
struct PartitionMeters {
  // ── The engine's thread ──
  // Commands applied in a round, and how long it took in microseconds; a commit that the engine's thread makes itself
  // is part of the round.
  Histogram round_commands{1, 4, 7};
  Histogram round_micros{64, 4, 10};
  // When the round under way began, by the steady clock; 0: the engine waits for input.
  std::atomic<SteadyMicros> round_began{0};
  AttemptEnds attempt_ends;

  // ── Whoever commits ──
  Histogram commit_bytes{256, 4, 9};
  // One synced write, in microseconds.
  Histogram sync_micros{64, 2, 16};
  // When the write under way began; 0: none is.
  std::atomic<SteadyMicros> commit_began{0};
  // Number of the last commit.
  std::atomic<uint64_t> committed{0};

  // ── The follower ──
  // Number of the last commit that it has folded, and the journal above that, in bytes.
  std::atomic<uint64_t> folded{0};
  std::atomic<size_t> follower_lag_bytes{0};
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RUN_METERS_H_
