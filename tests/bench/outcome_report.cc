#include "tests/bench/outcome_report.h"

#include <utility>

#include "broker/base/status_macros.h"
#include "tests/bench/samples.h"

namespace baton::bench {

Report BeginReport(const BenchOptions& options) {
  return {{"mode", options.mode}, {"tasks", options.tasks}, {"machine", MachineReport()}};
}

std::vector<int64_t> LatenciesOf(const Board& board, Range range) {
  std::vector<int64_t> latencies;
  latencies.reserve(range.count);
  for (uint64_t i = range.first; i < range.first + range.count; ++i) {
    const Entry& entry = board.entry(i);
    if (entry.start_at.load() != 0) latencies.push_back(entry.start_at.load() - entry.submit_at.load());
  }
  return latencies;
}

void AddLatency(Report* report, const std::string& name, const Board& board, Range range) {
  (*report)[name] = QuantilesReport(QuantilesOf(LatenciesOf(board, range)));
}

absl::Status VerifyAll(TestBed* bed, Range range, const std::string& type, Expected expected) {
  const std::unique_ptr<cli::Broker> broker = bed->Connect();
  RETURN_IF_ERROR(VerifyBoard(bed->board(), range, expected));
  RETURN_IF_ERROR(VerifyCounts(broker.get(), type, range.count, expected));
  if (bed->options().verify == Verify::kCounts) return absl::OkStatus();
  return VerifyEachTask(broker.get(), bed->board(), range, expected);
}

void AddVerdict(Report* report, const absl::Status& verdict) {
  (*report)["verified"] = verdict.ok();
  if (!verdict.ok()) (*report)["problem"] = verdict.ToString();
}

}  // namespace baton::bench
