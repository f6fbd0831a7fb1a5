// Unary calls of the contract, as the server answers them.
#ifndef BATON_TESTS_FUZZ_CALLS_H_
#define BATON_TESTS_FUZZ_CALLS_H_

#include "tests/fuzz/input.h"
#include "tests/fuzz/world.h"

namespace baton::fuzz {

// Makes one call with a request filled in by chance, and aborts unless it is answered as the contract has it.
void Call(Input& input, World* world);

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_CALLS_H_
