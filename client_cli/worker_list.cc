#include "client_cli/worker_list.h"

#include <map>
#include <string>
#include <utility>

namespace baton::cli {

absl::StatusOr<v1::ListWorkersResponse> ListAllWorkers(Broker& broker, const v1::WorkerFilter& filter,
                                                       absl::Duration timeout) {
  // The broker chooses the size of a page: the largest that it allows is not known here.
  v1::ListWorkersRequest request;
  *request.mutable_filter() = filter;
  v1::ListWorkersResponse all;
  std::map<std::string, int> places;
  do {
    absl::StatusOr<v1::ListWorkersResponse> page = broker.ListWorkers(request, timeout);
    if (!page.ok()) return page.status();
    for (v1::Worker& worker : *page->mutable_workers()) {
      // One that reconnects while pages are read comes a second time.
      const auto [place, is_new] = places.try_emplace(worker.worker_id(), all.workers_size());
      v1::Worker* listed = is_new ? all.add_workers() : all.mutable_workers(place->second);
      *listed = std::move(worker);
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return all;
}

}  // namespace baton::cli
