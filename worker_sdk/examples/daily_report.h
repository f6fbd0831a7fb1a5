// A worker that has its own work scheduled: a report at the end of every day, or whenever REPORT_CRON says.
//
// Every process makes sure, when it starts, that the schedule is there; whoever comes second finds it. A report that
// fails for good pauses the schedule: `baton schedule show daily-report` tells why, `baton schedule unpause` goes on.
#ifndef BATON_EXAMPLES_DAILY_REPORT_H_
#define BATON_EXAMPLES_DAILY_REPORT_H_

#include <baton/client.h>
#include <baton/worker.h>

#include <iostream>
#include <string>

namespace examples {

inline baton::Outcome Report(baton::Task& task) {
  // The instant that the report is about does not depend on when it runs, nor on how often.
  // Tasks that were triggered, or submitted by hand, have none.
  const bool by_hand = task.scheduled_at() == absl::InfinitePast();
  const absl::Time day = by_hand ? task.created_at() : task.scheduled_at();
  std::cout << "report of " << absl::FormatTime(day, absl::UTCTimeZone()) << std::endl;
  return "done";
}

inline absl::Status Schedule(baton::Client& client, const std::string& cron) {
  return client
      .CreateSchedule({.name = "daily-report", .cron = cron, .task = {.type = "report", .options = {.max_retries = 5}}},
                      /*replace=*/true)
      .status();
}

}  // namespace examples

#endif  // BATON_EXAMPLES_DAILY_REPORT_H_
