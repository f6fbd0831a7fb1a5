// A worker for fan-outs: see fan_out.h, which tests/unit/test_kit/examples_test.cc tests.
#include "fan_out.h"

#include <baton/worker.h>

#include "absl/synchronization/mutex.h"

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker;
  absl::Status used = worker.Use("resize_all", examples::ResizeAll);
  used.Update(worker.Use("make_album", examples::MakeAlbum));
  used.Update(worker.Use("resize", examples::Resize));
  if (!used.ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
