#include "broker/service/read/task_search.h"

#include <algorithm>
#include <string>
#include <vector>

#include "broker/service/read/rows.h"

namespace baton::service {

TaskSearch::TaskSearch(const engine::View& view, const v1::TaskFilter& filter)
    : view_(view), filter_(view, filter), pages_(view) {}

Error TaskSearch::From(TaskId newest) {
  std::vector<TaskFilter::Interval> intervals;
  if (const std::optional<engine::Wanted> wanted = filter_.FindWanted(); wanted.has_value()) {
    if (wanted->classes.has_value() && wanted->classes->empty()) return {};  // There never was a task of the type.
    index_.emplace(view_, *wanted);
  }
  Error error = filter_.FindIntervals(&intervals);
  for (const TaskFilter::Interval& interval : intervals) {
    if (!error.ok() || over_) break;
    error = Walk(interval.first, std::min(interval.end - 1, newest));
  }
  return error;
}

Error TaskSearch::Walk(TaskId first, TaskId id) {
  while (id >= first && id != 0 && !over_) {
    const TaskId page_first = std::max(first, engine::PageOf(id) * engine::kPageIds);
    Error error = WalkPage(page_first, id);
    if (!error.ok()) error = Damage(std::move(error));
    if (!error.ok()) return error;
    if (!over_) PassedPage(page_first);
    id = page_first - 1;
  }
  return {};
}

// Within one page, which is not read where the index tells of nothing.
Error TaskSearch::WalkPage(TaskId first, TaskId last) {
  engine::SlotSet slots = engine::SlotSet::All();
  if (index_.has_value()) {
    const absl::Status status = index_->Find(engine::PageOf(last), &slots);
    if (!status.ok()) return StoreDamaged(std::string(status.message()));
  }
  std::optional<uint32_t> slot = slots.Highest(engine::SlotOf(last));
  if (!slot.has_value() || *slot < engine::SlotOf(first)) return {};
  const absl::StatusOr<const engine::Page*> page = pages_.Read(engine::PageOf(last));
  if (!page.ok()) return StoreDamaged(std::string(page.status().message()));
  // Most of what is old may be removed, or be in another state: then not an id of the page is looked at.
  if (*page == nullptr || !filter_.MayMatchIn(**page)) return {};
  for (; slot.has_value() && *slot >= engine::SlotOf(first) && !over_; slot = slots.Below(*slot)) {
    Error error = LookAt(**page, *slot);
    if (!error.ok()) return error;
  }
  return {};
}

Error TaskSearch::LookAt(const engine::Page& page, uint32_t slot) {
  const TaskId id = page.first_id() + slot;
  if (filter_.MayMatch(page, slot)) {
    TaskFacts facts;
    facts.id = id;
    facts.state = page.StateAt(slot);
    page.Find(slot, &facts.entry);
    Error error = Look(&facts);
    if (!error.ok()) error = Damage(std::move(error));
    if (!error.ok()) return error;
  }
  if (!over_) Passed(id);
  return {};
}

}  // namespace baton::service
