// What `baton doctor` says.
#pragma once

#include <string>
#include <vector>

namespace baton::cli::doctor {

enum class Severity {
  // Tasks do not run, or data is in danger.
  kError,
  // Somebody should look before it becomes one.
  kWarning,
};

struct Finding {
  // Name of the rule: scripts rely on it.
  std::string rule;
  Severity severity = Severity::kWarning;
  // What it is about: a type, worker, schedule or task id; empty: the broker.
  std::string subject;
  // One line each: what is wrong, and what to do, with the command for it.
  std::string what;
  std::string remedy;
};

// Something that could not be looked at, and why.
struct NotChecked {
  std::string what;
  std::string why;
};

// What came of one run.
struct Report {
  std::vector<Finding> findings;
  std::vector<NotChecked> not_checked;
};

}  // namespace baton::cli::doctor
