#include "tests/contract_wire/contract_index.h"

namespace baton {

using google::protobuf::DescriptorProto;
using google::protobuf::FileDescriptorSet;

ContractIndex::ContractIndex(const FileDescriptorSet& files) {
  for (const auto& file : files.file()) {
    const std::string scope = file.package() + ".";
    for (const auto& message : file.message_type()) AddMessage(scope, message);
    for (const auto& enumeration : file.enum_type()) enums[scope + enumeration.name()] = &enumeration;
    for (const auto& service : file.service()) services[scope + service.name()] = &service;
  }
}

void ContractIndex::AddMessage(const std::string& scope, const DescriptorProto& message) {
  const std::string name = scope + message.name();
  messages[name] = &message;
  for (const auto& nested : message.nested_type()) AddMessage(name + ".", nested);
  for (const auto& enumeration : message.enum_type()) enums[name + "." + enumeration.name()] = &enumeration;
}

std::set<std::string> ContractIndex::AllNames() const {
  std::set<std::string> names;
  for (const auto& [name, message] : messages) {
    names.insert(name);
    for (const auto& field : message->field()) names.insert(name + "." + field.name());
  }
  for (const auto& [name, enumeration] : enums) {
    names.insert(name);
    for (const auto& value : enumeration->value()) names.insert(name + "." + value.name());
  }
  for (const auto& [name, service] : services) {
    names.insert(name);
    for (const auto& method : service->method()) names.insert(name + "." + method.name());
  }
  return names;
}

}  // namespace baton
