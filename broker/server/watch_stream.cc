#include "broker/server/watch_stream.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <utility>

#include "broker/server/access/redact.h"
#include "broker/server/message_buffer.h"

namespace baton::server {
namespace {

// At least so long from one look to the next, once all was told.
constexpr Micros kPause = 50 * kMillisecond;

}  // namespace

WatchStream::WatchStream(StreamSet* set, Core* core, RawService* service, int method,
                         grpc::ServerCompletionQueue* queue)
    : Stream(set),
      core_(core),
      service_(service),
      method_(method),
      right_(RightOf(*service->descriptor().method(method))),
      queue_(queue),
      writer_(&context_) {}

void WatchStream::Listen() {
  context_.AsyncNotifyWhenDone(static_cast<Completion*>(&on_done_));
  service_->RequestServerStream(method_, &context_, &incoming_, &writer_, queue_, &on_arrived_);
}

void WatchStream::Arrived(bool ok) {
  if (!ok) return Delete();
  arrived_ = true;
  open_.Open(&core_->meters->watch_streams);
  set()->Add<WatchStream>(core_, service_, method_, queue_)->Listen();
  const Error error = Begin();
  error.ok() ? Pump() : End(error);
}

Error WatchStream::Begin() {
  v1::WatchRequest request;
  Error error = CallerOf(*core_->access, context_, right_, &caller_);
  if (error.ok()) error = ParseMessage(&incoming_, &request);
  incoming_.Clear();
  if (!error.ok()) return error;
  auto changed = [mailbox = core_->mailbox, weak = std::weak_ptr<WatchStream*>(self_)] {
    mailbox->Post([weak] {
      const std::shared_ptr<WatchStream*> self = weak.lock();
      if (self == nullptr) return;
      (*self)->changed_ = true;
      (*self)->Pump();
    });
  };
  return core_->reads->watches().Open(request, std::move(changed), &watch_);
}

void WatchStream::Pump() {
  if (writing_ || finishing_) return;
  if (ending_.has_value()) return Finish();
  if (looking_) return;
  const SteadyMicros due = changed_ ? std::min(next_look_, next_beat_) : next_beat_;
  if (!caught_up_ || now() >= due) return Look();
  WakeAt(due);
}

void WatchStream::Look() {
  looking_ = true;
  changed_ = false;
  next_look_ = now() + kPause;
  watch_->Look([mailbox = core_->mailbox, weak = std::weak_ptr<WatchStream*>(self_), token = caller_.token](
                   const Error& error, v1::WatchResponse response) {
    if (token != nullptr) Redact(*token, &response);
    mailbox->Post([weak, error, buffer = ToBuffer(response), tells = !response.tasks().empty(),
                   caught_up = response.caught_up()] {
      const std::shared_ptr<WatchStream*> self = weak.lock();
      if (self != nullptr) (*self)->Take(error, buffer, tells, caught_up);
    });
  });
}

void WatchStream::Take(const Error& error, const grpc::ByteBuffer& response, bool tells, bool caught_up) {
  looking_ = false;
  if (ending_.has_value()) return;
  if (!error.ok()) return End(error);
  caught_up_ = caught_up;
  // The first one tells that nothing is missed from here on.
  if (!tells && now() < next_beat_) return Pump();
  next_beat_ = now() + core_->settings.watch_heartbeat;
  writing_ = true;
  writer_.Write(response, static_cast<Completion*>(&on_written_));
}

void WatchStream::HasWritten(bool ok) {
  writing_ = false;
  // The connection broke; what is said to it now is said to nobody.
  if (!ok) End(Error{});
  Pump();
}

// An alarm that is set for later has to come back before it can be set anew.
void WatchStream::WakeAt(SteadyMicros time) {
  if (alarm_time_ != 0) {
    if (time < alarm_time_) alarm_.Cancel();
    return;
  }
  alarm_time_ = time;
  const gpr_timespec delay = gpr_time_from_micros(std::max<Micros>(time - now(), 0), GPR_TIMESPAN);
  alarm_.Set(queue_, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), delay), static_cast<Completion*>(&on_woken_));
}

void WatchStream::Woke(bool) {
  alarm_time_ = 0;
  Pump();
  DeleteIfOver();
}

void WatchStream::End(const Error& error) {
  if (!arrived_ || ending_.has_value()) return;
  ending_ = error;
  core_->meters->refusals.Count(error);
  watch_.reset();
  // A server that stops waits for it.
  if (alarm_time_ != 0) alarm_.Cancel();
  Pump();
}

void WatchStream::Finish() {
  finishing_ = true;
  writer_.Finish(ToStatus(*ending_), static_cast<Completion*>(&on_finished_));
}

void WatchStream::HasFinished(bool) {
  finished_ = true;
  DeleteIfOver();
}

void WatchStream::Done(bool) {
  done_ = true;
  End(Error{});
  DeleteIfOver();
}

void WatchStream::DeleteIfOver() {
  if (finished_ && done_ && alarm_time_ == 0) Delete();
}

}  // namespace baton::server
