#include "broker/service/read/timed_search.h"

namespace baton::service {

TimedSearch::TimedSearch(const engine::View& view, const v1::TaskFilter& filter, const Clock& clock, Micros budget)
    : TaskSearch(view, filter), clock_(clock), deadline_(clock.Read().steady + budget) {}

void TimedSearch::EndPage(TaskId id) {
  End();
  rest_ = id;
}

void TimedSearch::Passed(TaskId id) {
  if (++ids_since_clock_ >= kIdsPerClockRead) PassedPage(id);
}

void TimedSearch::PassedPage(TaskId id) {
  ids_since_clock_ = 0;
  if (id > 1 && clock_.Read().steady >= deadline_) EndPage(id - 1);
}

}  // namespace baton::service
