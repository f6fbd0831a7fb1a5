#ifndef BATON_TESTS_CONTRACT_WIRE_CONTRACT_INDEX_H_
#define BATON_TESTS_CONTRACT_WIRE_CONTRACT_INDEX_H_

#include <map>
#include <set>
#include <string>

#include <google/protobuf/descriptor.pb.h>

namespace baton {

// The elements of a descriptor set by full name, nested ones included. Points into the set, which must outlive it.
struct ContractIndex {
  explicit ContractIndex(const google::protobuf::FileDescriptorSet& files);

  // Every element there is: what additions are found by.
  std::set<std::string> AllNames() const;

  std::map<std::string, const google::protobuf::DescriptorProto*> messages;
  std::map<std::string, const google::protobuf::EnumDescriptorProto*> enums;
  std::map<std::string, const google::protobuf::ServiceDescriptorProto*> services;

 private:
  void AddMessage(const std::string& scope, const google::protobuf::DescriptorProto& message);
};

}  // namespace baton

#endif  // BATON_TESTS_CONTRACT_WIRE_CONTRACT_INDEX_H_
