#ifndef BATON_TESTS_BENCH_FLAGS_H_
#define BATON_TESTS_BENCH_FLAGS_H_

#include <CLI/CLI.hpp>

#include "tests/bench/modes.h"
#include "tests/bench/options.h"

namespace baton::bench {

// The flags that a mode has.
void DeclareFlags(CLI::App* app, const Mode& mode, BenchOptions* options);

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_FLAGS_H_
