#include "client_cli/top/ask.h"

#include <utility>

#include "client_cli/top/task_lists.h"
#include "client_cli/worker_list.h"

namespace baton::cli::top {
namespace {

absl::StatusOr<std::vector<v1::Task>> List(Broker& broker, const v1::TaskFilter& filter, absl::Duration timeout) {
  int pages = kPagesOfRound;
  absl::StatusOr<ListedTasks> listed = ListFirst(broker, filter, timeout, &pages);
  if (!listed.ok()) return listed.status();
  return std::move(listed->tasks);
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

Answer Ask(Broker& broker, const Query& query, LatestFailures* failures, absl::Duration timeout) {
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
  if (answer.status.ok() && query.workers) keep(ListAllWorkers(broker, {}, timeout), answer.workers);
  if (answer.status.ok() && query.failures) keep(failures->Look(broker, timeout), answer.failures);
  if (answer.status.ok() && !query.tasks_of.empty()) {
    keep(List(broker, LiveTasks(query.tasks_of), timeout), answer.tasks);
  }
  return answer;
}

}  // namespace baton::cli::top
