// Asking the broker for what the screen shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client_cli/broker_client.h"
#include "client_cli/top/latest_failures.h"

namespace baton::cli::top {

// What is wanted beside the statistics and the types.
struct Query {
  bool info = false;
  bool workers = false;
  bool failures = false;
  // Pending, running and paused tasks of this type; empty: none.
  std::string tasks_of;
};

// What did not fail; after the first failure nothing more is asked for.
struct Answer {
  absl::Status status;
  std::optional<v1::GetStatisticsResponse> statistics;
  std::optional<v1::ListTypesResponse> types;
  std::optional<v1::GetServerInfoResponse> info;
  std::optional<v1::ListWorkersResponse> workers;
  std::optional<std::vector<v1::Task>> failures;
  std::optional<std::vector<v1::Task>> tasks;
};

// `failures`: of the same view each time. `timeout` is for each call.
Answer Ask(Broker& broker, const Query& query, LatestFailures* failures, absl::Duration timeout);

}  // namespace baton::cli::top
