#ifndef BATON_TESTS_BENCH_PEERS_TROUBLE_H_
#define BATON_TESTS_BENCH_PEERS_TROUBLE_H_

#include <cstdint>
#include <string_view>

namespace baton::peers {

// Ends this process: nothing that goes wrong in a measurement can be mended, only reported.
[[noreturn]] void Fail(std::string_view what);
// The same, with what errno says.
[[noreturn]] void FailWithErrno(std::string_view what);

// CLOCK_MONOTONIC, nanoseconds: the same for all processes of the machine.
int64_t MonotonicNow();

}  // namespace baton::peers

#endif  // BATON_TESTS_BENCH_PEERS_TROUBLE_H_
