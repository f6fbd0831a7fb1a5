// The tasks that a list of events or attempts is about: one, or all of a workflow.
#ifndef BATON_BROKER_SERVICE_READ_MEMBER_CURSOR_H_
#define BATON_BROKER_SERVICE_READ_MEMBER_CURSOR_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "broker/base/error.h"
#include "broker/engine/live/view.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// Goes through a workflow: a parent before its children, children in ascending order, and what is below a child before
// the next one. Where it stands is told by one id, so that a page token can say it; from there the rows of ancestors
// lead on, and no row of another workflow is read. For one read; not thread-safe.
class MemberCursor {
 public:
  // `view` must outlive it. Stands at the root.
  MemberCursor(const engine::View& view, TaskId root) : view_(view), root_(root), at_(root) {}

  // 0: there are no more.
  TaskId at() const { return at_; }

  // Errors: TASK_EXPIRED the task, or an ancestor, is gone; STORE_DAMAGED.
  Error Seek(TaskId member);
  // `has_children`: whether the task it stands at ever had some. Errors: STORE_DAMAGED.
  Error Next(bool has_children);

 private:
  // The children of an ancestor, and which of them is the next one on the way.
  struct Level {
    std::vector<engine::IdRange> children;
    size_t range = 0;
    uint64_t offset = 0;
  };
  Error ReadChildren(TaskId parent, Level* level) const;

  const engine::View& view_;
  const TaskId root_;
  TaskId at_;
  // From the root down.
  std::vector<Level> levels_;
};

// Exactly one is set.
struct HistoryScope {
  TaskId task = 0;
  TaskId root = 0;
};

// Calls visit(facts, &is_full) for the task, or for each task of the workflow from `from` on (0: from its root), until
// the page is full. Tasks that have been removed are passed over. Errors: as LoadTask; NOT_A_ROOT; those of `visit`.
using TaskVisitor = std::function<Error(const TaskFacts& facts, bool* is_full)>;
Error VisitTasks(const engine::View& view, const HistoryScope& scope, TaskId from, const TaskVisitor& visit);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_MEMBER_CURSOR_H_
