// Waiting for tasks to end.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client_cli/progress_display.h"
#include "client_cli/session.h"

namespace baton::cli {

// Waits until all have ended, in their order, and shows the progress. Calls `each` with an ended task and its result as
// soon as it and the ones before have ended. Stops at the first failed call; at `deadline` with DEADLINE_EXCEEDED,
// reason WAIT_TIMED_OUT, once `each` was called for later ones that have ended, too: that takes no longer than one call
// may, and the error says of how many it is not known. A broker that was reached once, or has answered before
// (`reached`), may be gone for half a minute: a restart does not end the wait.
absl::Status WaitForTasks(Session& session, const std::vector<uint64_t>& task_ids, absl::Time deadline, bool reached,
                          const std::function<void(const v1::Task&)>& each);

// `timeout` from now; never without one.
absl::Time WaitDeadline(const Session& session, std::optional<absl::Duration> timeout);

// "task 42 is PERMANENTLY_FAILED after 3 attempts: <error>": why there is no result.
std::string WhyNotCompleted(const v1::Task& task);

}  // namespace baton::cli
