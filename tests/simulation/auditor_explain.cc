// What is told of the place of a waiting task, and of who has a running one.
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

// Tasks that may go first: what is due and waits for a worker that could run this one, unless a limit lets this one
// pass; if a limit holds this one back, what else waits for that. The engine may not have taken all of them into its
// order yet.
uint64_t Auditor::CountAhead(const engine::ExplainCommand& command) const {
  const engine::ClassInfo& info = catalog_->Class(command.class_number);
  const bool is_full = model_.IsFull(info.type);
  const Rank own = RankOf(command.priority, command.due, command.attempt.task);
  uint64_t ahead = 0;
  for (const TaskId id : model_.live) {
    const ModelTask& task = model_.At(id);
    if (task.state != LiveState::PENDING || model_.IsPaused(task) || task.due > latest_wall_) continue;
    if (RankOf(task.priority, task.due, id) >= own) continue;
    const bool of_type = task.type == info.type;
    if (!of_type && (is_full || model_.IsFull(task.type))) continue;
    for (const auto& [number, session] : model_.sessions) {
      if (!session.accepts() || !Model::Fits(session.worker, task.type, task.required)) continue;
      // The limit of a type is the same for all workers, whatever each could run.
      const bool could_run = is_full || Model::Fits(session.worker, info.type, info.required_capabilities);
      if (!could_run) continue;
      if (!of_type && (!session.HasRoomFor(info.type) || !session.HasRoomFor(task.type))) continue;
      ++ahead;
      break;
    }
  }
  return ahead;
}

void Auditor::CheckExplain(const engine::ExplainCommand& command, const Waiting& waiting) {
  REQUIRE(command.draining == draining_, "the broker is told to ", command.draining ? "drain" : "go on");
  if (command.task_state != LiveState::RUNNING) {
    REQUIRE(command.ahead <= waiting.ahead, command.ahead, " tasks go before task ", command.attempt.task,
            ", there are ", waiting.ahead);
    if (command.ahead > 0) coverage_->Count("Explain: others go first");
    coverage_->Count("Explain: waits");
    return;
  }
  const ModelSession* session = model_.Session(command.holder);
  REQUIRE(command.worker.has_value() == (session != nullptr), "the holder of task ", command.attempt.task, " is ",
          session != nullptr ? "not told" : "told though it is gone");
  if (session == nullptr) return;
  REQUIRE(command.worker->worker_id == session->worker_id, "session ", command.holder, " is of '", session->worker_id,
          "', not of '", command.worker->worker_id, "'");
  const ModelTask& task = model_.At(command.attempt.task);
  const bool runs = task.state == LiveState::RUNNING && task.attempt == command.attempt.attempt;
  REQUIRE(command.times_out_in == (runs ? std::max<Micros>(task.deadline - lease_now_, 0) : 0), "it times out in ",
          command.times_out_in, " us: ", Describe(task));
  REQUIRE(command.started == (runs && task.started), "its handler is told to ",
          command.started ? "run: " : "wait: ", Describe(task));
  coverage_->Count("Explain: runs");
}

}  // namespace baton::simulation
