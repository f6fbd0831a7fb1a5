#ifndef BATON_BROKER_SERVER_ACCESS_KEEPER_H_
#define BATON_BROKER_SERVER_ACCESS_KEEPER_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <memory>

#include "broker/server/caller.h"
#include "broker/server/completion.h"
#include "broker/server/stream_set.h"

namespace baton::server {

// Keeps what callers are checked by, and ends streams whose access token is revoked or expires. Belongs to the
// completion queue's thread.
class AccessKeeper final : private Completion {
 public:
  // `streams` must outlive it.
  explicit AccessKeeper(StreamSet* streams) : streams_(streams) {}

  // Before the thread runs. `book` null: no access control.
  void Start(grpc::CompletionQueue* queue, const Clock* clock, std::shared_ptr<const TokenBook> book);

  const Access& access() const { return access_; }

  // From now on callers are checked by these tokens.
  void Use(std::shared_ptr<const TokenBook> book);

  // Sets no more alarms. To be called before the queue is shut down.
  void Stop();

 private:
  void Proceed(bool ok) override;
  void Look();
  void SetAlarm();

  StreamSet* const streams_;
  grpc::CompletionQueue* queue_ = nullptr;
  Access access_;
  grpc::Alarm alarm_;
  bool alarm_set_ = false;
  bool stopped_ = false;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_KEEPER_H_
