// Messages as gRPC carries them. Calls are taken as raw bytes, so that what cannot be parsed is refused with a message
// of our own, and so that hot answers are built without an extra copy.
#ifndef BATON_BROKER_SERVER_MESSAGE_BUFFER_H_
#define BATON_BROKER_SERVER_MESSAGE_BUFFER_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "absl/strings/string_view.h"
#include "broker/base/error.h"

namespace baton::server {

// INVALID_ARGUMENT/MALFORMED_MESSAGE naming the type of message.
Error ParseMessage(grpc::ByteBuffer* buffer, google::protobuf::Message* message);
grpc::ByteBuffer ToBuffer(const google::protobuf::Message& message);
grpc::ByteBuffer ToBuffer(absl::string_view encoded);

// With the details that every Baton error carries.
grpc::Status ToStatus(const Error& error);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_MESSAGE_BUFFER_H_
