#include "tests/bench/verify.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr int kPageSize = 1000;

// Ids of a run are neighbours; a set of them is a bitmap above the smallest one.
class IdSet {
 public:
  explicit IdSet(const Board& board, Range range) {
    uint64_t highest = 0;
    for (uint64_t i = range.first; i < range.first + range.count; ++i) {
      const uint64_t id = board.entry(i).submitted_id.load(std::memory_order_relaxed);
      lowest_ = std::min(lowest_, id);
      highest = std::max(highest, id);
    }
    if (range.count > 0) spread_ = highest - lowest_ + 1;
  }

  // Whether the ids are near enough to each other to be a run's.
  bool is_dense(uint64_t count) const { return spread_ <= 16 * count + 1'000'000; }
  void Prepare() { seen_.assign(spread_, false); }
  bool contains(uint64_t id) const { return id >= lowest_ && id - lowest_ < spread_ && seen_[id - lowest_]; }
  // False if it was there already.
  bool Add(uint64_t id) { return !Set(id, true); }
  void Remove(uint64_t id) { Set(id, false); }

 private:
  // Answers what it was.
  bool Set(uint64_t id, bool value) {
    const bool before = seen_[id - lowest_];
    seen_[id - lowest_] = value;
    return before;
  }

  uint64_t lowest_ = UINT64_MAX;
  uint64_t spread_ = 0;
  std::vector<bool> seen_;
};

absl::StatusOr<IdSet> IdsOf(const Board& board, Range range) {
  IdSet ids(board, range);
  if (!ids.is_dense(range.count)) {
    return absl::DataLossError("ids of the submitted tasks are far apart: some submission was never answered");
  }
  ids.Prepare();
  for (uint64_t i = range.first; i < range.first + range.count; ++i) {
    const uint64_t id = board.entry(i).submitted_id.load(std::memory_order_relaxed);
    if (!ids.Add(id)) return absl::DataLossError(absl::StrCat("id ", id, " was given to two submissions"));
  }
  return ids;
}

absl::Status CheckEntry(const Entry& entry, uint64_t sequence, uint32_t runs) {
  const uint64_t id = entry.submitted_id.load(std::memory_order_relaxed);
  if (entry.submits.load() != 1 || id == 0) {
    return absl::DataLossError(
        absl::StrCat("submission ", sequence, " was answered ", entry.submits.load(), " times, with id ", id));
  }
  if (entry.runs.load() != runs) {
    return absl::DataLossError(
        absl::StrCat("task ", id, " (submission ", sequence, ") ran ", entry.runs.load(), " times instead of ", runs));
  }
  if (runs > 0 && entry.ran_id.load() != id) {
    return absl::DataLossError(
        absl::StrCat("submission ", sequence, " was answered with id ", id, " but ran as task ", entry.ran_id.load()));
  }
  return absl::OkStatus();
}

absl::Status CheckTask(const v1::Task& task, Expected expected) {
  const bool is_waiting = expected == Expected::kWaiting;
  const v1::TaskState state = is_waiting ? v1::TASK_STATE_PENDING : v1::TASK_STATE_COMPLETED;
  const int attempt = is_waiting ? 0 : 1;
  if (task.state() == state && task.attempt() == attempt) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("task ", task.id(), " is ", v1::TaskState_Name(task.state()), " at attempt ",
                                          task.attempt(), " instead of ", v1::TaskState_Name(state), " at attempt ",
                                          attempt));
}

}  // namespace

absl::Status VerifyBoard(const Board& board, Range range, Expected expected) {
  const uint32_t runs = expected == Expected::kCompleted ? 1 : 0;
  for (uint64_t i = range.first; i < range.first + range.count; ++i)
    RETURN_IF_ERROR(CheckEntry(board.entry(i), i, runs));
  return IdsOf(board, range).status();
}

absl::Status VerifyEachTask(cli::Broker* broker, const Board& board, Range range, Expected expected) {
  ASSIGN_OR_RETURN(IdSet missing, IdsOf(board, range));
  uint64_t found = 0;
  v1::ListTasksRequest request;
  request.set_page_size(kPageSize);
  do {
    ASSIGN_OR_RETURN(const v1::ListTasksResponse page, broker->ListTasks(request, kCallTimeout));
    for (const v1::Task& task : page.tasks()) {
      if (!missing.contains(task.id())) continue;
      RETURN_IF_ERROR(CheckTask(task, expected));
      missing.Remove(task.id());
      ++found;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && found < range.count);
  if (found == range.count) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the broker lists ", found, " of ", range.count, " tasks"));
}

absl::Status VerifyCounts(cli::Broker* broker, const std::string& type, uint64_t count, Expected expected) {
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, broker->GetStatistics(kCallTimeout));
  for (const v1::TypeStatistics& row : statistics.types()) {
    if (row.type() != type) continue;
    const v1::StateCounts& counts = row.counts();
    const uint64_t all = counts.pending() + counts.running() + counts.suspended() + counts.completed() +
                         counts.permanently_failed() + counts.cancelled();
    const uint64_t right = expected == Expected::kWaiting ? counts.pending() : counts.completed();
    if (right == count && all == count) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("the broker counts ", all, " tasks of type ", type, ", ", right,
                                            " of them as expected, instead of ", count));
  }
  return absl::DataLossError(absl::StrCat("the broker counts no task of type ", type));
}

}  // namespace baton::bench
