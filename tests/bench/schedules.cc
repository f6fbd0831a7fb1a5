#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"
#include "tests/bench/modes.h"
#include "tests/bench/outcome_report.h"
#include "tests/bench/phases.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr absl::Duration kPatience = absl::Minutes(10);
// Callers that create schedules, each one after another.
constexpr int kCallers = 32;
// How long creating may take for each, with room for slow machines; the schedules are due afterwards.
constexpr absl::Duration kRoomForEach = absl::Microseconds(500);
constexpr absl::Duration kRoom = absl::Seconds(5);

v1::CreateScheduleRequest MakeSchedule(uint64_t number, absl::Time due) {
  const absl::TimeZone::CivilInfo time = absl::UTCTimeZone().At(due);
  v1::CreateScheduleRequest request;
  v1::ScheduleDefinition* schedule = request.mutable_schedule();
  schedule->set_name(absl::StrCat("s", number));
  schedule->set_cron(absl::StrCat(time.cs.second(), " ", time.cs.minute(), " ", time.cs.hour(), " * * *"));
  schedule->mutable_task()->set_type("scheduled");
  schedule->mutable_task()->mutable_payload()->set_data(std::string(200, 'x'));
  return request;
}

absl::Status CreateAll(TestBed* bed, uint64_t count, absl::Time due) {
  std::atomic<uint64_t> next = 0, failed = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, broker = std::shared_ptr<cli::Broker>(bed->Connect())] {
      for (uint64_t number = next++; number < count; number = next++) {
        if (!broker->CreateSchedule(MakeSchedule(number, due), kCallTimeout).ok()) ++failed;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  if (failed > 0) return absl::UnavailableError(absl::StrCat(failed.load(), " schedules could not be created"));
  if (absl::Now() < due) return absl::OkStatus();
  return absl::DeadlineExceededError("creating the schedules took longer than until they are due");
}

absl::StatusOr<uint64_t> CountFired(TestBed* bed) {
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, bed->Connect()->GetStatistics({}, kCallTimeout));
  return statistics.counts().pending();
}

absl::Status AwaitFired(TestBed* bed, uint64_t count) {
  const auto fired = [&] {
    const absl::StatusOr<uint64_t> seen = CountFired(bed);
    return seen.ok() && *seen >= count;
  };
  return bed->Await(absl::StrCat("waiting for ", count, " firings"), fired, kPatience);
}

// Every schedule has fired once; `lateness`: from the instant to the creation of the task.
absl::Status VerifyFirings(TestBed* bed, uint64_t count, std::vector<int64_t>* lateness) {
  const auto broker = bed->Connect();
  std::set<std::string> seen;
  v1::ListTasksRequest request;
  request.set_page_size(1000);
  do {
    ASSIGN_OR_RETURN(const v1::ListTasksResponse page, broker->ListTasks(request, kCallTimeout));
    for (const v1::Task& task : page.tasks()) {
      if (!seen.insert(task.schedule()).second) {
        return absl::DataLossError(absl::StrCat("schedule ", task.schedule(), " has fired twice"));
      }
      lateness->push_back((task.created_at_us() - task.scheduled_at_us()) * 1000);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  if (seen.size() == count) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(seen.size(), " of ", count, " schedules have fired"));
}

}  // namespace

absl::StatusOr<Report> RunSchedules(const BenchOptions& options) {
  Report report = {{"mode", options.mode}, {"schedules", options.tasks}, {"machine", MachineReport()}};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, options.tasks));
  const absl::Time begin = absl::Now();
  const absl::Duration room = kRoom + kRoomForEach * static_cast<int64_t>(options.tasks);
  const absl::Time due = absl::FromUnixSeconds(absl::ToUnixSeconds(begin + room));
  RETURN_IF_ERROR(CreateAll(bed.get(), options.tasks, due));
  report["create"]["seconds"] = Rounded(absl::ToDoubleSeconds(absl::Now() - begin));
  report["create"]["schedules_per_second"] =
      Rounded(static_cast<double>(options.tasks) / absl::ToDoubleSeconds(absl::Now() - begin));
  ASSIGN_OR_RETURN(const ProcessUsage usage, bed->broker().Usage());
  report["broker_rss_mib"] = Rounded(usage.rss_mib);
  RETURN_IF_ERROR(bed->Watch("waiting until they are due", due - absl::Now()));
  // The broker dies in the middle of it.
  RETURN_IF_ERROR(AwaitFired(bed.get(), options.tasks / 3));
  bed->broker().Kill();
  RETURN_IF_ERROR(bed->broker().Start());
  RETURN_IF_ERROR(AwaitFired(bed.get(), options.tasks));
  std::vector<int64_t> lateness;
  AddVerdict(&report, VerifyFirings(bed.get(), options.tasks, &lateness));
  report["late_ms"] = QuantilesReport(QuantilesOf(std::move(lateness)));
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
