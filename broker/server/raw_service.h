#ifndef BATON_BROKER_SERVER_RAW_SERVICE_H_
#define BATON_BROKER_SERVER_RAW_SERVICE_H_

#include <google/protobuf/descriptor.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <deque>
#include <string>

#include "broker/server/completion.h"

namespace baton::server {

using RawUnaryResponder = grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>;
using RawWriter = grpc::ServerAsyncWriter<grpc::ByteBuffer>;
using RawStream = grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

// A gRPC service made from its descriptor, all methods taken as raw bytes from a completion queue. One class serves
// every service, so that no generated gRPC code has to be compiled into the broker.
//
// A method is named by its descriptor. Each Request… asks for one call of it: `arrived` is told when there is one, or
// with !ok when the server shuts down.
class RawService final : public grpc::Service {
 public:
  // The descriptor must outlive the service.
  explicit RawService(const google::protobuf::ServiceDescriptor* descriptor);

  const google::protobuf::ServiceDescriptor& descriptor() const { return *descriptor_; }

  void RequestUnary(int method, grpc::ServerContext* context, grpc::ByteBuffer* request, RawUnaryResponder* responder,
                    grpc::ServerCompletionQueue* queue, Completion* arrived);
  void RequestServerStream(int method, grpc::ServerContext* context, grpc::ByteBuffer* request, RawWriter* writer,
                           grpc::ServerCompletionQueue* queue, Completion* arrived);
  void RequestStream(int method, grpc::ServerContext* context, RawStream* stream, grpc::ServerCompletionQueue* queue,
                     Completion* arrived);

 private:
  const google::protobuf::ServiceDescriptor* const descriptor_;
  std::deque<std::string> paths_;
};

// The service that is defined in the same file as this message.
template <typename Message>
const google::protobuf::ServiceDescriptor* ServiceBeside() {
  return Message::descriptor()->file()->service(0);
}

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_RAW_SERVICE_H_
