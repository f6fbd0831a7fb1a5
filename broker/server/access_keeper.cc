#include "broker/server/access_keeper.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <utility>

namespace baton::server {
namespace {

// Tokens end by the wall clock, which may be set meanwhile: it is looked at again after so long.
constexpr Micros kLongestAlarm = kMinute;
// The wall clock may be a little behind the alarm's.
constexpr Micros kShortestAlarm = 10 * kMillisecond;

}  // namespace

void AccessKeeper::Start(grpc::CompletionQueue* queue, const Clock* clock, std::shared_ptr<const TokenBook> book) {
  queue_ = queue;
  access_ = {clock, std::move(book)};
  SetAlarm();
}

void AccessKeeper::Use(std::shared_ptr<const TokenBook> book) {
  access_.book = std::move(book);
  Look();
}

void AccessKeeper::Look() {
  streams_->EndRefused();
  if (alarm_set_) {
    alarm_.Cancel();  // It comes back at once, and is set anew then.
  } else {
    SetAlarm();
  }
}

void AccessKeeper::SetAlarm() {
  if (stopped_ || access_.book == nullptr) return;
  const WallMicros now = access_.clock->Read().wall;
  const WallMicros end = access_.book->NextEnd(now);
  if (end == 0) return;
  alarm_set_ = true;
  const gpr_timespec delay = gpr_time_from_micros(std::clamp(end - now, kShortestAlarm, kLongestAlarm), GPR_TIMESPAN);
  alarm_.Set(queue_, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), delay), static_cast<Completion*>(this));
}

void AccessKeeper::Proceed(bool ok) {
  alarm_set_ = false;
  if (stopped_) return;
  if (ok) streams_->EndRefused();
  SetAlarm();
}

void AccessKeeper::Stop() {
  stopped_ = true;
  if (alarm_set_) alarm_.Cancel();
}

}  // namespace baton::server
