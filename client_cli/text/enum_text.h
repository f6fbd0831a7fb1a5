// Names of the contract's enum values without their prefix: TASK_STATE_RUNNING is RUNNING.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "baton/v1/task.pb.h"
#include "google/protobuf/descriptor.h"

namespace baton::cli {

// The name, or "UNKNOWN(9)" for a value that this program does not know yet.
std::string EnumText(const google::protobuf::EnumDescriptor& type, int value);

// By name; case does not matter, '-' stands for '_'. The error, which names `option`, lists the legal names.
absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, absl::string_view option,
                              absl::string_view text);

template <class Enum>
std::string EnumText(Enum value) {
  return EnumText(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

template <class Enum>
absl::StatusOr<Enum> ParseEnum(absl::string_view option, absl::string_view text) {
  absl::StatusOr<int> value = ParseEnum(*google::protobuf::GetEnumDescriptor<Enum>(), option, text);
  if (!value.ok()) return value.status();
  return static_cast<Enum>(*value);
}

inline bool IsTerminal(v1::TaskState state) {
  return state == v1::TASK_STATE_COMPLETED || state == v1::TASK_STATE_PERMANENTLY_FAILED ||
         state == v1::TASK_STATE_CANCELLED;
}

}  // namespace baton::cli
