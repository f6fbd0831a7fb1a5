// What is no longer retained: only what has ended long enough ago for the state that it ended in goes; workflows only
// as a whole, by the state of their root.
#include <algorithm>

#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

using storage::Family;
using storage::WriteBatch;

void Auditor::AppliesRemove(const engine::RemoveCommand& command) {
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
    if (task.state != EndOfRoot(task)) coverage_->Count("EXPIRED: by the state of another");
    task.removed_as = task.state;
    task.state = LiveState::REMOVED;
    task.steps.clear();
    task.ended.clear();
  }
}

void Auditor::CheckMayGo(const ModelTask& task) const {
  REQUIRE(engine::IsTerminal(task.state), "removed, though it has not ended: ", Describe(task));
  const LiveState end = EndOfRoot(task);
  REQUIRE(engine::IsTerminal(end), "removed, though its root has not ended: ", Describe(task));
  const Micros kept = KeptFor(end);
  REQUIRE(kept > 0, "removed, though what ends ", LiveState_Name(end), " is to be kept for ever: ", Describe(task));
  REQUIRE(AgeOf(task) >= kept, "removed after ", AgeOf(task), " us, to be kept for ", kept, ": ", Describe(task));
}

// How the top of its workflow, or the task itself, has ended; what that is in, if it has not.
LiveState Auditor::EndOfRoot(const ModelTask& task) const {
  const ModelTask& root = model_.At(model_.RootOf(task.id));
  return root.state == LiveState::REMOVED ? root.removed_as : root.state;
}

// 0: for ever.
Micros Auditor::KeptFor(LiveState end) const {
  const Micros own = end == LiveState::COMPLETED ? settings_.retention_completed
                     : end == LiveState::FAILED  ? settings_.retention_failed
                                                 : settings_.retention_cancelled;
  return own == engine::kAsEnded ? settings_.retention : own;
}

// The time that has gone by since it ended; of what ended before the broker was started, what the clocks said then.
Micros Auditor::AgeOf(const ModelTask& task) const {
  if (task.ended_in_life == life_) return now_.steady - task.ended_at.steady;
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

bool Auditor::nothing_to_remove() const {
  return std::all_of(model_.tasks().begin(), model_.tasks().end(), [this](const auto& task) {
    return task->state == LiveState::REMOVED || KeptFor(EndOfRoot(*task)) == 0;
  });
}

bool Auditor::everything_removed() const {
  return std::all_of(model_.tasks().begin(), model_.tasks().end(),
                     [](const auto& task) { return task->state == LiveState::REMOVED; });
}

}  // namespace baton::simulation
