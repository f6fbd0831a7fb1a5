#include "broker/service/read/task_timeline.h"

#include <algorithm>

#include "broker/service/read/convert.h"
#include "broker/service/read/events.h"

namespace baton::service {

using records::v1::Step;

void TaskTimeline::Begin(const records::v1::TaskRow& row) {
  begin_ = at_ = row.created_us();
  Wait(at_, v1::SEGMENT_KIND_DELAYED, row.due_us());
}

void TaskTimeline::Take(const v1::Event& event, const Step* step) {
  const WallMicros time = FromWireTime(event.time());
  const WallMicros due = step != nullptr ? step->due_us() : 0;
  switch (event.type()) {
    case v1::EVENT_TYPE_CLAIMED:
      Close(time);
      present_ = {.kind = v1::SEGMENT_KIND_RUNNING,
                  .attempt = static_cast<uint32_t>(event.attempt()),
                  .worker = event.worker_id()};
      return;
    case v1::EVENT_TYPE_RETRY_SCHEDULED:
      return Wait(time, v1::SEGMENT_KIND_RETRY_DELAY, due);
    case v1::EVENT_TYPE_INTERRUPTED:
    case v1::EVENT_TYPE_RELEASED:
      if (event.to_state() == v1::TASK_STATE_PENDING) Wait(time, v1::SEGMENT_KIND_RETRY_DELAY, due);
      return;
    case v1::EVENT_TYPE_RETRIED:
      paused_ = false;
      return Wait(time, v1::SEGMENT_KIND_RETRY_DELAY, due);
    case v1::EVENT_TYPE_SPAWNED:
      if (event.to_state() == v1::TASK_STATE_PENDING) return Wait(time, v1::SEGMENT_KIND_RETRY_DELAY, due);
      Close(time);
      present_ = {.kind = v1::SEGMENT_KIND_CHILDREN, .generation = step->after().generation()};
      return;
    case v1::EVENT_TYPE_SUSPENDED:
      Close(time);
      present_ = {.kind = v1::SEGMENT_KIND_DECISION};
      return;
    case v1::EVENT_TYPE_RESUMED:
      if (present_.kind != v1::SEGMENT_KIND_CHILDREN) return Wait(time, v1::SEGMENT_KIND_RETRY_DELAY, due);
      present_.came_back = true;
      return;
    case v1::EVENT_TYPE_CHILD_FAILED:
      present_.came_back = true;
      return;
    case v1::EVENT_TYPE_PAUSED:
    case v1::EVENT_TYPE_UNPAUSED:
      return SetPaused(time, event.type() == v1::EVENT_TYPE_PAUSED);
    case v1::EVENT_TYPE_COMPLETED:
    case v1::EVENT_TYPE_PERMANENTLY_FAILED:
    case v1::EVENT_TYPE_CANCELLED:
      Close(time);
      present_ = {.kind = v1::SEGMENT_KIND_ENDED};
      return;
    default:
      return;
  }
}

void TaskTimeline::Wait(WallMicros time, v1::SegmentKind delay, WallMicros due) {
  Close(time);
  present_ = {.kind = v1::SEGMENT_KIND_QUEUED};
  delay_ = delay;
  due_ = due;
}

void TaskTimeline::SetPaused(WallMicros time, bool paused) {
  if (present_.kind == v1::SEGMENT_KIND_QUEUED) Close(time);
  paused_ = paused;
}

// The wall clock may have been set back: then nothing has passed.
void TaskTimeline::Close(WallMicros time) {
  if (time <= at_) return;
  if (present_.kind != v1::SEGMENT_KIND_QUEUED) return Add(present_.kind, time);
  if (paused_) return Add(v1::SEGMENT_KIND_PAUSED, time);
  if (due_ > at_) Add(delay_, std::min(due_, time));
  if (time > at_) Add(v1::SEGMENT_KIND_QUEUED, time);
}

void TaskTimeline::Add(v1::SegmentKind kind, WallMicros end) {
  Stretch& stretch = stretches_.emplace_back(present_);
  stretch.kind = kind;
  stretch.begin = at_;
  stretch.end = end;
  at_ = end;
}

Error LoadTimeline(const engine::View& view, const TaskFacts& facts, WallMicros now, TaskTimeline* timeline) {
  EventExpander expander(facts.id);
  std::vector<v1::Event> events;
  timeline->Begin(facts.row);
  expander.ExpandTaskRow(facts.row, &events);
  const auto take = [&](const Step& step) {
    expander.ExpandStep(step, &events);
    for (const v1::Event& event : events) timeline->Take(event, &step);
    return true;
  };
  Error error = ScanLog(view.store(), facts.id, 1, [&](uint32_t, const Step& step) { return take(step); });
  if (!error.ok()) return error;
  if (!facts.live()) {
    take(facts.end);
    return {};
  }
  std::string worker;
  error = WorkerOfSession(view.store(), facts.entry.session, &worker);
  expander.ExpandLiveEntry(facts.entry, worker, &events);
  for (const v1::Event& event : events) timeline->Take(event, nullptr);
  timeline->EndAt(now);
  return error;
}

}  // namespace baton::service
