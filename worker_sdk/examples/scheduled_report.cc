// A worker that has its own work scheduled: see daily_report.h, which tests/unit/test_kit/examples_test.cc tests.
#include <cstdlib>

#include "absl/synchronization/mutex.h"
#include "daily_report.h"

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  const char* cron = std::getenv("REPORT_CRON");
  baton::Client client;
  const absl::Status scheduled = examples::Schedule(client, cron != nullptr ? cron : "0 0 * * *");
  if (!scheduled.ok()) {
    std::cerr << "scheduled_report: " << scheduled << std::endl;
    return 1;
  }
  baton::Worker worker;
  if (!worker.Use("report", examples::Report).ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) std::cerr << "scheduled_report: " << status << std::endl;
  return status.ok() ? 0 : 1;
}
