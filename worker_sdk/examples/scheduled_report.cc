// A worker that has its own work scheduled: a report at the end of every day, or whenever REPORT_CRON says.
//
// Every process makes sure, when it starts, that the schedule is there; whoever comes second finds it. A report that
// fails for good pauses the schedule: `baton schedule show daily-report` tells why, `baton schedule unpause` goes on.
#include <baton/client.h>
#include <baton/worker.h>

#include <cstdlib>
#include <iostream>

#include "absl/synchronization/mutex.h"

namespace {

baton::Outcome Report(baton::Task& task) {
  // The instant that the report is about does not depend on when it runs, nor on how often.
  // Tasks that were triggered, or submitted by hand, have none.
  const bool by_hand = task.scheduled_at() == absl::InfinitePast();
  const absl::Time day = by_hand ? task.created_at() : task.scheduled_at();
  std::cout << "report of " << absl::FormatTime(day, absl::UTCTimeZone()) << std::endl;
  return "done";
}

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  const char* cron = std::getenv("REPORT_CRON");
  baton::Client client;
  const absl::StatusOr<baton::CreatedSchedule> schedule =
      client.CreateSchedule({.name = "daily-report",
                             .cron = cron != nullptr ? cron : "0 0 * * *",
                             .task = {.type = "report", .options = {.max_retries = 5}}},
                            /*replace=*/true);
  if (!schedule.ok()) {
    std::cerr << "scheduled_report: " << schedule.status() << std::endl;
    return 1;
  }
  baton::Worker worker;
  if (!worker.Use("report", Report).ok()) return 2;
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  if (!status.ok()) std::cerr << "scheduled_report: " << status << std::endl;
  return status.ok() ? 0 : 1;
}
