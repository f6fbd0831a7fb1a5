// Routing by capability: `train` needs a GPU, `clean` does not. A worker started with CAPABILITIES=GPU gets both, one
// without gets only `clean`; tasks that need a GPU wait until there is a worker that has one, and `baton get` says so.
#include <baton/worker.h>

#include <cstdlib>

#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Worker worker;
  baton::WorkerOptions options;
  const char* capabilities = std::getenv("CAPABILITIES");
  if (capabilities != nullptr) options.capabilities = absl::StrSplit(capabilities, ',', absl::SkipEmpty());
  if (!worker.Configure(options).ok()) return 2;

  const auto work = [](baton::Task& task) { return task.type() + " of " + task.payload().bytes() + " done"; };
  // What the handler requires holds for its tasks; a task may say otherwise (baton submit --require, --require-none).
  absl::Status used = worker.Use("train", {.handler = work, .options = {.required_capabilities = {{"GPU"}}}});
  used.Update(worker.Use("clean", work));
  if (!used.ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
