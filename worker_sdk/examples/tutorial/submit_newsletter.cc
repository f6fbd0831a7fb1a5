// The submitter of the tutorial, worker_sdk/README.md: submit_newsletter RECIPIENT...
#include <baton/client.h>
#include <baton/error.h>
#include <baton/json.h>

#include <cstdio>

#include "absl/synchronization/mutex.h"

namespace {

absl::StatusOr<baton::TaskInfo> SendToday(baton::Client& client, const nlohmann::json& recipients) {
  const absl::StatusOr<baton::Submitted> task = client.Submit({
      .type = "newsletter",
      .payload = nlohmann::json{{"to", recipients}},
      // However often this program is started today: there is one newsletter under way.
      .unique_key = "today",
      .total_timeout = absl::Hours(96),
  });
  if (!task.ok()) return task.status();
  std::printf("newsletter %llu %s\n", static_cast<unsigned long long>(task->id),
              task->existing ? "is under way" : "was submitted");
  std::fflush(stdout);
  return client.Wait(task->id, absl::Hours(96));
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  baton::Client client;
  const absl::StatusOr<baton::TaskInfo> end = SendToday(client, std::vector<std::string>(argv + 1, argv + argc));
  if (!end.ok()) {
    std::fprintf(stderr, "%s (%s)\n", end.status().ToString().c_str(), baton::ErrorReason(end.status()).c_str());
    return 2;
  }
  std::printf("%s %s%s\n", baton::TaskStateName(end->state), end->result.bytes().c_str(), end->last_error.c_str());
  return end->state == baton::TaskState::kCompleted ? 0 : 1;
}
