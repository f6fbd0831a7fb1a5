#include "broker/service/read/critical_path.h"

#include <algorithm>
#include <string>
#include <vector>

#include "broker/service/read/convert.h"

namespace baton::service {
namespace {

// Builds the path from its end on. What is still to be told lies on a stack, in order of time: a stretch that a task
// waited for a child is replaced by those of the child when its turn has come.
class PathBuilder {
 public:
  PathBuilder(const engine::View& view, const ChildWaits& waits, WallMicros now)
      : view_(view), waits_(waits), now_(now) {}

  Error Build(TaskId root, size_t most) {
    Error error = Push(root, 0, ChildWaits::kNever);
    while (error.ok() && !pieces_.empty() && path_.size() < most) {
      const Piece piece = std::move(pieces_.back());
      pieces_.pop_back();
      const TaskId child =
          piece.stretch.kind == v1::SEGMENT_KIND_CHILDREN ? waits_.LastChild(piece.task, piece.stretch.generation) : 0;
      if (child == 0) {
        Tell(piece);
      } else {
        error = Replace(piece, child);
      }
    }
    return error;
  }

  void MoveTo(v1::GetWorkflowSummaryResponse* summary) {
    std::reverse(path_.begin(), path_.end());
    for (v1::PathSegment& segment : path_) *summary->add_critical_path() = std::move(segment);
    summary->set_critical_path_truncated(!pieces_.empty());
  }

 private:
  struct Piece {
    TaskId task;
    const std::string* type;
    Stretch stretch;
  };

  // What the task did between `begin` and `end`.
  Error Push(TaskId task, WallMicros begin, WallMicros end) {
    TaskFacts facts;
    TaskTimeline timeline;
    Error error = LoadTask(view_, task, &facts);
    if (error.ok()) error = LoadTimeline(view_, facts, now_, &timeline);
    if (!error.ok()) return error;
    for (Stretch stretch : timeline.stretches()) {
      stretch.begin = std::max(stretch.begin, begin);
      stretch.end = std::min(stretch.end, end);
      if (stretch.begin < stretch.end) pieces_.push_back({task, &facts.class_info->type, std::move(stretch)});
    }
    return {};
  }

  // What is before the child began and after it ended stays with the parent.
  Error Replace(const Piece& wait, TaskId child) {
    const size_t first = pieces_.size();
    Error error = Push(child, wait.stretch.begin, wait.stretch.end);
    if (!error.ok() && error.code != absl::StatusCode::kNotFound) return error;
    if (pieces_.size() == first) {
      Tell(wait);
      return {};
    }
    const WallMicros child_begin = pieces_[first].stretch.begin;
    const WallMicros child_end = pieces_.back().stretch.end;
    if (wait.stretch.begin < child_begin) {
      pieces_.insert(pieces_.begin() + static_cast<ptrdiff_t>(first),
                     Rest(wait, v1::SEGMENT_KIND_CHILDREN, wait.stretch.begin, child_begin));
    }
    if (child_end < wait.stretch.end) {
      const v1::SegmentKind kind = wait.stretch.came_back ? v1::SEGMENT_KIND_QUEUED : v1::SEGMENT_KIND_CHILDREN;
      pieces_.push_back(Rest(wait, kind, child_end, wait.stretch.end));
    }
    return {};
  }

  // Of a wait; no child is looked for again.
  static Piece Rest(const Piece& wait, v1::SegmentKind kind, WallMicros begin, WallMicros end) {
    return {wait.task, wait.type, {.kind = kind, .begin = begin, .end = end}};
  }

  void Tell(const Piece& piece) {
    v1::PathSegment& segment = path_.emplace_back();
    segment.set_task_id(piece.task);
    segment.set_type(*piece.type);
    segment.set_kind(piece.stretch.kind);
    *segment.mutable_begin() = WireTime(piece.stretch.begin);
    *segment.mutable_end() = WireTime(piece.stretch.end);
    *segment.mutable_duration() = WireDuration(piece.stretch.end - piece.stretch.begin);
    if (piece.stretch.kind != v1::SEGMENT_KIND_RUNNING) return;
    segment.set_attempt(static_cast<int32_t>(piece.stretch.attempt));
    segment.set_worker_id(piece.stretch.worker);
  }

  const engine::View& view_;
  const ChildWaits& waits_;
  const WallMicros now_;
  std::vector<Piece> pieces_;
  // The last segment first.
  std::vector<v1::PathSegment> path_;
};

}  // namespace

void ChildWaits::AddWait(TaskId parent, const Stretch& wait) {
  waits_[{parent, wait.generation}] = {.over = wait.end, .came_back = wait.came_back};
}

void ChildWaits::AddChild(const records::v1::TaskRow& row, TaskId child, WallMicros end) {
  const auto found = waits_.find({row.parent(), row.generation()});
  if (found == waits_.end()) return;
  Wait& wait = found->second;
  const bool fits = wait.came_back == (end <= wait.over);
  end = std::min(end, wait.over);
  const bool is_later = fits != wait.fits ? fits : end > wait.child_end;
  const bool is_equal = fits == wait.fits && end == wait.child_end;
  if (wait.child != 0 && !is_later && !(is_equal && child < wait.child)) return;
  wait.child = child;
  wait.child_end = end;
  wait.fits = fits;
}

TaskId ChildWaits::LastChild(TaskId parent, uint32_t generation) const {
  const auto found = waits_.find({parent, generation});
  return found == waits_.end() ? 0 : found->second.child;
}

Error AddCriticalPath(const engine::View& view, TaskId root, const ChildWaits& waits, WallMicros now, size_t most,
                      v1::GetWorkflowSummaryResponse* summary) {
  PathBuilder builder(view, waits, now);
  Error error = builder.Build(root, most);
  if (error.ok()) builder.MoveTo(summary);
  return error;
}

}  // namespace baton::service
