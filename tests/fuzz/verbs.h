// Calls that operators make.
#ifndef BATON_TESTS_FUZZ_VERBS_H_
#define BATON_TESTS_FUZZ_VERBS_H_

#include "tests/fuzz/input.h"
#include "tests/fuzz/world.h"

namespace baton::fuzz {

// As Call, for verbs on tasks, types, workers, jobs and schedules.
void CallVerb(Input& input, World* world);

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_VERBS_H_
