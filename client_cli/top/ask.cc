#include "client_cli/top/ask.h"

#include <utility>

namespace baton::cli::top {
namespace {

// A page may be empty and still have a successor: a round looks at so many.
constexpr int kPages = 5;

absl::StatusOr<std::vector<v1::Task>> List(Broker& broker, const v1::TaskFilter& filter, absl::Duration timeout) {
  v1::ListTasksRequest request;
  *request.mutable_filter() = filter;
  std::vector<v1::Task> tasks;
  for (int page = 0; page < kPages; ++page) {
    request.set_page_size(static_cast<int32_t>(kListedTasks - tasks.size()));
    absl::StatusOr<v1::ListTasksResponse> response = broker.ListTasks(request, timeout);
    if (!response.ok()) return response.status();
    for (v1::Task& task : *response->mutable_tasks()) tasks.push_back(std::move(task));
    request.set_page_token(response->next_page_token());
    if (request.page_token().empty() || tasks.size() >= kListedTasks) break;
  }
  return tasks;
}

v1::TaskFilter Failures() {
  v1::TaskFilter filter;
  filter.add_states(v1::TASK_STATE_PERMANENTLY_FAILED);
  return filter;
}

v1::TaskFilter LiveTasks(const std::string& type) {
  v1::TaskFilter filter;
  filter.set_type(type);
  for (v1::TaskState state : {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_PAUSED}) {
    filter.add_states(state);
  }
  return filter;
}

}  // namespace

Answer Ask(Broker& broker, const Query& query, absl::Duration timeout) {
  Answer answer;
  auto keep = [&answer](auto response, auto& place) {
    if (response.ok()) {
      place = *std::move(response);
    } else {
      answer.status = response.status();
    }
  };
  keep(broker.GetStatistics(timeout), answer.statistics);
  if (answer.status.ok()) keep(broker.ListTypes(timeout), answer.types);
  if (answer.status.ok() && query.info) keep(broker.GetServerInfo(timeout), answer.info);
  if (answer.status.ok() && query.workers) keep(broker.ListWorkers(timeout), answer.workers);
  if (answer.status.ok() && query.failures) keep(List(broker, Failures(), timeout), answer.failures);
  if (answer.status.ok() && !query.tasks_of.empty()) {
    keep(List(broker, LiveTasks(query.tasks_of), timeout), answer.tasks);
  }
  return answer;
}

}  // namespace baton::cli::top
