#ifndef BATON_BROKER_ENGINE_RUN_LANES_H_
#define BATON_BROKER_ENGINE_RUN_LANES_H_

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/engine/limits.h"

namespace baton::engine {

// What a round has taken, lane by lane.
using Taken = std::deque<std::unique_ptr<Command>>;

// Applies what was taken while the batch has room, for what a command makes of a few bytes may be large, and keeps the
// rest. The first of each lane is applied sooner than the others: so that no lane starves.
template <typename BatchBytes, typename Apply>
void ApplyTaken(const WorkBounds& work, Taken* taken, BatchBytes&& batch_bytes, Apply&& apply) {
  Taken rest;
  std::optional<Lane> lane;
  for (std::unique_ptr<Command>& command : *taken) {
    const bool first = std::exchange(lane, command->lane) != command->lane;
    if (batch_bytes() < (first ? work.most_batch_bytes() : work.applied_bytes())) {
      apply(std::move(command));
    } else {
      rest.push_back(std::move(command));
    }
  }
  *taken = std::move(rest);
}

// Of a worker: it has to be applied before anybody says that the worker is lost.
inline bool IsSignOfLife(const std::unique_ptr<Command>& command) {
  return command->lane == Lane::kOutcomes || command->kind == Command::Kind::kHello;
}

// Commands waiting for the engine, in bounded queues by urgency. Not thread-safe: guarded by its owner's mutex.
class Lanes {
 public:
  explicit Lanes(const EngineSettings& settings) : settings_(settings) {}

  // Takes the command, or refuses it and leaves it where it is.
  Error Push(std::unique_ptr<Command>& command) {
    Queue& lane = lanes_[static_cast<int>(command->lane)];
    if (lane.commands.size() >= settings_.lane_commands || lane.bytes >= settings_.lane_bytes) {
      return ResourceExhausted("OVERLOADED", "the broker has more work than it can take: retry later with backoff",
                               kRetryAfter);
    }
    lane.bytes += command->bytes;
    lane.commands.push_back(std::move(command));
    return {};
  }

  // Moves at most one round's worth to `out`, urgent ones first. Each lane gets at least one command, however large, so
  // that none starves.
  void Take(Taken* out) {
    size_t bytes = 0;
    for (Queue& lane : lanes_) {
      bool first = true;
      while (!lane.commands.empty()) {
        std::unique_ptr<Command>& command = lane.commands.front();
        if (!first && (out->size() >= kRoundItems || bytes + command->bytes > kRoundBytes)) break;
        first = false;
        bytes += command->bytes;
        lane.bytes -= command->bytes;
        out->push_back(std::move(command));
        lane.commands.pop_front();
      }
    }
  }

  // What was taken last and not applied is the next of its lane again, so that what is more urgent comes before it.
  void PutBack(Taken* rest) {
    for (; !rest->empty(); rest->pop_back()) {
      Queue& lane = lanes_[static_cast<int>(rest->back()->lane)];
      lane.bytes += rest->back()->bytes;
      lane.commands.push_front(std::move(rest->back()));
    }
  }

  bool empty() const { return lanes_[0].commands.empty() && lanes_[1].commands.empty() && lanes_[2].commands.empty(); }
  // It would soon refuse what comes.
  bool IsHalfFull(Lane lane) const {
    const Queue& queue = lanes_[static_cast<int>(lane)];
    return 2 * queue.commands.size() >= settings_.lane_commands || 2 * queue.bytes >= settings_.lane_bytes;
  }
  // No sign of life waits to be applied.
  bool outcomes_empty() const { return lanes_[static_cast<int>(Lane::kOutcomes)].commands.empty(); }

 private:
  static constexpr Micros kRetryAfter = 100 * kMillisecond;

  struct Queue {
    std::deque<std::unique_ptr<Command>> commands;
    size_t bytes = 0;
  };

  const EngineSettings settings_;
  std::array<Queue, kLaneCount> lanes_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RUN_LANES_H_
