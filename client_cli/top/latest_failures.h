// Which tasks failed last.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client_cli/broker_client.h"

namespace baton::cli::top {

// The broker lists by id, and an old task may be the one that failed last. But it tells all that failed since a time
// that is late enough: that time is sought from look to look, and moves on as tasks fail. Not thread-safe.
class LatestFailures {
 public:
  // At most kListedTasks, the one that ended last first; asks for kPagesOfRound pages at most. Once it has looked a few
  // times, nothing later than the first kListedTasks / 4 is left out, unless more than are listed failed in the same
  // microsecond. `timeout` is for each call.
  absl::StatusOr<std::vector<v1::Task>> Look(Broker& broker, absl::Duration timeout);

 private:
  // What ended since then was few enough to be told, or is expected to be.
  absl::Time since_ = absl::InfinitePast();
  // What ended since then was too much.
  absl::Time wider_ = absl::InfinitePast();
};

}  // namespace baton::cli::top
