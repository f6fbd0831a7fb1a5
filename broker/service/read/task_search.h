#ifndef BATON_BROKER_SERVICE_READ_TASK_SEARCH_H_
#define BATON_BROKER_SERVICE_READ_TASK_SEARCH_H_

#include <cstdint>
#include <optional>

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/live/index.h"
#include "broker/service/read/task_filter.h"

namespace baton::service {

// Walks the ids downwards that a filter is about. Whoever derives from it says what is done with those that match, and
// when it is enough. States are told by the live table, types and tags by the index; rows are read only of what is
// left. For one walk; not thread-safe.
class TaskSearch {
 public:
  virtual ~TaskSearch() = default;

  // From `newest` on, until there is no id left or it is over. Errors: STORE_DAMAGED, and those of Look.
  Error From(TaskId newest);

 protected:
  // Both must outlive it.
  TaskSearch(const engine::View& view, const v1::TaskFilter& filter);

  // A task that may match by its state; its row has not been read.
  virtual Error Look(TaskFacts* facts) = 0;
  // All ids from `id` on were looked at: one more, or the rest of its page.
  virtual void Passed(TaskId id) = 0;
  virtual void PassedPage(TaskId id) = 0;
  // Damage that is met; the walk ends with what is returned, or goes on.
  virtual Error Damage(Error error) { return error; }

  const engine::View& view() const { return view_; }
  TaskFilter& filter() { return filter_; }
  void End() { over_ = true; }
  bool over() const { return over_; }

 private:
  Error Walk(TaskId first, TaskId id);
  Error WalkPage(TaskId first, TaskId last);
  Error LookAt(const engine::Page& page, uint32_t slot);

  const engine::View& view_;
  TaskFilter filter_;
  engine::PageCursor pages_;
  // Tells where tasks of the type, or with the tag, can be; nullopt: any will do.
  std::optional<engine::IndexReader> index_;
  bool over_ = false;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_SEARCH_H_
