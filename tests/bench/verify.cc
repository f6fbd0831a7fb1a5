#include "tests/bench/verify.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);
constexpr int kPageSize = 1000;

uint64_t CountOf(const Portions& portions) {
  uint64_t count = 0;
  for (const Portion& portion : portions) count += portion.count;
  return count;
}

uint64_t IdOf(const Board& board, uint64_t sequence) {
  return board.entry(sequence).submitted_id.load(std::memory_order_relaxed);
}

// From the id of a task to its number. Ids of a run are neighbours: a table above the smallest one.
class IdTable {
 public:
  static absl::StatusOr<IdTable> Make(const Board& board, const Portions& portions) {
    IdTable table;
    RETURN_IF_ERROR(table.Span(board, portions));
    for (const Portion& portion : portions) {
      for (uint64_t i = portion.first; i < portion.end(); ++i) RETURN_IF_ERROR(table.Add(IdOf(board, i), i));
    }
    return table;
  }

  // Nothing if it is not on the board, or was taken before.
  std::optional<uint64_t> Take(uint64_t id) {
    if (id < lowest_ || id - lowest_ >= places_.size() || places_[id - lowest_] == 0) return std::nullopt;
    const uint64_t sequence = places_[id - lowest_] - 1;
    places_[id - lowest_] = 0;
    return sequence;
  }

 private:
  absl::Status Span(const Board& board, const Portions& portions) {
    uint64_t highest = 0;
    for (const Portion& portion : portions) {
      for (uint64_t i = portion.first; i < portion.end(); ++i) {
        lowest_ = std::min(lowest_, IdOf(board, i));
        highest = std::max(highest, IdOf(board, i));
      }
    }
    const uint64_t spread = highest < lowest_ ? 0 : highest - lowest_ + 1;
    if (spread > 16 * CountOf(portions) + 1'000'000) {
      return absl::DataLossError("ids of the submitted tasks are far apart: some submission was never answered");
    }
    places_.assign(spread, 0);
    return absl::OkStatus();
  }

  absl::Status Add(uint64_t id, uint64_t sequence) {
    uint32_t& place = places_[id - lowest_];
    if (place != 0) return absl::DataLossError(absl::StrCat("id ", id, " was given to two submissions"));
    place = static_cast<uint32_t>(sequence) + 1;
    return absl::OkStatus();
  }

  uint64_t lowest_ = UINT64_MAX;
  // Number + 1; 0: none.
  std::vector<uint32_t> places_;
};

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

const Portion& PortionOf(const Portions& portions, uint64_t sequence) {
  return *std::find_if(portions.begin(), portions.end(), [sequence](const Portion& portion) {
    return sequence >= portion.first && sequence < portion.end();
  });
}

absl::Status CheckTask(const v1::Task& task, const Portion& portion, uint64_t sequence) {
  const Fate fate = portion.fate(sequence);
  const std::string type = TypeOf(portion.kind, sequence);
  const auto percent = static_cast<int>(task.progress().percent());
  if (task.type() == type && task.state() == fate.state && task.attempt() == static_cast<int>(fate.runs) &&
      percent == fate.percent) {
    return absl::OkStatus();
  }
  const auto describe = [](const std::string& name, v1::TaskState state, int64_t attempt, int done) {
    return absl::StrCat(name, " ", v1::TaskState_Name(state), " at attempt ", attempt, ", progress ", done, " %");
  };
  return absl::DataLossError(absl::StrCat("task ", task.id(), " is ",
                                          describe(task.type(), task.state(), task.attempt(), percent), " instead of ",
                                          describe(type, fate.state, fate.runs, fate.percent)));
}

using CountsByState = std::map<v1::TaskState, uint64_t>;

CountsByState CountsOf(const v1::StateCounts& counts) {
  return {{v1::TASK_STATE_PENDING, counts.pending()},
          {v1::TASK_STATE_RUNNING, counts.running()},
          {v1::TASK_STATE_SUSPENDED, counts.suspended()},
          {v1::TASK_STATE_COMPLETED, counts.completed()},
          {v1::TASK_STATE_PERMANENTLY_FAILED, counts.permanently_failed()},
          {v1::TASK_STATE_CANCELLED, counts.cancelled()}};
}

