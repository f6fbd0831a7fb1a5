#include "broker/server/message_buffer.h"

#include <grpc/slice.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/strings/str_cat.h"
#include "broker/service/error_message.h"

namespace baton::server {

Error ParseMessage(grpc::ByteBuffer* buffer, google::protobuf::Message* message) {
  grpc::ProtoBufferReader reader(buffer);
  if (reader.status().ok() && message->ParseFromZeroCopyStream(&reader)) return {};
  return InvalidArgument("MALFORMED_MESSAGE",
                         absl::StrCat("the request is not a well-formed ", message->GetDescriptor()->full_name(),
                                      " (damaged bytes, or a string that is not UTF-8): build it from proto/baton/v1"));
}

grpc::ByteBuffer ToBuffer(const google::protobuf::Message& message) {
  const size_t size = message.ByteSizeLong();
  grpc_slice bytes = grpc_slice_malloc(size);
  message.SerializeWithCachedSizesToArray(GRPC_SLICE_START_PTR(bytes));
  const grpc::Slice slice(bytes, grpc::Slice::STEAL_REF);
  return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer ToBuffer(absl::string_view encoded) {
  const grpc::Slice slice(encoded.data(), encoded.size());
  return grpc::ByteBuffer(&slice, 1);
}

grpc::Status ToStatus(const Error& error) {
  if (error.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(error.code), error.message, service::ErrorDetails(error));
}

}  // namespace baton::server
