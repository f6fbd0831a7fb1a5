#include "tests/bench/peers/trouble.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

namespace baton::peers {

void Fail(std::string_view what) {
  std::fprintf(stderr, "peer-bench: %.*s\n", static_cast<int>(what.size()), what.data());
  // Other threads may be in the middle of a call.
  _exit(1);
}

void FailWithErrno(std::string_view what) { Fail(std::string(what) + ": " + std::strerror(errno)); }

int64_t MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace baton::peers
