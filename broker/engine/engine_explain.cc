// What the engine alone knows of why a task does not run, or of how its attempt is.
#include <algorithm>

#include "broker/engine/engine.h"

namespace baton::engine {

void Engine::Explain(std::unique_ptr<Command> owned) {
  auto& command = static_cast<ExplainCommand&>(*owned);
  command.draining = draining_;
  if (command.task_state == LiveState::RUNNING) {
    ExplainAttempt(command);
  } else {
    ExplainPlace(command);
  }
  batch_.Answer(std::move(owned));
}

void Engine::ExplainPlace(ExplainCommand& command) {
  const OrderKey key = order_.KeyOf(command.priority, command.due, command.attempt.task);
  for (const ClassNumber rival : dispatcher_.RivalsOf(command.class_number)) {
    if (rival < recent_claims_.size()) command.claims_per_second += recent_claims_[rival].PerSecond(now_.steady);
    if (command.ahead < ExplainCommand::kMaxAhead) {
      command.ahead += order_.QueueAt(rival).CountBelow(key, ExplainCommand::kMaxAhead - command.ahead);
    }
  }
  command.more_ahead = command.ahead >= ExplainCommand::kMaxAhead;
  command.ahead = std::min(command.ahead, ExplainCommand::kMaxAhead);
}

void Engine::ExplainAttempt(ExplainCommand& command) {
  const Session* session = FindSession(command.holder);
  if (session == nullptr) return;
  command.worker = ViewOf(*session);
  const Task* task = FindAttempt(command.attempt);
  if (task == nullptr) return;
  command.started = task->started;
  command.times_out_in = std::max<Micros>(task->deadline - lease_now_, 0);
  if (task->report_deadline != 0) command.must_report_in = std::max<Micros>(task->report_deadline - lease_now_, 1);
}

void Engine::RememberClaim(ClassNumber class_number) {
  if (recent_claims_.size() <= class_number) recent_claims_.resize(class_number + 1);
  recent_claims_[class_number].Add(now_.steady);
}

}  // namespace baton::engine
