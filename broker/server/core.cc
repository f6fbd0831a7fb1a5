#include "broker/server/core.h"

namespace baton::server {

void Core::SendSurely(std::unique_ptr<engine::Command> command) {
  unsent_.push_back(std::move(command));
  SendUnsent();
}

void Core::SendUnsent() {
  while (!unsent_.empty() && partition->Send(unsent_.front()).ok()) unsent_.pop_front();
}

void Core::Release(engine::Outbox outbox) {
  for (const std::unique_ptr<engine::Command>& command : outbox.answered) command->Answer();
  for (engine::SessionOutput& output : outbox.sessions) {
    // A session without a stream: it closed meanwhile, and the engine is being told.
    const auto sink = sessions_.find(output.session);
    if (sink != sessions_.end()) sink->second->Take(std::move(output));
  }
  // A full lane has answers to come, so this is reached again.
  SendUnsent();
}

}  // namespace baton::server
