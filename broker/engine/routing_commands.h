// Commands that say who may get what.
#ifndef BATON_BROKER_ENGINE_ROUTING_COMMANDS_H_
#define BATON_BROKER_ENGINE_ROUTING_COMMANDS_H_

#include <cstdint>
#include <string>

#include "broker/engine/command.h"

namespace baton::engine {

// How many attempts of a type may run at the same time, over all workers.
class SetTypeLimitCommand : public Command {
 public:
  SetTypeLimitCommand() : Command(Kind::kSetTypeLimit, Lane::kControl) {}
  std::string type;
  uint32_t max_running = 0;  // 0: any number.
  std::string reason;

  uint32_t running = 0;
};

// Has a worker finish what it holds and leave.
class DrainWorkerCommand : public Command {
 public:
  DrainWorkerCommand() : Command(Kind::kDrainWorker, Lane::kControl) {}
  std::string worker_id;
  std::string reason;

  uint32_t attempts = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_ROUTING_COMMANDS_H_
