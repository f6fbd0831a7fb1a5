#include "client_cli/doctor/rules.h"

#include <algorithm>

namespace baton::cli::doctor {

const std::vector<Rule>& AllRules() {
  static const auto* const kRules = [] {
    auto* rules = new std::vector<Rule>(BrokerRules());
    for (const std::vector<Rule>& part : {TypeRules(), WorkerRules()}) {
      rules->insert(rules->end(), part.begin(), part.end());
    }
    return rules;
  }();
  return *kRules;
}

std::vector<Finding> Diagnose(const Facts& facts) {
  std::vector<Finding> found;
  for (const Rule& rule : AllRules()) rule.check(facts, Finding{.rule = rule.name}, &found);
  std::stable_sort(found.begin(), found.end(),
                   [](const Finding& one, const Finding& other) { return one.severity < other.severity; });
  return found;
}

}  // namespace baton::cli::doctor
