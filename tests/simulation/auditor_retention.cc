// What is no longer retained: only what has ended long enough ago goes, workflows only as a whole.
#include <algorithm>

#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

using storage::Family;
using storage::WriteBatch;

void Auditor::AppliesRemove(const engine::RemoveCommand& command) {
  REQUIRE(settings_.retention > 0 || command.removal.empty(), "something is removed though everything is to be kept");
  if (!command.removal.empty()) {
    uint64_t& changed = ended_changed_[command.page_number];
    const bool workflow_may_have = command.removal.has_workflows && last_revival_ > command.removal.as_of;
    if (changed > command.removal.as_of || workflow_may_have) {
      waiting_[&command].reason = "CHANGED";
      return;
    }
    changed = open_number_;
  }
  std::set<TaskId> roots;
  std::set<TaskId> going;
  for (const engine::IdRange& range : command.removal.ids) {
    for (TaskId id = range.first; id < range.first + range.count; ++id) {
      REQUIRE(model_.Exists(id), "removed: what never was");
      if (model_.StateOf(id) == LiveState::REMOVED) continue;
      CheckMayGo(model_.At(id));
      going.insert(id);
      roots.insert(model_.RootOf(id));
    }
  }
  CheckWorkflows(roots);
  uint64_t counted = 0;
  for (const engine::EndedCounts& counts : command.removal.counts) counted += counts.sum();
  REQUIRE(counted == going.size(), going.size(), " tasks are removed, ", counted, " are counted");
  for (const TaskId id : going) {
    ModelTask& task = model_.Change(id);
    Tell("removed: ", Describe(task));
    coverage_->Count(absl::StrCat(LiveState_Name(task.state), " -EXPIRED-> REMOVED"));
    if (task.parent != 0) coverage_->Count("EXPIRED: a child");
    if (!model_.live.empty()) coverage_->Count("EXPIRED: while others live");
    task.state = LiveState::REMOVED;
    task.steps.clear();
    task.ended.clear();
  }
}

void Auditor::CheckMayGo(const ModelTask& task) const {
  REQUIRE(engine::IsTerminal(task.state), "removed, though it has not ended: ", Describe(task));
  REQUIRE(AgeOf(task) >= settings_.retention, "removed after ", AgeOf(task), " us, to be kept for ",
          settings_.retention, ": ", Describe(task));
}

// The time that has gone by since it ended; of what ended before the broker was started, what the clocks said then.
Micros Auditor::AgeOf(const ModelTask& task) const {
  if (task.ended_at.steady >= started_.steady) return now_.steady - task.ended_at.steady;
  return started_.wall - task.ended_at.wall + (now_.steady - started_.steady);
}

void Auditor::CheckWorkflows(const std::set<TaskId>& roots) const {
  for (const auto& task : model_.tasks()) {
    if (task->state == LiveState::REMOVED || !roots.contains(model_.RootOf(task->id))) continue;
    CheckMayGo(*task);
    if (engine::PageOf(task->id) != engine::PageOf(model_.RootOf(task->id))) {
      coverage_->Count("EXPIRED: a workflow over two pages");
    }
  }
}

// Of the model's tasks those are removed already whose removal was applied.
void Auditor::ReadDeletes(WriteBatch::Op op, Family family, absl::string_view key, absl::string_view value) {
  const TaskId first = engine::ReadU64(key);
  const TaskId end = op == WriteBatch::Op::kDeleteRange ? engine::ReadU64(value) : first + 1;
  for (TaskId id = first; id < end; ++id) {
    if (model_.StateOf(id) == LiveState::REMOVED) continue;
    REQUIRE(family == Family::kTask, "rows are deleted of ",
            model_.Exists(id) ? Describe(model_.At(id)) : "what never was");
    if (engine::IsTerminal(model_.StateOf(id))) {
      ReadDeleted(id);
    } else {
      ReadDropped(id);
    }
  }
}

bool Auditor::everything_removed() const {
  return std::all_of(model_.tasks().begin(), model_.tasks().end(),
                     [](const auto& task) { return task->state == LiveState::REMOVED; });
}

}  // namespace baton::simulation
