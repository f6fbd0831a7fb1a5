#include "tests/simulation/required.h"

namespace baton::simulation {

std::vector<std::string> RequiredEvents() { return {}; }

}  // namespace baton::simulation
