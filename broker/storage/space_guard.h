#ifndef BATON_BROKER_STORAGE_SPACE_GUARD_H_
#define BATON_BROKER_STORAGE_SPACE_GUARD_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "broker/base/clock.h"
#include "broker/base/error.h"

namespace baton::storage {

// What a process without privileges may still write to the file system of `path`; nothing if it cannot tell.
std::optional<uint64_t> FreeBytes(const std::string& path);

// Keeps new work off a disk that is nearly full. What is left is for work that has begun: when a write fails for lack
// of space the broker has to stop. Tells the log when it begins to refuse, and when it ends. Not thread-safe.
class SpaceGuard {
 public:
  struct Options {
    std::string directory;
    // Below so much nothing new is taken; 0: everything always is.
    uint64_t reserve_bytes = 0;
    // FreeBytes of the directory, unless a test says otherwise. While nothing is known, nothing is refused.
    std::function<std::optional<uint64_t>()> free_bytes;
  };
  explicit SpaceGuard(Options options);

  // RESOURCE_EXHAUSTED, DISK_FULL, with the space that is free and the cure, while there is less than the reserve. The
  // file system is asked at most every 10 ms, in which a fast disk takes some MiB.
  Error Check(SteadyMicros now);

 private:
  Error Refusal(uint64_t free) const;

  const Options options_;
  SteadyMicros looked_at_ = 0;  // 0: never.
  Error error_;
};

}  // namespace baton::storage

#endif  // BATON_BROKER_STORAGE_SPACE_GUARD_H_
