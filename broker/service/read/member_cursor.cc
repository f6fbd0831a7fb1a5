#include "broker/service/read/member_cursor.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "broker/engine/retention/workflows.h"
#include "broker/service/read/rows.h"

namespace baton::service {
namespace {

// `facts` have what the live table says. Not found: its rows were removed since this view.
Error VisitMember(const engine::View& view, const TaskVisitor& visit, TaskFacts* facts, bool* is_full) {
  Error error = LoadTaskRow(view, facts);
  if (error.ok()) error = LoadSteps(view, facts);
  if (error.ok()) return visit(*facts, is_full);
  return error.code == absl::StatusCode::kNotFound ? Error() : error;
}

Error CheckRoot(const engine::View& view, TaskId root) {
  TaskFacts facts;
  Error error = FindTask(view, root, &facts);
  if (error.ok()) error = LoadTaskRow(view, &facts);
  if (!error.ok() || facts.root() == root) return error;
  return InvalidArgument("NOT_A_ROOT", absl::StrCat("root_id is ", root, ", a child: send ", facts.root(),
                                                    " for its whole workflow, or task_id for the task alone"));
}

}  // namespace

Error MemberCursor::ReadChildren(TaskId parent, Level* level) const {
  const absl::Status status = engine::ReadChildren(view_.store(), parent, &level->children);
  return status.ok() ? Error() : StoreDamaged(std::string(status.message()));
}

Error MemberCursor::Seek(TaskId member) {
  // From the member up.
  std::vector<TaskId> path;
  for (TaskId id = member; id != root_;) {
    TaskFacts facts;
    facts.id = id;
    Error error = LoadTaskRow(view_, &facts);
    if (!error.ok()) return error;
    path.push_back(id);
    // Parents are older than their children, so that this ends.
    if (facts.row.parent() == 0 || facts.row.parent() >= id) {
      return StoreDamaged(absl::StrCat("task ", member, " is not below task ", root_));
    }
    id = facts.row.parent();
  }
  levels_.clear();
  for (TaskId parent = root_; !path.empty(); path.pop_back()) {
    Level& level = levels_.emplace_back();
    Error error = ReadChildren(parent, &level);
    if (!error.ok()) return error;
    parent = path.back();
    while (level.range < level.children.size()) {
      const engine::IdRange& range = level.children[level.range];
      if (parent >= range.first && parent - range.first < range.count) break;
      ++level.range;
    }
    if (level.range == level.children.size()) return TaskExpired(member);
    level.offset = parent - level.children[level.range].first + 1;
  }
  at_ = member;
  return {};
}

Error MemberCursor::Next(bool has_children) {
  if (has_children) {
    Error error = ReadChildren(at_, &levels_.emplace_back());
    if (!error.ok()) return error;
  }
  for (; !levels_.empty(); levels_.pop_back()) {
    Level& level = levels_.back();
    for (; level.range < level.children.size(); ++level.range, level.offset = 0) {
      const engine::IdRange& range = level.children[level.range];
      if (level.offset == range.count) continue;
      at_ = range.first + level.offset++;
      return {};
    }
  }
  at_ = 0;
  return {};
}

Error VisitTasks(const engine::View& view, const HistoryScope& scope, TaskId from, const TaskVisitor& visit) {
  bool is_full = false;
  if (scope.root == 0) {
    TaskFacts facts;
    Error error = LoadTask(view, scope.task, &facts);
    return error.ok() ? visit(facts, &is_full) : error;
  }
  Error error = CheckRoot(view, scope.root);
  MemberCursor cursor(view, scope.root);
  if (error.ok() && from != 0) error = cursor.Seek(from);
  // A million in a row may be removed, for which nobody looks at the clock: they cost a look at the page each.
  engine::PageCursor pages(view);
  while (error.ok() && cursor.at() != 0) {
    engine::LiveEntry entry;
    const absl::StatusOr<LiveState> state = pages.StateOf(cursor.at(), &entry);
    if (!state.ok()) return StoreDamaged(std::string(state.status().message()));
    bool has_children = false;
    if (engine::IsTerminal(*state) || (engine::IsLive(*state) && *state != LiveState::STAGED)) {
      TaskFacts facts;
      facts.id = cursor.at();
      facts.state = *state;
      facts.entry = entry;
      error = VisitMember(view, visit, &facts, &is_full);
      has_children = facts.now.children_total() > 0;
    }
    if (!error.ok() || is_full) return error;
    error = cursor.Next(has_children);
  }
  return error;
}

}  // namespace baton::service
