// Commands that only ask what the engine knows.
#ifndef BATON_BROKER_ENGINE_INSPECTION_COMMANDS_H_
#define BATON_BROKER_ENGINE_INSPECTION_COMMANDS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "broker/engine/catalog.h"
#include "broker/engine/command.h"

namespace baton::engine {

struct WorkerView {
  std::string worker_id, instance_id, pod_id, client;
  SessionNumber session = 0;
  bool connected = false;
  bool draining = false;
  WorkerInfo worker;
  uint32_t slots_taken = 0;
  uint32_t attempts = 0;
  WallMicros connected_at = 0;
  Micros last_seen_age = 0;
  std::vector<TaskId> tasks;  // At most 100.
};

class ListWorkersCommand : public Command {
 public:
  ListWorkersCommand() : Command(Kind::kListWorkers, Lane::kControl) {}

  // Sessions behind this one, in ascending order: so many at most, and none more once the texts of those before have
  // about `most_bytes`. The first one is told however long its texts are.
  SessionNumber after = 0;
  size_t most = std::numeric_limits<size_t>::max();
  size_t most_bytes = std::numeric_limits<size_t>::max();

  std::vector<WorkerView> workers;
  // There are others behind the last one.
  bool more = false;
};

// Where a pending task stands, or who has a running one. Any of it may have changed since the caller looked at the
// task.
class ExplainCommand : public Command {
 public:
  ExplainCommand() : Command(Kind::kExplain, Lane::kControl) {}
  static constexpr uint64_t kMaxAhead = 1'000'000;

  // What the live table says of it.
  AttemptId attempt;
  LiveState task_state = LiveState::NONE;
  ClassNumber class_number = 0;
  int32_t priority = 0;
  WallMicros due = 0;
  SessionNumber holder = 0;

  bool draining = false;
  // Due tasks that go before it, kMaxAhead at most, of its class and of others that may be handed out instead
  // (Dispatcher::RivalsOf); and how many of these classes were handed out per second lately.
  uint64_t ahead = 0;
  bool more_ahead = false;
  double claims_per_second = 0;
  // The holder; empty: it is gone. `times_out_in` and `must_report_in` (0: never) are set if the attempt still runs.
  std::optional<WorkerView> worker;
  bool started = false;
  Micros times_out_in = 0;
  Micros must_report_in = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_INSPECTION_COMMANDS_H_
