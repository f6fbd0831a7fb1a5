#include "broker/server/message_buffer.h"

#include <grpc/slice.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/strings/str_cat.h"
#include "broker/service/error_message.h"
#include "broker/service/field.h"

namespace baton::server {
namespace {

// The message of a failed call travels twice, escaped and among its details, in trailers of which clients take 8 KiB in
// all: one that is longer would be all that they are told.
constexpr size_t kErrorMessageBytes = 1024;

}  // namespace

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
  if (error.message.size() > kErrorMessageBytes) {
    Error shorter = error;
    shorter.message = service::CutText(error.message, kErrorMessageBytes);
    return ToStatus(shorter);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(error.code), error.message, service::ErrorDetails(error));
}

}  // namespace baton::server
