#ifndef BATON_BROKER_SERVER_HEALTH_H_
#define BATON_BROKER_SERVER_HEALTH_H_

#include <grpcpp/server_context.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/server/completion.h"
#include "broker/server/health.pb.h"
#include "broker/server/raw_service.h"
#include "broker/server/stream_set.h"
#include "broker/server/unary_call.h"

namespace baton::server {

class HealthWatch;

// What the health service tells. Belongs to the completion queue's thread. Served from the completion queue like all
// others: the built-in service of gRPC answers late after idling.
class Health {
 public:
  using Status = grpc::health::v1::HealthCheckResponse::ServingStatus;

  // `services` are the names that can be asked for, besides the empty one.
  explicit Health(std::vector<std::string> services) : services_(std::move(services)) {}

  // Answers Check.
  void Check(UnaryCall* call) const;
  // SERVICE_UNKNOWN for a name that is not known.
  Status StatusOf(const std::string& service) const;
  // Tells all watchers.
  void StopServing();

  void Add(HealthWatch* watch) { watches_.insert(watch); }
  void Remove(HealthWatch* watch) { watches_.erase(watch); }

 private:
  const std::vector<std::string> services_;
  bool serving_ = true;
  std::set<HealthWatch*> watches_;
};

// A call of Watch.
class HealthWatch final : public Stream {
 public:
  HealthWatch(StreamSet* set, Health* health, RawService* service, int method, grpc::ServerCompletionQueue* queue);
  ~HealthWatch() override { health_->Remove(this); }

  void Listen() override;
  void End(const Error& error) override;
  // Tells the status if it differs from what was told last.
  void Tell();

 private:
  void Arrived(bool ok);
  void HasWritten(bool ok);
  void HasFinished(bool ok);
  void Done(bool ok);
  void Pump();

  Health* const health_;
  RawService* const service_;
  const int method_;
  grpc::ServerCompletionQueue* const queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer incoming_;
  RawWriter writer_;
  std::string watched_;
  std::optional<Health::Status> told_;
  std::optional<Error> ending_;
  bool arrived_ = false;
  bool writing_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  bool done_ = false;

  MemberCompletion<HealthWatch, &HealthWatch::Arrived> on_arrived_{this};
  MemberCompletion<HealthWatch, &HealthWatch::HasWritten> on_written_{this};
  MemberCompletion<HealthWatch, &HealthWatch::HasFinished> on_finished_{this};
  MemberCompletion<HealthWatch, &HealthWatch::Done> on_done_{this};
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_HEALTH_H_
