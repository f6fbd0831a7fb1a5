#include "client_cli/commands/workflow.h"

#include <algorithm>
#include <deque>

#include "client_cli/commands/paging.h"

namespace baton::cli {
namespace {

// The children of one task. False: there are more than `workflow` may have.
absl::StatusOr<bool> ReadChildren(Session& session, uint64_t parent, uint64_t limit, Workflow* workflow) {
  v1::ListTasksRequest request;
  request.mutable_filter()->set_parent_id(parent);
  const uint64_t room = limit == 0 ? 0 : limit - workflow->tasks.size() + 1;
  bool fits = true;
  absl::Status listed = ForEachItem(
      request, room,
      [&](const v1::ListTasksRequest& page) { return session.broker().ListTasks(page, session.call_timeout()); },
      [](const v1::ListTasksResponse& page) -> const auto& { return page.tasks(); },
      [&](const v1::Task& task) {
        fits = limit == 0 || workflow->tasks.size() < limit;
        if (fits) workflow->tasks[task.id()] = task;
        if (fits) workflow->children[parent].push_back(task.id());
      },
      [] {});
  if (!listed.ok()) return listed;
  std::sort(workflow->children[parent].begin(), workflow->children[parent].end());
  return fits;
}

}  // namespace

absl::StatusOr<Workflow> ReadWorkflow(Session& session, const v1::Task& top, uint64_t limit) {
  Workflow workflow;
  workflow.tasks[top.id()] = top;
  std::deque<uint64_t> parents = {top.id()};
  for (; !parents.empty() && workflow.complete; parents.pop_front()) {
    const uint64_t parent = parents.front();
    if (workflow.tasks.at(parent).children_total() == 0) continue;
    absl::StatusOr<bool> fits = ReadChildren(session, parent, limit, &workflow);
    if (!fits.ok()) return fits.status();
    workflow.complete = *fits;
    parents.insert(parents.end(), workflow.children[parent].begin(), workflow.children[parent].end());
  }
  return workflow;
}

}  // namespace baton::cli
