#include "client_cli/top/ask.h"

#include <utility>

#include "client_cli/text/enum_text.h"
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
  for (v1::TaskState state :
       {v1::TASK_STATE_PENDING, v1::TASK_STATE_RUNNING, v1::TASK_STATE_SUSPENDED, v1::TASK_STATE_PAUSED}) {
    filter.add_states(state);
  }
  return filter;
}

v1::TaskFilter TasksOn(const std::string& worker) {
  v1::TaskFilter filter;
  filter.set_worker_id(worker);
  filter.add_states(v1::TASK_STATE_RUNNING);
  filter.add_states(v1::TASK_STATE_PAUSED);
  return filter;
}

absl::StatusOr<History> ReadHistory(Broker& broker, uint64_t task, absl::Duration timeout) {
  History history;
  v1::ListEventsRequest request;
  request.set_task_id(task);
  for (int pages = kPagesOfRound; pages > 0 && !history.complete; --pages) {
    const absl::StatusOr<v1::ListEventsResponse> page = broker.ListEvents(request, timeout);
    if (!page.ok()) return page.status();
    history.events.insert(history.events.end(), page->events().begin(), page->events().end());
    request.set_page_token(page->next_page_token());
    history.complete = request.page_token().empty();
  }
  return history;
}

v1::ExplainRequest About(uint64_t task) {
  v1::ExplainRequest request;
  request.set_task_id(task);
  return request;
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
  keep(broker.GetStatistics({}, timeout), answer.statistics);
  if (answer.status.ok()) keep(broker.ListTypes(timeout), answer.types);
  if (answer.status.ok() && query.info) keep(broker.GetServerInfo(timeout), answer.info);
  if (answer.status.ok() && query.workers) keep(ListAllWorkers(broker, {}, timeout), answer.workers);
  if (answer.status.ok() && query.failures) keep(failures->Look(broker, timeout), answer.failures);
  if (answer.status.ok() && !query.tasks_of.empty()) {
    keep(List(broker, LiveTasks(query.tasks_of), timeout), answer.tasks);
  }
  if (answer.status.ok() && !query.tasks_on.empty()) {
    keep(List(broker, TasksOn(query.tasks_on), timeout), answer.tasks);
  }
  if (answer.status.ok() && query.task != 0) keep(broker.Explain(About(query.task), timeout), answer.explanation);
  if (answer.explanation.has_value() && IsTerminal(answer.explanation->task().state())) {
    keep(ReadHistory(broker, query.task, timeout), answer.history);
  }
  return answer;
}

}  // namespace baton::cli::top
