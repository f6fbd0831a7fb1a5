#include "client_cli/top/type_rows.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "client_cli/text/proto_time.h"

namespace baton::cli::top {
namespace {

// Larger first.
using Rank = std::tuple<double, double, double>;

// What an operator holds back.
double HeldBack(const TypeRow& row) { return row.paused ? 2 : row.waits_for_limit() ? 1 : 0; }

Rank RankOf(Sorting sorting, const TypeRow& row) {
  const v1::TypeStatistics& statistics = row.statistics;
  const v1::Activity& activity = statistics.activity();
  auto number = [](uint64_t count) { return static_cast<double>(count); };
  switch (sorting) {
    case Sorting::kAttention:
      return {number(statistics.unservable()), HeldBack(row), number(statistics.due())};
    case Sorting::kRate:
      return {activity.created_per_second() + activity.completed_per_second(), activity.started_per_second(), 0};
    case Sorting::kFailures:
      return {activity.failed_per_second(), number(statistics.counts().permanently_failed()), 0};
    case Sorting::kOldest:
      return {static_cast<double>(ToMicroseconds(statistics.oldest_due())), 0, 0};
    case Sorting::kName:
      break;
  }
  return {0, 0, 0};
}

}  // namespace

bool TypeRow::reaches_limit() const {
  return limit > 0 && statistics.counts().running() >= static_cast<uint64_t>(limit);
}

bool TypeRow::waits_for_limit() const { return reaches_limit() && !paused && statistics.due() > 0; }

const char* SortingName(Sorting sorting) {
  switch (sorting) {
    case Sorting::kAttention:
      return "attention";
    case Sorting::kName:
      return "name";
    case Sorting::kRate:
      return "rate";
    case Sorting::kFailures:
      return "failures";
    case Sorting::kOldest:
      return "oldest waiting";
  }
  return "";
}

Sorting NextSorting(Sorting sorting) {
  switch (sorting) {
    case Sorting::kAttention:
      return Sorting::kName;
    case Sorting::kName:
      return Sorting::kRate;
    case Sorting::kRate:
      return Sorting::kFailures;
    default:
      return Sorting::kAttention;
  }
}

std::vector<TypeRow> MergeTypes(const v1::GetStatisticsResponse& statistics, const v1::ListTypesResponse& types) {
  std::map<std::string, TypeRow> merged;
  for (const v1::TypeInfo& info : types.types()) {
    TypeRow& row = merged[info.type()];
    row.workers = info.workers();
    row.paused = info.has_pause();
    row.limit = info.limit().max_running();
    *row.statistics.mutable_counts() = info.counts();
    row.statistics.set_unservable(info.unservable());
  }
  for (const v1::TypeStatistics& type : statistics.types()) {
    v1::TypeStatistics& known = merged[type.type()].statistics;
    // An older broker tells it in the list of types only.
    const uint64_t unservable = std::max(known.unservable(), type.unservable());
    known = type;
    known.set_unservable(unservable);
  }
  std::vector<TypeRow> rows;
  for (auto& [type, row] : merged) {
    row.type = type;
    rows.push_back(std::move(row));
  }
  return rows;
}

void SortTypes(Sorting sorting, std::vector<TypeRow>& rows) {
  std::sort(rows.begin(), rows.end(), [sorting](const TypeRow& left, const TypeRow& right) {
    const Rank left_rank = RankOf(sorting, left);
    const Rank right_rank = RankOf(sorting, right);
    return left_rank != right_rank ? left_rank > right_rank : left.type < right.type;
  });
}

}  // namespace baton::cli::top
