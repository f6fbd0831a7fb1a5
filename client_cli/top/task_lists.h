// Reading the first tasks of a list, in bounded time.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client_cli/broker_client.h"

namespace baton::cli::top {

// Tasks of a list that are asked for at most.
inline constexpr size_t kListedTasks = 100;

// Pages of lists that are asked for in one round: one may be empty and still have a successor.
inline constexpr int kPagesOfRound = 5;

struct ListedTasks {
  std::vector<v1::Task> tasks;
  // There are no others that match.
  bool complete = false;
};

// Reads kListedTasks or `*pages` pages at most, which are taken off. `timeout` is for each call.
absl::StatusOr<ListedTasks> ListFirst(Broker& broker, const v1::TaskFilter& filter, absl::Duration timeout, int* pages);

}  // namespace baton::cli::top
