#include "client_cli/text/enum_text.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace baton::cli {
namespace {

// "TASK_STATE_" for TaskState: every enum has its value 0 named with the prefix and UNSPECIFIED.
std::string Prefix(const google::protobuf::EnumDescriptor& type) {
  return std::string(absl::StripSuffix(type.FindValueByNumber(0)->name(), "UNSPECIFIED"));
}

}  // namespace

std::string EnumText(const google::protobuf::EnumDescriptor& type, int value) {
  const google::protobuf::EnumValueDescriptor* known = type.FindValueByNumber(value);
  if (known == nullptr) return absl::StrCat("UNKNOWN(", value, ")");
  return std::string(absl::StripPrefix(known->name(), Prefix(type)));
}

absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, absl::string_view option,
                              absl::string_view text) {
  std::string wanted = absl::AsciiStrToUpper(absl::StrReplaceAll(text, {{"-", "_"}}));
  std::vector<std::string> legal;
  for (int i = 0; i < type.value_count(); ++i) {
    const auto* value = type.value(i);
    if (value->number() == 0) continue;
    std::string name = EnumText(type, value->number());
    if (name == wanted) return value->number();
    legal.push_back(std::move(name));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(option, ": unknown value \"", text, "\"; it is one of ", absl::StrJoin(legal, ", ")));
}

}  // namespace baton::cli
