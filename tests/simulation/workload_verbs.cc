// What operators do to tasks.
#include <optional>

#include "absl/strings/str_cat.h"
#include "broker/engine/job_commands.h"
#include "broker/engine/routing_commands.h"
#include "tests/simulation/workload.h"

namespace baton::simulation {

void Workload::Cancel() {
  if (!cancels_) return;
  network_.Call<engine::CancelCommand>(
      [id = random_.Chance(200) ? AnyParent() : AnyTask(),
       reason = absl::StrCat("cancel ", ++numbers_, ".")](engine::CancelCommand* command) {
        command->actor = "operator";
        command->task = id;
        command->reason = reason;
      },
      [](const engine::CancelCommand*) {});
}

void Workload::Resume(TaskId id) {
  Step step;
  step.set_reason(absl::StrCat("resume ", ++numbers_, "."));
  if (random_.Chance(700)) step.mutable_decision()->set_data(absl::StrCat("decision ", numbers_));
  std::optional<uint32_t> stage;
  const Model& model = broker_.auditor().model();
  if (model.Exists(id) && random_.Chance(400)) stage = model.At(id).stage + (random_.Chance(300) ? 1 : 0);
  network_.Call<engine::ResumeCommand>(
      [id, stage, bytes = step.SerializeAsString(), decides = step.has_decision()](engine::ResumeCommand* command) {
        command->stage = stage;
        command->actor = "approver";
        command->task = id;
        command->step = bytes;
        command->has_decision = decides;
      },
      [](const engine::ResumeCommand*) {});
}

TaskId Workload::AnyEnded() {
  const Model& model = broker_.auditor().model();
  for (int tries = 0; tries < 20; ++tries) {
    const TaskId id = AnyTask();
    const LiveState state = model.StateOf(id);
    if (state == LiveState::FAILED || state == LiveState::CANCELLED) return id;
  }
  return AnyTask();
}

void Workload::Retry() {
  if (!retries_) return;
  network_.Call<engine::RetryCommand>(
      [id = random_.Chance(800) ? AnyEnded() : AnyTask(), from_start = random_.Chance(500),
       reason = absl::StrCat("retry ", ++numbers_, ".")](engine::RetryCommand* command) {
        command->actor = "operator";
        command->task = id;
        command->from_start = from_start;
        command->reason = reason;
      },
      [](const engine::RetryCommand*) {});
}

void Workload::Delete() {
  if (!deletes_) return;
  const Model& model = broker_.auditor().model();
  TaskId id = AnyTask();
  for (int tries = 0; tries < 20 && !engine::IsTerminal(model.StateOf(id)) && random_.Chance(900); ++tries) {
    id = AnyTask();
  }
  network_.Call<engine::DeleteCommand>(
      [id, reason = absl::StrCat("delete ", ++numbers_, ".")](engine::DeleteCommand* command) {
        command->actor = "operator";
        command->task = id;
        command->reason = reason;
      },
      [](const engine::DeleteCommand*) {});
}

void Workload::Pause() {
  if (!pauses_) return;
  if (random_.Chance(300)) {
    const std::set<std::string>& paused = broker_.auditor().model().paused_types;
    const bool pause = random_.Chance(paused.empty() ? 500 : 200);
    return PauseType(pause || paused.empty() ? DrawSpec().type : *paused.begin(), pause);
  }
  const bool cascade = random_.Chance(300);
  // More are let go on than held back, or soon nothing would be left to do.
  if (random_.Chance(600)) return Mark(random_.Chance(800) ? AnyPaused() : AnyTask(), false, cascade);
  Mark(cascade ? AnyParent() : AnyTask(), true, cascade);
}

void Workload::PauseType(const std::string& type, bool pause) {
  network_.Call<engine::PauseTypeCommand>(
      [type, pause](engine::PauseTypeCommand* command) {
        command->actor = "operator";
        command->type = type;
        command->pause = pause;
      },
      [](const engine::PauseTypeCommand*) {});
}

void Workload::LimitType() {
  if (!limits_) return;
  network_.Call<engine::SetTypeLimitCommand>(
      [type = DrawSpec().type,
       most = static_cast<uint32_t>(random_.Between(0, 4))](engine::SetTypeLimitCommand* command) {
        command->actor = "operator";
        command->type = type;
        command->max_running = most;
      },
      [](const engine::SetTypeLimitCommand*) {});
}

void Workload::DismissWorker() {
  if (!dismissals_) return;
  network_.Call<engine::DrainWorkerCommand>(
      [worker = absl::StrCat("worker ", random_.Below(workers_.size() + 1))](engine::DrainWorkerCommand* command) {
        command->actor = "operator";
        command->worker_id = worker;
      },
      [](const engine::DrainWorkerCommand*) {});
}

void Workload::Mark(TaskId id, bool pause, bool cascade) {
  network_.Call<engine::PauseCommand>(
      [id, pause, cascade, reason = absl::StrCat("mark ", ++numbers_, ".")](engine::PauseCommand* command) {
        command->actor = "operator";
        command->task = id;
        command->pause = pause;
        command->cascade = cascade;
        command->reason = reason;
      },
      [](const engine::PauseCommand*) {});
}

}  // namespace baton::simulation
