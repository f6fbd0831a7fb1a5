// What is wrong with a broker, as pure functions of what is known of it. The limits are in thresholds.h.
#pragma once

#include <vector>

#include "client_cli/doctor/facts.h"
#include "client_cli/doctor/finding.h"

namespace baton::cli::doctor {

struct Rule {
  // Name of its findings.
  const char* name;
  // `finding` has the name of the rule, and nothing else.
  void (*check)(const Facts& facts, Finding finding, std::vector<Finding>* found);
  // What its findings are about, and the command that lists all of them; of a rule that finds one thing at most, null.
  const char* subjects = nullptr;
  const char* list = nullptr;
};

// Every rule, in the order of their findings.
const std::vector<Rule>& AllRules();

// What all rules find: errors first.
std::vector<Finding> Diagnose(const Facts& facts);

// The parts of AllRules.
std::vector<Rule> BrokerRules();
std::vector<Rule> TypeRules();
std::vector<Rule> WorkerRules();

}  // namespace baton::cli::doctor
