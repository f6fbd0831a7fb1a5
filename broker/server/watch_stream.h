#ifndef BATON_BROKER_SERVER_WATCH_STREAM_H_
#define BATON_BROKER_SERVER_WATCH_STREAM_H_

#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <optional>

#include "broker/server/caller.h"
#include "broker/server/completion.h"
#include "broker/server/core.h"
#include "broker/server/raw_service.h"
#include "broker/server/stream_set.h"
#include "broker/service/read/watches.h"

namespace baton::server {

// A call of TaskAdmin.Watch.
//
// It looks at what is new, writes it, and looks again only when that is written: a caller who does not read has at most
// one response waiting here, however much happens. When all has been told it waits for a change, or for the next
// heartbeat, and between two looks at least a moment, so that what changes fast is told together.
class WatchStream final : public Stream {
 public:
  WatchStream(StreamSet* set, Core* core, RawService* service, int method, grpc::ServerCompletionQueue* queue);

  void Listen() override;
  void End(const Error& error) override;
  Error Objection() const override { return StillAdmitted(*core_->access, caller_); }

 private:
  void Arrived(bool ok);
  void HasWritten(bool ok);
  void HasFinished(bool ok);
  void Woke(bool ok);
  void Done(bool ok);

  Error Begin();
  // Does what is to be done next: one thing at a time.
  void Pump();
  void Look();
  void Take(const Error& error, const grpc::ByteBuffer& response, bool tells, bool caught_up);
  void Finish();
  void WakeAt(SteadyMicros time);
  void DeleteIfOver();
  SteadyMicros now() const { return core_->clock->Read().steady; }

  Core* const core_;
  RawService* const service_;
  const int method_;
  const Right& right_;
  grpc::ServerCompletionQueue* const queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer incoming_;
  RawWriter writer_;
  Caller caller_;
  OpenStream open_;
  grpc::Alarm alarm_;
  // What other threads hold on to in place of the stream. Belongs, like the stream, to the queue's thread.
  const std::shared_ptr<WatchStream*> self_ = std::make_shared<WatchStream*>(this);

  // Null before the first look and after the end.
  std::shared_ptr<service::OpenWatch> watch_;
  std::optional<Error> ending_;
  // Something may have changed since the last look began.
  bool changed_ = false;
  bool caught_up_ = false;
  SteadyMicros next_look_ = 0;
  SteadyMicros next_beat_ = 0;
  // When the alarm goes off; 0: it is not set.
  SteadyMicros alarm_time_ = 0;
  bool arrived_ = false;
  bool looking_ = false;
  bool writing_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  bool done_ = false;

  MemberCompletion<WatchStream, &WatchStream::Arrived> on_arrived_{this};
  MemberCompletion<WatchStream, &WatchStream::HasWritten> on_written_{this};
  MemberCompletion<WatchStream, &WatchStream::HasFinished> on_finished_{this};
  MemberCompletion<WatchStream, &WatchStream::Woke> on_woken_{this};
  MemberCompletion<WatchStream, &WatchStream::Done> on_done_{this};
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_WATCH_STREAM_H_
