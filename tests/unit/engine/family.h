// Parents and children: their tasks, and workers for them.
#ifndef BATON_TESTS_UNIT_ENGINE_FAMILY_H_
#define BATON_TESTS_UNIT_ENGINE_FAMILY_H_

#include "tests/unit/engine/harness.h"

namespace baton::engine::testing {

inline const WorkerSpec kParents = {.worker_id = "parents", .types = {"parent"}};
inline const WorkerSpec kChildren = {.worker_id = "children", .slots = 5000, .types = {"child"}};
inline const TaskSpec kParent = {.type = "parent", .payload = "of all"};
inline const TaskSpec kChild = {.type = "child"};

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_FAMILY_H_
