// The options that say which tasks a command is about.
#pragma once

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "baton/v1/admin.pb.h"

namespace baton::cli {

struct FilterArguments {
  std::vector<std::string> states;
  std::string type;
  std::string tag;
  std::string parent;
  std::string root;
  bool awaits_decision = false;
  std::string schedule;
  std::string worker;
  std::string created_since, created_before;
  std::string ended_since, ended_before;
  // What the command calls the last one.
  const char* ended_before_option = "--ended-before";
  std::string error;
  std::string suspend_reason;
};

// `arguments` must outlive the command. Empty values are refused.
void AddFilterOptions(CLI::App& command, FilterArguments& arguments);

// What is empty would count as not given: as a rule a variable of a script was not set, and its command would do to all
// tasks what was meant for a few, or go without what was to keep it safe.
void RefuseEmptyValue(CLI::Option* option);

// The same for all options that the command has by now.
void RefuseEmptyValues(CLI::App& command);

// The error names the option. `now`: for times that are given as an age.
absl::StatusOr<v1::TaskFilter> BuildFilter(const FilterArguments& arguments, absl::Time now);

// In the words of the command line.
std::string FilterText(const v1::TaskFilter& filter);

}  // namespace baton::cli
