#include "client_cli/text/message_json.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "baton/v1/error.pb.h"
#include "baton/v1/task.pb.h"
#include "client_cli/text/enum_text.h"
#include "client_cli/text/payload_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/time_text.h"
#include "google/protobuf/descriptor.h"

namespace baton::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

template <class T>
const T* As(const Message& message) {
  return google::protobuf::DynamicCastToGenerated<T>(&message);
}

bool IsTime(const FieldDescriptor& field) {
  return field.name() == "at_us" || absl::EndsWith(field.name(), "_at_us") || absl::EndsWith(field.name(), "_by_us");
}

// Not a quantity: compared for equality only. As a number it would lose bits in readers that know only doubles.
bool IsBitPattern(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_FIXED64 || field.full_name() == "baton.v1.Task.version";
}

std::string Name(const FieldDescriptor& field) {
  const std::string& name = field.name();
  if (IsTime(field)) return name.substr(0, name.size() - 3);
  if (absl::EndsWith(name, "_json")) return name.substr(0, name.size() - 5);
  if (field.type() == FieldDescriptor::TYPE_MESSAGE &&
      field.message_type()->full_name() == "google.protobuf.Duration") {
    return absl::StrCat(name, "_us");
  }
  return name;
}

Json IntegerJson(const FieldDescriptor& field, int64_t value) {
  if (!IsTime(field)) return value;
  if (value == 0) return nullptr;
  return FormatUtc(absl::FromUnixMicros(value));
}

Json TextJson(const FieldDescriptor& field, const std::string& text) {
  if (!absl::EndsWith(field.name(), "_json")) return text;
  if (text.empty()) return nullptr;
  std::optional<Json> value = ParseJson(text);
  return value.has_value() ? *std::move(value) : Json(text);
}

Json EnumJson(const google::protobuf::EnumDescriptor& type, int value) {
  if (value == 0) return nullptr;
  return EnumText(type, value);
}

Json ErrorJson(const v1::Error& error) {
  return {{"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(error.code()))},
          {"reason", error.reason()},
          {"message", error.message()},
          {"retry_after_us", error.retry_after_us()}};
}

Json SubmessageJson(const Message& message) {
  if (const auto* payload = As<v1::Payload>(message)) return PayloadJson(*payload);
  if (const auto* error = As<v1::Error>(message)) return ErrorJson(*error);
  if (const auto* time = As<google::protobuf::Timestamp>(message)) {
    return FormatUtc(ToTime(*time));
  }
  if (const auto* duration = As<google::protobuf::Duration>(message)) {
    return ToMicroseconds(*duration);
  }
  if (const auto* capabilities = As<v1::CapabilitySet>(message)) {
    Json names = Json::array();
    for (const std::string& name : capabilities->names()) names.push_back(name);
    return names;
  }
  return MessageJson(message);
}

Json SingleJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& access = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return access.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return access.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return IntegerJson(field, access.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      if (!IsBitPattern(field)) return access.GetUInt64(message, &field);
      return absl::StrFormat("%016x", access.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return access.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return access.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return access.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumJson(*field.enum_type(), access.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return TextJson(field, access.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SubmessageJson(access.GetMessage(message, &field));
  }
  return nullptr;
}

// What the contract repeats: text, messages, unsigned numbers (ids), and states.
Json RepeatedJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& access = *message.GetReflection();
  Json list = Json::array();
  for (int i = 0; i < access.FieldSize(message, &field); ++i) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      list.push_back(SubmessageJson(access.GetRepeatedMessage(message, &field, i)));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      list.push_back(access.GetRepeatedUInt64(message, &field, i));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      list.push_back(access.GetRepeatedString(message, &field, i));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      list.push_back(EnumJson(*field.enum_type(), access.GetRepeatedEnumValue(message, &field, i)));
    }
  }
  return list;
}

}  // namespace

Json MessageJson(const Message& message) {
  const Reflection& access = *message.GetReflection();
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  Json object = Json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated()) {
      object[Name(field)] = RepeatedJson(message, field);
    } else if (!field.has_presence() || access.HasField(message, &field)) {
      object[Name(field)] = SingleJson(message, field);
    }
  }
  return object;
}

}  // namespace baton::cli
