// The history of a task, or of a workflow, as a list of events. A stored row stands for several of them.
#ifndef BATON_BROKER_SERVICE_READ_EVENTS_H_
#define BATON_BROKER_SERVICE_READ_EVENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"
#include "broker/service/read/page_limits.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// Expands rows, in their order, into events. Each state change appears once, and the state after an event is the state
// before the next one: a failed attempt is RUNNING → RUNNING, what the broker made of it (retry, final failure) is
// RUNNING → … . What a task's rows stand for never changes while its history grows, so numbers of events stay; only the
// return from children, which has no row, is told with a better time once the next attempt was claimed.
class EventExpander {
 public:
  // What an expansion needs to know of the rows before.
  struct Context {
    v1::TaskState state = v1::TASK_STATE_UNSPECIFIED;
    bool waits_for_children = false;
    uint32_t stage = 0;
    // Highest attempt that was told as claimed.
    uint32_t attempt = 0;
    // When the last state change was told; what is derived without a row of its own is not earlier.
    WallMicros time = 0;
  };

  explicit EventExpander(TaskId task) : task_(task) {}

  const Context& context() const { return context_; }
  void set_context(const Context& context) { context_ = context; }

  // Each replaces what `events` holds. Numbers of events are left open.
  void ExpandTaskRow(const records::v1::TaskRow& row, std::vector<v1::Event>* events);
  void ExpandStep(const records::v1::Step& step, std::vector<v1::Event>* events);
  // What no row tells yet: the return from children, the attempt that runs. `worker` has the running attempt.
  void ExpandLiveEntry(const engine::LiveEntry& entry, const std::string& worker, std::vector<v1::Event>* events);

 private:
  v1::Event& Add(v1::EventType type, WallMicros time, const std::string& actor, v1::TaskState to);
  void AddOfAttempt(v1::EventType type, WallMicros time, const std::string& actor, v1::TaskState to);
  void ReturnFromChildren(WallMicros time);
  void BeginAttempt(const records::v1::AttemptInfo& attempt, Micros queued);
  void AddReports(const records::v1::Step& step);
  void AddEndOfAttempt(const records::v1::Step& step);
  void AddFailure(v1::EventType type, const records::v1::Step& step, const std::string& actor);

  const TaskId task_;
  Context context_;
  // Of the step under expansion.
  std::string worker_;
  uint32_t step_attempt_ = 0;
  std::vector<v1::Event>* events_ = nullptr;
};

// One page. The request must pass CheckConditions. Errors: as LoadTask, NOT_A_ROOT, BAD_PAGE_TOKEN.
Error ListEvents(const engine::View& view, const Clock& clock, const v1::ListEventsRequest& request,
                 const PageLimits& limits, v1::ListEventsResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_EVENTS_H_
