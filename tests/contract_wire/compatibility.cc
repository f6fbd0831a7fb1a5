#include "tests/contract_wire/compatibility.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "tests/contract_wire/contract_index.h"

namespace baton {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptorProto;
using google::protobuf::ServiceDescriptorProto;

using Findings = std::vector<std::string>;

template <typename Items, typename Predicate>
auto Find(const Items& items, Predicate predicate) -> decltype(&*items.begin()) {
  const auto found = std::find_if(items.begin(), items.end(), predicate);
  return found == items.end() ? nullptr : &*found;
}

template <typename Items>
auto FindByName(const Items& items, const std::string& name) {
  return Find(items, [&](const auto& item) { return item.name() == name; });
}

template <typename Items>
auto FindByNumber(const Items& items, int number) {
  return Find(items, [&](const auto& item) { return item.number() == number; });
}

// ── Fields ───────────────────────────────────────────────────────────────────────────────────────────────────────

std::string TypeOf(const FieldDescriptorProto& field) {
  if (field.has_type_name()) return field.type_name();
  return FieldDescriptorProto::Type_Name(field.type());
}

std::string CardinalityOf(const FieldDescriptorProto& field) { return FieldDescriptorProto::Label_Name(field.label()); }

// The oneof as its author wrote it; "none" for a plain field. An `optional` field sits in a generated oneof, which is
// how presence shows in descriptors.
std::string OneofOf(const DescriptorProto& message, const FieldDescriptorProto& field) {
  if (field.proto3_optional()) return "none, with presence";
  if (!field.has_oneof_index()) return "none";
  return message.oneof_decl(field.oneof_index()).name();
}

void CompareField(const std::string& name, const DescriptorProto& pinned_message, const FieldDescriptorProto& pinned,
                  const DescriptorProto& current_message, const FieldDescriptorProto& current, Findings& findings) {
  const auto compare = [&](const char* what, const std::string& before, const std::string& after) {
    if (before != after) {
      findings.push_back(
          absl::StrCat(name, " (number ", pinned.number(), "): ", what, " was ", before, ", is ", after));
    }
  };
  compare("name", pinned.name(), current.name());
  compare("type", TypeOf(pinned), TypeOf(current));
  compare("cardinality", CardinalityOf(pinned), CardinalityOf(current));
  compare("oneof", OneofOf(pinned_message, pinned), OneofOf(current_message, current));
  if (pinned.name() == current.name()) compare("JSON name", pinned.json_name(), current.json_name());
}

void CompareFields(const std::string& message, const DescriptorProto& pinned, const DescriptorProto& current,
                   Findings& findings) {
  for (const auto& field : pinned.field()) {
    const std::string name = absl::StrCat(message, ".", field.name());
    const auto* same_name = FindByName(current.field(), field.name());
    if (same_name != nullptr && same_name->number() != field.number()) {
      findings.push_back(absl::StrCat(name, ": number was ", field.number(), ", is ", same_name->number()));
    }
    const auto* same_number = FindByNumber(current.field(), field.number());
    if (same_number != nullptr) {
      CompareField(name, pinned, field, current, *same_number, findings);
    } else if (same_name == nullptr) {
      findings.push_back(absl::StrCat(name, " (number ", field.number(), "): removed"));
    }
  }
}

// ── Reserved numbers and names ───────────────────────────────────────────────────────────────────────────────────

// Ranges of messages end before `end`, ranges of enums with it.
int LastOf(const DescriptorProto::ReservedRange& range) { return range.end() - 1; }
int LastOf(const EnumDescriptorProto::EnumReservedRange& range) { return range.end(); }

template <typename Owner>
bool Reserves(const Owner& owner, int first, int last) {
  return Find(owner.reserved_range(),
              [&](const auto& range) { return range.start() <= first && last <= LastOf(range); }) != nullptr;
}

template <typename Owner>
bool ReservesName(const Owner& owner, const std::string& name) {
  const auto& names = owner.reserved_name();
  return std::find(names.begin(), names.end(), name) != names.end();
}

// protoc refuses an element with a number that the same version reserves; so whoever reuses one has to give up the
// reservation, and that is what shows.
template <typename Owner>
void CompareReserved(const std::string& name, const Owner& pinned, const Owner& current, Findings& findings) {
  for (const auto& range : pinned.reserved_range()) {
    if (!Reserves(current, range.start(), LastOf(range))) {
      findings.push_back(
          absl::StrCat(name, ": numbers ", range.start(), " to ", LastOf(range), " are no longer reserved"));
    }
  }
  for (const auto& reserved : pinned.reserved_name()) {
    if (!ReservesName(current, reserved)) {
      findings.push_back(absl::StrCat(name, ": name ", reserved, " is no longer reserved"));
    }
  }
}

// ── Enums and services ───────────────────────────────────────────────────────────────────────────────────────────

void CompareValues(const std::string& name, const EnumDescriptorProto& pinned, const EnumDescriptorProto& current,
                   Findings& findings) {
  for (const auto& value : pinned.value()) {
    const auto* same_name = FindByName(current.value(), value.name());
    if (same_name != nullptr) {
      if (same_name->number() != value.number()) {
        findings.push_back(
            absl::StrCat(name, ".", value.name(), ": number was ", value.number(), ", is ", same_name->number()));
      }
      continue;
    }
    const auto* same_number = FindByNumber(current.value(), value.number());
    findings.push_back(absl::StrCat(
        name, ".", value.name(), " (number ", value.number(), "): ",
        same_number == nullptr ? "removed" : absl::StrCat("name was ", value.name(), ", is ", same_number->name())));
  }
}

std::string Streamed(bool streaming, const std::string& type) {
  return streaming ? absl::StrCat("stream of ", type) : type;
}

void CompareMethods(const std::string& service, const ServiceDescriptorProto& pinned,
                    const ServiceDescriptorProto& current, Findings& findings) {
  for (const MethodDescriptorProto& method : pinned.method()) {
    const std::string name = absl::StrCat(service, ".", method.name());
    const auto* now = FindByName(current.method(), method.name());
    if (now == nullptr) {
      findings.push_back(absl::StrCat(name, ": removed"));
      continue;
    }
    const auto compare = [&](const char* what, const std::string& before, const std::string& after) {
      if (before != after) findings.push_back(absl::StrCat(name, ": ", what, " was ", before, ", is ", after));
    };
    compare("request", Streamed(method.client_streaming(), method.input_type()),
            Streamed(now->client_streaming(), now->input_type()));
    compare("response", Streamed(method.server_streaming(), method.output_type()),
            Streamed(now->server_streaming(), now->output_type()));
  }
}

// ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────

// Calls `compare(name, pinned, current, findings)` for each element that both have.
template <typename Elements, typename Compare>
void CompareElements(const char* kind, const Elements& pinned, const Elements& current, Findings& findings,
                     Compare compare) {
  for (const auto& [name, element] : pinned) {
    const auto now = current.find(name);
    if (now == current.end()) {
      findings.push_back(absl::StrCat(name, ": ", kind, " removed"));
    } else {
      compare(name, *element, *now->second, findings);
    }
  }
}

}  // namespace

Findings FindBreakingChanges(const FileDescriptorSet& pinned, const FileDescriptorSet& current) {
  const ContractIndex before(pinned);
  const ContractIndex after(current);
  Findings findings;
  CompareElements("message", before.messages, after.messages, findings,
                  [](const auto& name, const auto& old_message, const auto& new_message, Findings& found) {
                    CompareFields(name, old_message, new_message, found);
                    CompareReserved(name, old_message, new_message, found);
                  });
  CompareElements("enum", before.enums, after.enums, findings,
                  [](const auto& name, const auto& old_enum, const auto& new_enum, Findings& found) {
                    CompareValues(name, old_enum, new_enum, found);
                    CompareReserved(name, old_enum, new_enum, found);
                  });
  CompareElements("service", before.services, after.services, findings, CompareMethods);
  return findings;
}

Findings FindAdditions(const FileDescriptorSet& pinned, const FileDescriptorSet& current) {
  const std::set<std::string> before = ContractIndex(pinned).AllNames();
  const std::set<std::string> after = ContractIndex(current).AllNames();
  Findings additions;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(additions));
  return additions;
}

}  // namespace baton
