#ifndef BATON_BROKER_SERVER_CLAIM_STREAM_H_
#define BATON_BROKER_SERVER_CLAIM_STREAM_H_

#include <grpcpp/server_context.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "baton/v1/worker.pb.h"
#include "broker/server/caller.h"
#include "broker/server/completion.h"
#include "broker/server/core.h"
#include "broker/server/raw_service.h"
#include "broker/server/stream_set.h"

namespace baton::server {

// A worker's session: one Claim stream.
//
// One read and one write are outstanding at most. Everything that is ready when a write ends goes out with the next
// one. What waits for a worker that does not read is bounded: deliveries by its slots and by their bytes, since the
// engine is told to hand out no more while many wait; orders by its deliveries.
class ClaimStream final : public Stream, private SessionSink {
 public:
  ClaimStream(StreamSet* set, Core* core, RawService* service, int method, grpc::ServerCompletionQueue* queue);
  ~ClaimStream() override;

  void Listen() override;
  void End(const Error& error) override;
  Error Objection() const override { return StillAdmitted(*core_->access, caller_); }

 private:
  // Waiting in the order they came; neighbours of a kind are merged.
  using Waiting = std::variant<std::string, engine::Order, std::deque<engine::Delivery>>;

  void Arrived(bool ok);
  void HasRead(bool ok);
  void HasWritten(bool ok);
  void HasFinished(bool ok);

  void Read();
  void TakeHello(const v1::ClaimRequest& message);
  // Says the hello once it is known that the attempts held are of types that the caller may have.
  void CheckHeld(std::unique_ptr<engine::HelloCommand> command);
  void SayHello(std::unique_ptr<engine::HelloCommand> command);
  void Welcome(engine::HelloCommand& command);
  void TakeUpdate(const v1::ClaimRequest& message);
  void Take(engine::SessionOutput output) override;
  void TakeOrder(engine::Order order);
  void TakeDeliveries(std::vector<engine::Delivery> deliveries);

  // Writes what waits, or finishes the call, if no write is outstanding.
  void Pump();
  std::string NextMessage();
  // Tells the engine when too much waits, and when it may go on.
  void Pace();
  void CloseSession();
  void DeleteIfOver();

  Core* const core_;
  RawService* const service_;
  const int method_;
  const Right& right_;
  grpc::ServerCompletionQueue* const queue_;
  grpc::ServerContext context_;
  RawStream stream_;
  grpc::ByteBuffer incoming_;
  Caller caller_;
  OpenStream open_;
  // Once it is welcome.
  std::string worker_id_;

  enum class State { kListening, kExpectsHello, kSaidHello, kOpen };
  State state_ = State::kListening;
  engine::SessionNumber session_ = 0;
  std::deque<Waiting> waiting_;
  // Of the deliveries among them.
  size_t waiting_bytes_ = 0;
  // The engine was told so.
  bool behind_ = false;
  // The newest update that is in force and was not confirmed yet, by its number; 0: none. So many of those that wait
  // are from before it, and are sent first.
  uint64_t taken_update_ = 0;
  size_t before_update_ = 0;
  // It was told to leave, and not to come back.
  bool dismissed_ = false;
  // Set: the call is to be finished with this, after what waits before it.
  std::optional<Error> ending_;
  // Operations of the completion queue and commands that will come back to this object.
  int outstanding_ = 0;
  bool writing_ = false;
  bool finishing_ = false;

  MemberCompletion<ClaimStream, &ClaimStream::Arrived> on_arrived_{this};
  MemberCompletion<ClaimStream, &ClaimStream::HasRead> on_read_{this};
  MemberCompletion<ClaimStream, &ClaimStream::HasWritten> on_written_{this};
  MemberCompletion<ClaimStream, &ClaimStream::HasFinished> on_finished_{this};
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_CLAIM_STREAM_H_
