// Submits a task to hello_worker and waits for its answer: submit_hello [NAME]
#include <baton/client.h>

#include <cstdio>

#include "absl/synchronization/mutex.h"

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  baton::Client client;
  const absl::StatusOr<baton::Submitted> task =
      client.Submit({.type = "hello", .payload = argc > 1 ? argv[1] : "world"});
  if (!task.ok()) return std::fprintf(stderr, "%s\n", task.status().ToString().c_str()), 1;
  const absl::StatusOr<baton::TaskInfo> end = client.Wait(task->id, absl::Minutes(1));
  if (!end.ok()) return std::fprintf(stderr, "%s\n", end.status().ToString().c_str()), 1;
  if (end->state != baton::TaskState::kCompleted) {
    return std::fprintf(stderr, "%s: %s\n", baton::TaskStateName(end->state), end->last_error.c_str()), 1;
  }
  std::printf("%s\n", end->result.bytes().c_str());
}
