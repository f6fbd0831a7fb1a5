// The options that say which tasks a command is about.
#pragma once

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "baton/v1/admin.pb.h"

namespace baton::cli {

struct FilterArguments {
  std::vector<std::string> states;
  std::string type;
  std::string tag;
  std::string parent;
  std::string root;
  bool awaits_decision = false;
};

// `arguments` must outlive the command.
void AddFilterOptions(CLI::App& command, FilterArguments& arguments);

// The error names the option.
absl::StatusOr<v1::TaskFilter> BuildFilter(const FilterArguments& arguments);

}  // namespace baton::cli
