#include "client_cli/top/latest_failures.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "client_cli/text/proto_time.h"
#include "client_cli/top/task_lists.h"

namespace baton::cli::top {
namespace {

// So many are worth a look no further back.
constexpr size_t kEnough = kListedTasks / 4;

v1::TaskFilter FailedSince(absl::Time since) {
  v1::TaskFilter filter;
  filter.add_states(v1::TASK_STATE_PERMANENTLY_FAILED);
  if (since != absl::InfinitePast()) *filter.mutable_ended_since() = FromMicroseconds(absl::ToUnixMicros(since));
  return filter;
}

// Later than `since`, of which the tasks are only a part: kEnough of them, or half, have ended by then or after it; of
// tasks that ended at `since`, none.
absl::Time Later(const std::vector<v1::Task>& tasks, absl::Time since) {
  std::vector<int64_t> ends;
  for (const v1::Task& task : tasks) ends.push_back(task.ended_at_us());
  std::sort(ends.begin(), ends.end(), std::greater<>());
  const absl::Time later = absl::FromUnixMicros(ends[std::min(kEnough, (ends.size() + 1) / 2) - 1]);
  return later > since ? later : absl::FromUnixMicros(ends.front() + 1);
}

std::vector<v1::Task> LatestFirst(std::map<uint64_t, v1::Task> by_id) {
  std::vector<v1::Task> tasks;
  for (auto& [id, task] : by_id) tasks.push_back(std::move(task));
  std::sort(tasks.begin(), tasks.end(), [](const v1::Task& left, const v1::Task& right) {
    if (left.ended_at_us() != right.ended_at_us()) return left.ended_at_us() > right.ended_at_us();
    return left.id() > right.id();
  });
  if (tasks.size() > kListedTasks) tasks.resize(kListedTasks);
  return tasks;
}

}  // namespace

absl::StatusOr<std::vector<v1::Task>> LatestFailures::Look(Broker& broker, absl::Duration timeout) {
  // What ended before the time of which all are known is kept too: better than nothing.
  std::map<uint64_t, v1::Task> found;
  absl::Time since = since_;
  bool was_cut = false;
  for (int pages = kPagesOfRound; pages > 0;) {
    const absl::StatusOr<ListedTasks> listed = ListFirst(broker, FailedSince(since), timeout, &pages);
    if (!listed.ok()) return listed.status();
    for (const v1::Task& task : listed->tasks) found[task.id()] = task;
    if (listed->complete) {
      since_ = since;
      if (was_cut || since == absl::InfinitePast() || listed->tasks.size() >= kEnough) break;
      since = std::exchange(wider_, absl::InfinitePast());
    } else {
      was_cut = true;
      wider_ = since;
      if (since < since_ || listed->tasks.empty()) break;
      since = since_ = Later(listed->tasks, since);
    }
  }
  return LatestFirst(std::move(found));
}

}  // namespace baton::cli::top
