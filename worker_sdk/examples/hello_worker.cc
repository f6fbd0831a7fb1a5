// A complete worker: greets whoever the payload names. Ends with Ctrl-C.
#include <baton/worker.h>

#include "absl/synchronization/mutex.h"

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker;
  if (!worker.Use("hello", [](baton::Task& task) { return "Hello, " + task.payload().bytes() + "!"; }).ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
