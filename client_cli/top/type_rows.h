// What is known of each type of task, and in which order it is shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "baton/v1/admin.pb.h"

namespace baton::cli::top {

struct TypeRow {
  std::string type;
  v1::TypeStatistics statistics;
  int32_t workers = 0;
  bool paused = false;
  // Attempts that may run at the same time; 0: no limit.
  int32_t limit = 0;

  bool reaches_limit() const;
  // More are due than its limit lets run, and nothing else holds them back.
  bool waits_for_limit() const;
};

enum class Sorting {
  // What no worker can run, then what is paused, what waits for its limit, and what else waits.
  kAttention,
  kName,
  kRate,
  kFailures,
  // What waits longest.
  kOldest,
};

const char* SortingName(Sorting sorting);

// The next one of those that are gone through in a circle; kOldest is not.
Sorting NextSorting(Sorting sorting);

// One row for each type that is in either answer, in no order.
std::vector<TypeRow> MergeTypes(const v1::GetStatisticsResponse& statistics, const v1::ListTypesResponse& types);

// Equal ones by name.
void SortTypes(Sorting sorting, std::vector<TypeRow>& rows);

}  // namespace baton::cli::top
