#include "tests/bench/progress.h"

#include <unistd.h>

#include <cstdio>

#include "tests/bench/board.h"

namespace baton::bench {
namespace {

constexpr int64_t kTerminalPeriod = 200'000'000;
constexpr int64_t kLogPeriod = 5'000'000'000;

}  // namespace

Progress::Progress() : is_terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (is_terminal_ && shown_at_ != 0) std::fputc('\n', stderr);
}

void Progress::Show(const std::string& text) {
  const int64_t now = MonotonicNow();
  if (now - shown_at_ < (is_terminal_ ? kTerminalPeriod : kLogPeriod)) return;
  shown_at_ = now;
  std::fprintf(stderr, is_terminal_ ? "\r\033[K%s" : "%s\n", text.c_str());
  std::fflush(stderr);
}

}  // namespace baton::bench
