// Reading the tasks of a workflow.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "baton/v1/admin.pb.h"
#include "client_cli/session.h"

namespace baton::cli {

// A task and its descendants, as far as they were read; without payload, result and context.
struct Workflow {
  std::map<uint64_t, v1::Task> tasks;
  std::map<uint64_t, std::vector<uint64_t>> children;  // By parent, in order of creation.
  bool complete = true;
};

// Level by level, so that what is left out when `limit` is reached is what is deepest; `limit` 0: all.
absl::StatusOr<Workflow> ReadWorkflow(Session& session, const v1::Task& top, uint64_t limit);

}  // namespace baton::cli
