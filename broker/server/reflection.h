#ifndef BATON_BROKER_SERVER_REFLECTION_H_
#define BATON_BROKER_SERVER_REFLECTION_H_

#include <grpcpp/server_context.h>

#include <optional>
#include <string>
#include <vector>

#include "broker/server/caller.h"
#include "broker/server/completion.h"
#include "broker/server/raw_service.h"
#include "broker/server/reflection_v1.pb.h"
#include "broker/server/stream_set.h"

namespace baton::server {

// Answers one question about the services and messages linked into the broker.
grpc::reflection::v1::ServerReflectionResponse Reflect(const grpc::reflection::v1::ServerReflectionRequest& request,
                                                       const std::vector<std::string>& services);

// A call of ServerReflectionInfo, of either version: question, answer, question, answer. Served from the completion
// queue like all others: the plug-in of gRPC would bring threads that compete for the polling.
class ReflectionStream final : public Stream {
 public:
  // `services` and `access` must outlive the stream. Any valid access token will do.
  ReflectionStream(StreamSet* set, RawService* service, const std::vector<std::string>* services, const Access* access,
                   grpc::ServerCompletionQueue* queue);

  void Listen() override;
  void End(const Error& error) override;

 private:
  void Arrived(bool ok);
  void HasRead(bool ok);
  void HasWritten(bool ok);
  void HasFinished(bool ok);
  void Read();
  void Pump();
  void DeleteIfOver();

  RawService* const service_;
  const std::vector<std::string>* const services_;
  const Access* const access_;
  grpc::ServerCompletionQueue* const queue_;
  grpc::ServerContext context_;
  RawStream stream_;
  grpc::ByteBuffer incoming_;
  bool arrived_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  std::optional<Error> ending_;

  MemberCompletion<ReflectionStream, &ReflectionStream::Arrived> on_arrived_{this};
  MemberCompletion<ReflectionStream, &ReflectionStream::HasRead> on_read_{this};
  MemberCompletion<ReflectionStream, &ReflectionStream::HasWritten> on_written_{this};
  MemberCompletion<ReflectionStream, &ReflectionStream::HasFinished> on_finished_{this};
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_REFLECTION_H_
