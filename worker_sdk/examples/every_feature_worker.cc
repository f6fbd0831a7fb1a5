// A worker that uses every feature of the library: see every_feature.h. CAPABILITIES=GPU has it encode.
//
//   baton submit publish --json '{"title": "Metropolis", "formats": ["mp4", "film"]}'
//   baton approve 1 && baton wait 1
#include "every_feature.h"

#include <cstdlib>

#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  baton::Client client;
  absl::Status ready = examples::films::Schedule(client);
  baton::Worker worker({
      // Of two workers of one pod the one that was started later replaces the other.
      .pod_id = "films-1",
      // What runs may take so long after SIGTERM, and is given to others then.
      .drain_deadline = absl::Seconds(20),
      // It leaves, to be started anew, when so many handlers ignore their deadline.
      .max_lost_slots = 4,
  });
  const char* capabilities = std::getenv("CAPABILITIES");
  ready.Update(examples::films::SetUp(
      worker, absl::StrSplit(capabilities != nullptr ? capabilities : "", ',', absl::SkipEmpty())));
  if (ready.ok()) {
    worker.ShutdownOnSignals();
    ready = worker.Run();
  }
  if (!ready.ok()) baton::LogToStderr(baton::LogLevel::kError, ready.ToString());
  return ready.ok() ? 0 : 1;
}
