#include "broker/engine/routing_commands.h"
#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {

uint32_t EngineHarness::LimitType(const std::string& type, uint32_t max_running) {
  auto command = std::make_unique<Tracked<SetTypeLimitCommand>>();
  command->type = type;
  command->max_running = max_running;
  command->actor = "local";
  command->reason = "the mail server takes no more";
  const Reply<SetTypeLimitCommand> reply = Call(std::move(command));
  EXPECT_THAT(reply.error(), NoError());
  return reply->running;
}

Error EngineHarness::DrainWorker(const std::string& worker_id) {
  auto command = std::make_unique<Tracked<DrainWorkerCommand>>();
  command->worker_id = worker_id;
  command->actor = "local";
  command->reason = "its host is retired";
  return Call(std::move(command)).error();
}

}  // namespace baton::engine::testing
