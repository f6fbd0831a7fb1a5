// What the follower tells the board of activity.
#include <algorithm>

#include "broker/engine/live/follower.h"

namespace baton::engine {

void Follower::ObserveChange(const LiveEntry& before, const LiveEntry& after) {
  const bool runs = after.state == LiveState::RUNNING;
  if (runs && before.state == LiveState::RUNNING && before.attempt == after.attempt) return;
  // It may have been handed out again by the same commit.
  if (before.state == LiveState::RUNNING && (runs || after.state == LiveState::PENDING)) {
    Observe(Happening::kRetried, after, folding_time_ - before.claimed);
  }
  if (before.state == LiveState::WAITING && after.state == LiveState::PENDING) returned_[after.id] = folding_time_;
  if (!runs) return;
  WallMicros ready = after.ready;
  if (const auto returned = returned_.find(after.id); returned != returned_.end()) {
    ready = std::max(ready, returned->second);
    returned_.erase(returned);
  }
  // The wall clock may have been set back in between.
  Observe(Happening::kStarted, after, std::max<Micros>(after.claimed - ready, 0));
}

void Follower::ObserveEnd(const LiveEntry& before, LiveState state) {
  const Happening happening = state == LiveState::COMPLETED ? Happening::kCompleted
                              : state == LiveState::FAILED  ? Happening::kFailed
                                                            : Happening::kCancelled;
  const bool ran = before.state == LiveState::RUNNING;
  returned_.erase(before.id);
  Observe(happening, before, ran ? folding_time_ - before.claimed : -1);
}

void Follower::Observe(Happening happening, const LiveEntry& task, Micros duration) {
  const auto tagged = tag_hashes_.find(task.id);
  const uint32_t tag_hash = tagged == tag_hashes_.end() ? 0 : tagged->second;
  observations_.push_back({task.class_number, happening, 1, duration, tag_hash, task.id});
}

}  // namespace baton::engine
