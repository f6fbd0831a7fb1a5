#include "tests/bench/outcome_report.h"

#include <utility>

#include "broker/base/status_macros.h"
#include "tests/bench/samples.h"

namespace baton::bench {

Report BeginReport(const BenchOptions& options) {
  return {{"mode", options.mode}, {"tasks", options.tasks}, {"machine", MachineReport()}};
}

double TasksPerSecond(uint64_t tasks, Interval interval) {
  return Rounded(static_cast<double>(tasks) / interval.seconds());
}

void AddRate(Report* report, uint64_t tasks, Interval interval) {
  (*report)["seconds"] = Rounded(interval.seconds());
  (*report)["tasks_per_second"] = TasksPerSecond(tasks, interval);
}

std::vector<int64_t> LatenciesOf(const Board& board, const Portion& portion) {
  std::vector<int64_t> latencies;
  latencies.reserve(portion.count);
  for (uint64_t i = portion.first; i < portion.end(); ++i) {
    const Entry& entry = board.entry(i);
    if (entry.start_at.load() != 0) latencies.push_back(entry.start_at.load() - entry.submit_at.load());
  }
  return latencies;
}

void AddLatency(Report* report, const std::string& name, const Board& board, const Portion& portion) {
  (*report)[name] = QuantilesReport(QuantilesOf(LatenciesOf(board, portion)));
}

absl::Status VerifyAll(TestBed* bed, const Portions& portions) {
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  RETURN_IF_ERROR(VerifyBoard(bed->board(), portions));
  RETURN_IF_ERROR(VerifyCounts(broker.get(), portions));
  if (bed->options().verify == Verify::kCounts) return absl::OkStatus();
  return VerifyEachTask(broker.get(), bed->board(), portions);
}

void AddVerdict(Report* report, const absl::Status& verdict) {
  (*report)["verified"] = verdict.ok();
  if (!verdict.ok()) (*report)["problem"] = verdict.ToString();
}

}  // namespace baton::bench
