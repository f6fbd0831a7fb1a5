#ifndef BATON_TESTS_SIMULATION_REQUIRED_H_
#define BATON_TESTS_SIMULATION_REQUIRED_H_

#include <string>
#include <vector>

namespace baton::simulation {

// Every transition, every error and every fault that a run of many seeds has to reach, by the names under which the
// simulation counts them.
std::vector<std::string> RequiredEvents();
// Whether it is one of them. Of what tasks go through, the list is complete: what is not on it must not happen.
bool IsRequired(const std::string& event);

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_REQUIRED_H_
