// A worker for orders that a human may have to approve: see approval.h, which tests/unit/test_kit/examples_test.cc
// tests.
#include "approval.h"

#include <baton/worker.h>

#include "absl/synchronization/mutex.h"

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker;
  if (!worker.Use("order", examples::Order).ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
