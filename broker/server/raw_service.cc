#include "broker/server/raw_service.h"

#include <grpcpp/impl/rpc_service_method.h>

#include "absl/strings/str_cat.h"

namespace baton::server {
namespace {

using grpc::internal::RpcMethod;

RpcMethod::RpcType TypeOf(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) {
    return method.server_streaming() ? RpcMethod::BIDI_STREAMING : RpcMethod::CLIENT_STREAMING;
  }
  return method.server_streaming() ? RpcMethod::SERVER_STREAMING : RpcMethod::NORMAL_RPC;
}

}  // namespace

RawService::RawService(const google::protobuf::ServiceDescriptor* descriptor) : descriptor_(descriptor) {
  for (int i = 0; i < descriptor->method_count(); ++i) {
    const auto& method = *descriptor->method(i);
    paths_.push_back(absl::StrCat("/", descriptor->full_name(), "/", method.name()));
    AddMethod(new grpc::internal::RpcServiceMethod(paths_.back().c_str(), TypeOf(method), nullptr));
    MarkMethodRaw(i);
  }
}

void RawService::RequestUnary(int method, grpc::ServerContext* context, grpc::ByteBuffer* request,
                              RawUnaryResponder* responder, grpc::ServerCompletionQueue* queue, Completion* arrived) {
  RequestAsyncUnary(method, context, request, responder, queue, queue, arrived);
}

void RawService::RequestServerStream(int method, grpc::ServerContext* context, grpc::ByteBuffer* request,
                                     RawWriter* writer, grpc::ServerCompletionQueue* queue, Completion* arrived) {
  RequestAsyncServerStreaming(method, context, request, writer, queue, queue, arrived);
}

void RawService::RequestStream(int method, grpc::ServerContext* context, RawStream* stream,
                               grpc::ServerCompletionQueue* queue, Completion* arrived) {
  RequestAsyncBidiStreaming(method, context, stream, queue, queue, arrived);
}

}  // namespace baton::server
