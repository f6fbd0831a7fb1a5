#include "broker/engine/retention/members.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/base/status_macros.h"
#include "broker/engine/retention/workflows.h"

namespace baton::engine {
namespace {

using storage::Family;

// From the root down; whether tasks have ended is told by the pages, only the rows of parents are read.
class MemberWalk {
 public:
  MemberWalk(const View& view, Members* members) : view_(view), pages_(view), members_(*members) {}

  absl::Status From(TaskId root) {
    RETURN_IF_ERROR(Add({root, 1}));
    while (members_.living == 0 && !parents_.empty()) {
      const TaskId parent = parents_.back();
      parents_.pop_back();
      std::vector<IdRange> children;
      RETURN_IF_ERROR(ReadChildren(view_.store(), parent, &children));
      for (const IdRange& range : children) RETURN_IF_ERROR(Add(range));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Add(const IdRange& range) {
    const TaskId range_end = range.first + range.count;
    for (TaskId first = range.first; first < range_end && members_.living == 0;) {
      const TaskId end = std::min(range_end, (PageOf(first) + 1) * kPageIds);
      ASSIGN_OR_RETURN(const Page* const page, pages_.Read(PageOf(first)));
      if (page != nullptr) {
        Judge(*page, first, end);
        if (page->has_parents()) RETURN_IF_ERROR(FindEndedParents(view_.store(), first, end, &parents_));
      }
      first = end;
    }
    members_.ranges.push_back(range);
    return absl::OkStatus();
  }

  void Judge(const Page& page, TaskId first, TaskId end) {
    for (TaskId id = first; id < end; ++id) {
      const LiveState state = page.StateAt(SlotOf(id));
      if (IsTerminal(state)) ++members_.tasks;
      if (!IsLive(state)) continue;
      members_.living = id;
      members_.living_state = state;
      return;
    }
  }

  const View& view_;
  PageCursor pages_;
  Members& members_;
  std::vector<TaskId> parents_;
};

// The root is the first of them.
void SortRanges(std::vector<IdRange>* ranges) {
  const IdRange root = ranges->front();
  ranges->erase(ranges->begin());
  std::sort(ranges->begin(), ranges->end(), [](const IdRange& a, const IdRange& b) { return a.first < b.first; });
  std::vector<IdRange> joined;
  for (const IdRange& range : *ranges) {
    if (!joined.empty() && joined.back().first + joined.back().count == range.first) {
      joined.back().count += range.count;
    } else {
      joined.push_back(range);
    }
  }
  joined.push_back(root);
  *ranges = std::move(joined);
}

}  // namespace

absl::StatusOr<Members> FindMembers(const View& view, TaskId task) {
  Members members;
  members.as_of = view.number();
  ASSIGN_OR_RETURN(members.state, view.StateOf(task));
  if (IsLive(members.state)) {
    members.living = task;
    members.living_state = members.state;
  }
  if (!IsTerminal(members.state)) return members;
  std::string bytes;
  const absl::Status status = view.store().Get(Family::kTask, TaskKey(task), &bytes);
  if (absl::IsNotFound(status)) {
    members.state = LiveState::REMOVED;  // Since this view.
    return members;
  }
  RETURN_IF_ERROR(status);
  records::v1::TaskRow row;
  if (!row.ParseFromString(bytes)) return absl::DataLossError(absl::StrCat("the record of task ", task, " is damaged"));
  members.root = task;
  if (row.root() != 0) {
    ASSIGN_OR_RETURN(const LiveState state, view.StateOf(row.root()));
    if (state != LiveState::REMOVED) members.root = row.root();
  }
  RETURN_IF_ERROR(MemberWalk(view, &members).From(members.root));
  SortRanges(&members.ranges);
  return members;
}

}  // namespace baton::engine
