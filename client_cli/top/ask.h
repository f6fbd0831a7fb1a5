// Asking the broker for what the screen shows.
#pragma once

#include <cstdint>
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
  // Tasks of this type that have not ended; empty: none.
  std::string tasks_of;
  // Tasks that run on this worker, and those that were paused after they had begun there; empty: none.
  std::string tasks_on;
  // What this task waits for; if it has ended, its events. 0: none.
  uint64_t task = 0;
};

// Events of one task, oldest first.
struct History {
  std::vector<v1::Event> events;
  // There are no others.
  bool complete = false;
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
  std::optional<v1::ExplainResponse> explanation;
  std::optional<History> history;
};

// `failures`: of the same view each time. `timeout` is for each call.
Answer Ask(Broker& broker, const Query& query, LatestFailures* failures, absl::Duration timeout);

}  // namespace baton::cli::top
