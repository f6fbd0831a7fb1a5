#ifndef BATON_TESTS_SIMULATION_VIOLATION_H_
#define BATON_TESTS_SIMULATION_VIOLATION_H_

#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"

namespace baton::simulation {

// Something that must never happen has happened; ends the simulation.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The rest says what is wrong; it is made only then.
#define REQUIRE(holds, ...)                                   \
  do {                                                        \
    if (!(holds)) throw Violation(absl::StrCat(__VA_ARGS__)); \
  } while (false)

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_VIOLATION_H_
