#include "tests/bench/fleet.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr absl::Duration kConnectPatience = absl::Minutes(5);

int ProcessesOf(const BenchOptions& options) { return std::min(options.processes, options.workers); }

}  // namespace

absl::Status StartFleet(TestBed* bed, const BenchWorkerOptions& worker) {
  const BenchOptions& options = bed->options();
  const int processes = ProcessesOf(options);
  BenchWorkerOptions process = worker;
  for (int i = 0; i < processes; ++i) {
    process.index = i;
    process.fleet = options.workers / processes + (i < options.workers % processes ? 1 : 0);
    RETURN_IF_ERROR(bed->StartWorker(process));
    process.first_sharer += process.fleet;
  }
  const auto all_connected = [&] {
    const absl::StatusOr<int> workers = CountWorkers(bed);
    return workers.ok() && *workers == options.workers;
  };
  return bed->Await(absl::StrCat("waiting for ", options.workers, " workers"), all_connected, kConnectPatience);
}

absl::Status AwaitFleetDone(TestBed* bed) {
  for (int i = 0; i < ProcessesOf(bed->options()); ++i) RETURN_IF_ERROR(bed->AwaitWorkerDone(i));
  return absl::OkStatus();
}

absl::StatusOr<int> CountWorkers(TestBed* bed) {
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, bed->Connect()->GetStatistics({}, kCallTimeout));
  return statistics.workers();
}

}  // namespace baton::bench
