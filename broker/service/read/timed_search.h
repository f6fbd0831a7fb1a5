#ifndef BATON_BROKER_SERVICE_READ_TIMED_SEARCH_H_
#define BATON_BROKER_SERVICE_READ_TIMED_SEARCH_H_

#include "broker/base/clock.h"
#include "broker/service/read/task_search.h"

namespace baton::service {

// A search that fills one page of an answer: it ends when its time is up, and says where the next page begins. Each
// page gets on by one task that was looked at, or by many that need not be.
class TimedSearch : public TaskSearch {
 public:
  // Newest id that was not looked at; 0: none is left.
  TaskId rest() const { return rest_; }

 protected:
  // All must outlive it. `budget` begins now.
  TimedSearch(const engine::View& view, const v1::TaskFilter& filter, const Clock& clock, Micros budget);

  // Of Look: rows are read, after which the clock is looked at.
  void NoteReading() { ids_since_clock_ = kIdsPerClockRead; }
  // The next page begins with `id`; 0: there is none.
  void EndPage(TaskId id);

 private:
  // Ids looked at in the live table between two looks at the clock.
  static constexpr int kIdsPerClockRead = 1024;

  void Passed(TaskId id) final;
  void PassedPage(TaskId id) final;

  const Clock& clock_;
  const SteadyMicros deadline_;
  TaskId rest_ = 0;
  int ids_since_clock_ = 0;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TIMED_SEARCH_H_
