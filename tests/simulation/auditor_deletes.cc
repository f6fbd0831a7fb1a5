// What is deleted by hand: workflows that have ended, as a whole, the root last.
#include <algorithm>

#include "absl/strings/str_join.h"
#include "tests/simulation/auditor.h"
#include "tests/simulation/violation.h"

namespace baton::simulation {

void Auditor::AppliesDelete(const engine::DeleteCommand& command) {
  Waiting& waiting = waiting_[&command];
  waiting.states.insert(model_.StateOf(command.task));
  waiting.live_seen = model_.LivesBelow(TopOf(command.task));
  waiting.scattered_seen = IsScattered(TopOf(command.task));
}

// The root, or of what retention has taken the root of, the task itself.
TaskId Auditor::TopOf(TaskId id) const {
  if (!model_.Exists(id)) return id;
  const TaskId root = model_.RootOf(id);
  return model_.StateOf(root) == LiveState::REMOVED ? id : root;
}

void Auditor::CheckDelete(const engine::DeleteCommand& command, const Waiting& waiting) {
  if (command.error.ok()) {
    const TaskId root = command.root;
    REQUIRE(root == command.task || (model_.Exists(command.task) && root == model_.RootOf(command.task)), "task ",
            command.task, " is deleted with task ", root);
    REQUIRE(!model_.LivesBelow(root), "deleted, but something lives of ", Describe(model_.At(root)));
    model_.deleting.insert(root);  // Retention may have been faster with it, not with all that is below.
    return ExpectError("Delete", command.error, "");
  }
  std::set<std::string> allowed;
  std::set<LiveState> states = waiting.states;
  states.insert(model_.StateOf(command.task));
  for (const LiveState state : states) {
    if (state == LiveState::REMOVED) allowed.insert("TASK_EXPIRED");
    if (state == LiveState::NONE || state == LiveState::STAGED) allowed.insert("TASK_NOT_FOUND");
  }
  const TaskId top = TopOf(command.task);
  if (waiting.live_seen || model_.LivesBelow(top)) allowed.insert("WORKFLOW_LIVE");
  if (waiting.scattered_seen || IsScattered(top)) allowed.insert("WORKFLOW_SCATTERED");
  REQUIRE(!allowed.empty(), "Delete did nothing to ", Describe(model_.At(command.task)));
  ExpectError("Delete", command.error, absl::StrJoin(allowed, "|"));
}

void Auditor::NoteRevived() {
  for (auto& [command, waiting] : waiting_) waiting.live_seen = true;
}

// The root goes last, and counts as a place of its own.
bool Auditor::IsScattered(TaskId top) const {
  std::vector<TaskId> below;
  for (const auto& task : model_.tasks()) {
    TaskId above = task->parent;
    while (above != 0 && above != top) above = model_.At(above).parent;
    if (above == top) below.push_back(task->id);
  }
  return PlacesOf(below) + 1 > settings_.work.ranges_to_delete;
}

bool Auditor::IsBeingDeleted(TaskId id) const {
  while (id != 0 && !model_.deleting.contains(id)) id = model_.At(id).parent;
  return id != 0;
}

void Auditor::ReadDeleted(TaskId id) {
  REQUIRE(IsBeingDeleted(id), "deleted by nobody: ", Describe(model_.At(id)));
  ModelTask& task = model_.Change(id);
  Tell("deleted: ", Describe(task));
  coverage_->Count(absl::StrCat(LiveState_Name(task.state), " -DELETED-> REMOVED"));
  if (task.parent != 0) coverage_->Count("DELETED: a child");
  task.removed_as = task.state;
  task.state = LiveState::REMOVED;
  task.steps.clear();
  task.ended.clear();
  ended_changed_[engine::PageOf(id)] = open_number_;
  if (model_.deleting.erase(id) == 0) return;
  for (const auto& other : model_.tasks()) {
    TaskId above = other->id;
    while (above != 0 && above != id) above = model_.At(above).parent;
    REQUIRE(above == 0 || other->state == LiveState::REMOVED, "deleted after its root: ", Describe(*other));
  }
}

}  // namespace baton::simulation
