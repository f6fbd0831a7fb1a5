// What one caller of Watch is told.
#ifndef BATON_BROKER_SERVICE_READ_TASK_WATCH_H_
#define BATON_BROKER_SERVICE_READ_TASK_WATCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/service/read/journal.h"
#include "broker/service/read/page_limits.h"
#include "broker/service/read/task_filter.h"
#include "broker/service/read/task_message.h"

namespace baton::service {

// All that is kept of a watcher is its request and a position in the journal, which every resume token is: what is
// worth telling is found when it can be told. Not thread-safe.
class TaskWatch {
 public:
  // To be called once, first. Errors: BAD_FILTER, BAD_RESUME_TOKEN, WATCH_EXPIRED.
  Error Begin(const v1::WatchRequest& request, uint64_t incarnation);

  // One response: what is new in the view, as far as it fits. Of `limits` the time is for the first telling of all
  // tasks. Errors: WATCH_EXPIRED, STORE_DAMAGED; TASK_NOT_FOUND and TASK_EXPIRED if one task is watched.
  Error Tell(const Surroundings& surroundings, const Clock& clock, const PageLimits& limits,
             v1::WatchResponse* response);

  // 0: all that match are watched.
  TaskId task() const { return request_.task_id(); }

 private:
  Error TellMatching(const Surroundings& surroundings, const Clock& clock, const PageLimits& limits,
                     v1::WatchResponse* response);
  Error TellChanged(const Surroundings& surroundings, const PageLimits& limits, v1::WatchResponse* response);
  Error TellEach(const Surroundings& surroundings, const PageLimits& limits, const std::vector<Change>& changes,
                 TaskFilter* filter, v1::WatchResponse* response);
  Error ReadToken(const std::string& token);
  std::string Token() const;
  // A token is good for one watch, as a page token is for one list.
  std::string ListName() const;

  v1::WatchRequest request_;
  uint64_t incarnation_ = 0;
  // What is told next; number 0: it has not begun.
  JournalPosition position_;
  // While all that match are told, before anything else.
  bool telling_all_ = false;
  std::string page_token_;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_WATCH_H_
