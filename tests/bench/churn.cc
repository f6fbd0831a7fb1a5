#include <algorithm>
#include <vector>

#include "broker/base/status_macros.h"
#include "tests/bench/expiry.h"
#include "tests/bench/modes.h"
#include "tests/bench/phases.h"

namespace baton::bench {
namespace {

constexpr size_t kParts = 10;

// How fast each tenth of the tasks went, in the order in which they started.
std::vector<double> RatesOfParts(const Board& board, const Portion& portion) {
  std::vector<int64_t> starts;
  starts.reserve(portion.count);
  for (uint64_t i = portion.first; i < portion.end(); ++i) starts.push_back(board.entry(i).start_at.load());
  std::sort(starts.begin(), starts.end());
  std::vector<double> rates;
  for (size_t part = 0; part < kParts && starts.size() > kParts; ++part) {
    const size_t begin = part * (starts.size() - 1) / kParts;
    const size_t end = (part + 1) * (starts.size() - 1) / kParts;
    rates.push_back(TasksPerSecond(end - begin, {starts[begin], starts[end]}));
  }
  return rates;
}

}  // namespace

absl::StatusOr<Report> RunChurn(const BenchOptions& options) {
  Report report = BeginReport(options);
  const Portion portion{.count = options.tasks};
  const Portion afterwards{.first = portion.end(), .count = options.tasks};
  ASSIGN_OR_RETURN(const std::unique_ptr<TestBed> bed, TestBed::Create(options, afterwards.end()));
  const double before = bed->broker().DiskMebibytes();
  RETURN_IF_ERROR(RunLifecyclePhase(bed.get(), portion, &report).status());
  const std::vector<double> rates = RatesOfParts(bed->board(), portion);
  if (!rates.empty()) {
    report["first_tenth_tasks_per_second"] = rates.front();
    report["last_tenth_tasks_per_second"] = rates.back();
    report["slowest_tenth_tasks_per_second"] = *std::min_element(rates.begin(), rates.end());
  }
  const double after = bed->broker().DiskMebibytes();
  report.erase("disk_mib");
  report["disk_before_mib"] = Rounded(before);
  report["disk_after_mib"] = Rounded(after);
  report["disk_bytes_per_task"] = Rounded((after - before) * (1 << 20) / static_cast<double>(portion.count));
  // Soon the broker has forgotten them.
  absl::Status verdict = VerifyAll(bed.get(), {portion});
  RETURN_IF_ERROR(ExpireAll(bed.get(), &report));
  Report after_expiry;
  RETURN_IF_ERROR(RunLifecyclePhase(bed.get(), afterwards, &after_expiry).status());
  report["rate_after_expiry_tasks_per_second"] = after_expiry["tasks_per_second"];
  report["rate_after_expiry_to_before"] =
      Rounded(after_expiry["tasks_per_second"].get<double>() / report["tasks_per_second"].get<double>());
  verdict.Update(VerifyAll(bed.get(), {afterwards}));
  // No id was given twice.
  verdict.Update(VerifyBoard(bed->board(), {portion, afterwards}));
  AddVerdict(&report, verdict);
  RETURN_IF_ERROR(bed->broker().Stop());
  return report;
}

}  // namespace baton::bench
