// Which role has which call, and what a limit to type prefixes does to it. The one place where this is decided: callers
// are checked by it, the documentation is printed from it, and the tests go through it.
#ifndef BATON_BROKER_SERVER_ACCESS_RIGHTS_TABLE_H_
#define BATON_BROKER_SERVER_ACCESS_RIGHTS_TABLE_H_

#include <google/protobuf/descriptor.h>

#include <array>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "broker/server/access/role.h"

namespace baton::server {

enum class Grant : uint8_t {
  kNo,
  // For tasks that were submitted with the token itself.
  kOwn,
  kYes,
};

// What a call reaches, and so what is looked at when its token is limited to type prefixes.
enum class Reach : uint8_t {
  // No task and no type: the limit does not matter.
  kNothing,
  // The types in the request, of new tasks and of handlers: they must be allowed.
  kTypes,
  // The tasks that the request names, by id or by attempt token: their types must be allowed.
  kTasks,
  // The schedule that the request names, and the task in its definition: their types must be allowed.
  kSchedule,
  // Everything that fits: the answer leaves out what is of other types.
  kAnswer,
  // More than can be limited: refused.
  kEverything,
};

struct Right {
  // "baton.v1.TaskBroker" and "Submit".
  const char* service;
  const char* method;
  // By role.
  std::array<Grant, kRoleNames.size()> grants;
  Reach reach;

  Grant GrantOf(Role role) const { return grants[static_cast<size_t>(role)]; }
};

// In the order of printing: by services, as the proto files have them.
absl::Span<const Right> AllRights();

// The right to call a method. A method without an entry stops the process.
const Right& RightOf(const google::protobuf::MethodDescriptor& method);

// The right to what any valid token may do (reflection).
const Right& AnyRole();

// Stops the process unless the table has each method of these services once, and nothing else.
void CheckRights(const std::vector<const google::protobuf::ServiceDescriptor*>& services);

// The table for people, in Markdown.
std::string RightsAsText();

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_RIGHTS_TABLE_H_
