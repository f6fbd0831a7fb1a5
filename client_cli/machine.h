// The machine this program runs on: its disks and its programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace baton::cli {

// Bytes that are free for users on the disk of `directory`; nothing if it cannot be looked at.
std::optional<uint64_t> FreeBytes(const std::string& directory);

// How a program ended, and what it said.
struct ProgramOutput {
  // 128 and the signal's number, if a signal ended it.
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Runs the `batond` that is beside this program, or else on PATH, to its end. NOT_FOUND: there is none.
absl::StatusOr<ProgramOutput> RunBatond(const std::vector<std::string>& arguments);

}  // namespace baton::cli
