// Protobuf messages as payload, result and context. Needs the protobuf headers only where it is included.
//
//   absl::StatusOr<acme::Order> order = baton::ParseMessage<acme::Order>(task.payload());
//   return acme::Receipt(...);  // from a handler
#ifndef BATON_PROTOBUF_H_
#define BATON_PROTOBUF_H_

#include <google/protobuf/message_lite.h>

#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "baton/payload.h"

namespace baton::inline sdk {

// The content type names the message: "application/x-protobuf; messageType=acme.Order".
template <typename T>
struct PayloadConverter<T, std::enable_if_t<std::is_base_of_v<google::protobuf::MessageLite, T>>> {
  static Payload Convert(const T& message) {
    return Payload::Bytes(message.SerializeAsString(), "application/x-protobuf; messageType=" + message.GetTypeName());
  }
};

// Reads a message from a payload of bytes. Errors: INVALID_ARGUMENT, naming the message type.
template <typename Message>
absl::StatusOr<Message> ParseMessage(const Payload& payload) {
  Message message;
  if (payload.is_json() || !message.ParseFromString(payload.bytes())) {
    return absl::InvalidArgumentError(absl::StrCat("payload: ", payload.bytes().size(), " bytes are not a ",
                                                   message.GetTypeName(), " in binary form"));
  }
  return message;
}

}  // namespace baton::inline sdk

#endif  // BATON_PROTOBUF_H_
