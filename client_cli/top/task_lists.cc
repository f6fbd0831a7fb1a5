#include "client_cli/top/task_lists.h"

#include <utility>

namespace baton::cli::top {

absl::StatusOr<ListedTasks> ListFirst(Broker& broker, const v1::TaskFilter& filter, absl::Duration timeout,
                                      int* pages) {
  v1::ListTasksRequest request;
  *request.mutable_filter() = filter;
  ListedTasks listed;
  while (*pages > 0 && !listed.complete && listed.tasks.size() < kListedTasks) {
    --*pages;
    request.set_page_size(static_cast<int32_t>(kListedTasks - listed.tasks.size()));
    absl::StatusOr<v1::ListTasksResponse> response = broker.ListTasks(request, timeout);
    if (!response.ok()) return response.status();
    for (v1::Task& task : *response->mutable_tasks()) listed.tasks.push_back(std::move(task));
    request.set_page_token(response->next_page_token());
    listed.complete = request.page_token().empty();
  }
  return listed;
}

}  // namespace baton::cli::top
