// The terminal that `baton top` draws on.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client_cli/top/key.h"

namespace baton::cli::top {

struct Size {
  size_t width = 80;
  size_t height = 24;
};

// What came in while waiting.
struct Input {
  std::vector<Key> keys;
  // The program is asked to end, or the terminal is gone.
  bool leave = false;
};

// Not thread-safe.
class Terminal {
 public:
  virtual ~Terminal() = default;

  virtual Size size() = 0;

  // Shows these lines, at most as many as its height, and nothing else. They must not be wider than it is.
  virtual absl::Status Draw(const std::vector<std::string>& lines) = 0;

  // Returns when something came in, when there is reason to draw again (another size), or after `timeout`.
  virtual Input Wait(absl::Duration timeout) = 0;
};

// Standard input and output, on the alternate screen and without echo until it is destroyed. Signals that would end or
// stop the process come out of Wait() instead: create it before there are other threads.
absl::StatusOr<std::unique_ptr<Terminal>> OpenTerminal();

}  // namespace baton::cli::top
