#include <baton/worker.h>

int main() {
  baton::Worker worker;
  const absl::Status used = worker.Use("shout", [](baton::Task& task) { return task.payload().bytes() + "!"; });
  if (!used.ok()) return 2;
  worker.ShutdownOnSignals();
  return worker.Run().ok() ? 0 : 1;
}
