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

// Returns the task, with its result, once it is terminal. Fails with DEADLINE_EXCEEDED, reason WAIT_TIMED_OUT, at
// `deadline`. A broker that was reached once may be gone for half a minute: a restart does not end the wait.
// `display`, which may be null, shows the changes in between.
absl::StatusOr<v1::Task> WaitForTask(Session& session, uint64_t task_id, absl::Time deadline, ProgressDisplay* display);

// Waits for all, in their order, and shows the progress. Writes each ended task to `each` as soon as it and the ones
// before have ended. Stops at the first failed call.
absl::Status WaitForTasks(Session& session, const std::vector<uint64_t>& task_ids, absl::Time deadline,
                          const std::function<void(const v1::Task&)>& each);

// `timeout` from now; never without one.
absl::Time WaitDeadline(const Session& session, std::optional<absl::Duration> timeout);

// "task 42 is PERMANENTLY_FAILED after 3 attempts: <error>": why there is no result.
std::string WhyNotCompleted(const v1::Task& task);

}  // namespace baton::cli
