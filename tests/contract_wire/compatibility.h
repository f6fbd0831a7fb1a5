#ifndef BATON_TESTS_CONTRACT_WIRE_COMPATIBILITY_H_
#define BATON_TESTS_CONTRACT_WIRE_COMPATIBILITY_H_

#include <string>
#include <vector>

#include <google/protobuf/descriptor.pb.h>

namespace baton {

// Compares two versions of a wire contract by full names, so that moving a message between files is no change.
//
// A change is breaking when a program compiled against `pinned` could misread what a program compiled against `current`
// sends, no longer compiles, or no longer reads its JSON: anything removed, renamed, renumbered or retyped; another
// cardinality, presence or oneof; a reserved number or name that is used or no longer reserved; an RPC with other
// messages or streaming. Answers one sentence for each, in a stable order; empty means compatible.
std::vector<std::string> FindBreakingChanges(const google::protobuf::FileDescriptorSet& pinned,
                                             const google::protobuf::FileDescriptorSet& current);

// Full names of the messages, fields, enums, values, services and methods that only `current` has, in a stable
// order.
std::vector<std::string> FindAdditions(const google::protobuf::FileDescriptorSet& pinned,
                                       const google::protobuf::FileDescriptorSet& current);

}  // namespace baton

#endif  // BATON_TESTS_CONTRACT_WIRE_COMPATIBILITY_H_