std::map<std::string, CountsByState> ExpectedCounts(const Portions& portions) {
  std::map<std::string, CountsByState> expected;
  for (const Portion& portion : portions) {
    for (const std::string& type : TypesOf(portion.kind)) expected.try_emplace(type, CountsOf(v1::StateCounts()));
    for (uint64_t i = portion.first; i < portion.end(); ++i) {
      ++expected[TypeOf(portion.kind, i)][portion.fate(i).state];
    }
  }
  return expected;
}

std::string Describe(const CountsByState& counts) {
  std::string text;
  for (const auto& [state, count] : counts) {
    if (count > 0) absl::StrAppend(&text, text.empty() ? "" : ", ", count, " ", v1::TaskState_Name(state));
  }
  return text.empty() ? "none" : text;
}

absl::Status VerifyHistory(cli::Broker* broker, uint64_t id, int checkpoints) {
  v1::ListEventsRequest request;
  request.set_task_id(id);
  request.set_page_size(kPageSize);
  ASSIGN_OR_RETURN(const v1::ListEventsResponse page, broker->ListEvents(request, kCallTimeout));
  const auto found = std::count_if(page.events().begin(), page.events().end(),
                                   [](const v1::Event& event) { return event.type() == v1::EVENT_TYPE_CHECKPOINT; });
  if (found == checkpoints) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the history of task ", id, " has ", found, " marks instead of ", checkpoints));
}

}  // namespace

absl::Status VerifyBoard(const Board& board, const Portions& portions) {
  for (const Portion& portion : portions) {
    for (uint64_t i = portion.first; i < portion.end(); ++i) {
      RETURN_IF_ERROR(CheckEntry(board.entry(i), i, portion.fate(i).runs));
    }
  }
  return IdTable::Make(board, portions).status();
}

absl::Status VerifyEachTask(cli::Broker* broker, const Board& board, const Portions& portions) {
  ASSIGN_OR_RETURN(IdTable missing, IdTable::Make(board, portions));
  const uint64_t count = CountOf(portions);
  uint64_t found = 0;
  v1::ListTasksRequest request;
  request.set_page_size(kPageSize);
  do {
    ASSIGN_OR_RETURN(const v1::ListTasksResponse page, broker->ListTasks(request, kCallTimeout));
    for (const v1::Task& task : page.tasks()) {
      const std::optional<uint64_t> sequence = missing.Take(task.id());
      if (!sequence) continue;
      RETURN_IF_ERROR(CheckTask(task, PortionOf(portions, *sequence), *sequence));
      ++found;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && found < count);
  if (found == count) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the broker lists ", found, " of ", count, " tasks"));
}

absl::Status VerifyCounts(cli::Broker* broker, const Portions& portions) {
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, broker->GetStatistics({}, kCallTimeout));
  std::map<std::string, CountsByState> counted;
  for (const v1::TypeStatistics& row : statistics.types()) counted[row.type()] = CountsOf(row.counts());
  for (const auto& [type, expected] : ExpectedCounts(portions)) {
    const CountsByState found = counted.contains(type) ? counted[type] : CountsOf(v1::StateCounts());
    if (found == expected) continue;
    return absl::DataLossError(
        absl::StrCat("the broker counts ", Describe(found), " of type ", type, " instead of ", Describe(expected)));
  }
  return absl::OkStatus();
}

absl::Status VerifyHistories(cli::Broker* broker, const Board& board, const Portion& portion, uint64_t limit) {
  uint64_t looked_at = 0;
  for (uint64_t i = portion.first; i < portion.end() && looked_at < limit; ++i) {
    const int checkpoints = portion.fate(i).checkpoints;
    if (checkpoints == 0) continue;
    RETURN_IF_ERROR(VerifyHistory(broker, IdOf(board, i), checkpoints));
    ++looked_at;
  }
  return absl::OkStatus();
}

}  // namespace baton::bench
