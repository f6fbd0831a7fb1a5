// What a task was doing when, put together from its history.
#ifndef BATON_BROKER_SERVICE_READ_TASK_TIMELINE_H_
#define BATON_BROKER_SERVICE_READ_TASK_TIMELINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "baton/v1/admin.pb.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"
#include "broker/service/read/task_facts.h"

namespace baton::service {

// A time during which it did one thing.
struct Stretch {
  v1::SegmentKind kind = v1::SEGMENT_KIND_UNSPECIFIED;
  WallMicros begin = 0;
  WallMicros end = 0;
  // RUNNING.
  uint32_t attempt = 0;
  std::string worker;
  // CHILDREN: the spawn, and whether it ended because they had done what the task waited for. When exactly is told by
  // no row: the stretch goes on until something else is told, and after the last child it was in the queue.
  uint32_t generation = 0;
  bool came_back = false;
};

// Takes the events of one task in their order, as EventExpander tells them. Not thread-safe.
class TaskTimeline {
 public:
  void Begin(const records::v1::TaskRow& row);
  // `step` is where the event comes from; null: from the live table.
  void Take(const v1::Event& event, const records::v1::Step* step);
  // What it does now goes on until `now`.
  void EndAt(WallMicros now) { Close(now); }

  WallMicros begin() const { return begin_; }
  // One after the other without a gap, from begin() to end(); none is empty.
  const std::vector<Stretch>& stretches() const { return stretches_; }
  WallMicros end() const { return at_; }

 private:
  // Is pending from `time` on. `delay` is what it does until `due`, and then it is in the queue.
  void Wait(WallMicros time, v1::SegmentKind delay, WallMicros due);
  void SetPaused(WallMicros time, bool paused);
  // What it was doing ends at `time`.
  void Close(WallMicros time);
  void Add(v1::SegmentKind kind, WallMicros end);

  std::vector<Stretch> stretches_;
  WallMicros begin_ = 0;
  WallMicros at_ = 0;
  // What it is doing, with what is known of it; `begin` and `end` are not set. QUEUED: it is pending.
  Stretch present_;
  v1::SegmentKind delay_ = v1::SEGMENT_KIND_DELAYED;
  WallMicros due_ = 0;
  bool paused_ = false;
};

// Reads the whole history of a task, whose facts must be loaded. Errors: STORE_DAMAGED.
Error LoadTimeline(const engine::View& view, const TaskFacts& facts, WallMicros now, TaskTimeline* timeline);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_TASK_TIMELINE_H_
