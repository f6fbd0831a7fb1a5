#ifndef BATON_TESTS_SIMULATION_RANDOM_H_
#define BATON_TESTS_SIMULATION_RANDOM_H_

#include <cstdint>
#include <random>

#include "broker/base/clock.h"

namespace baton::simulation {

// All chance of one simulation. The same seed gives the same draws on every machine: the distributions of the standard
// library do not promise that, so none is used.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t Next() { return engine_(); }
  // 0 … count − 1.
  uint64_t Below(uint64_t count) { return engine_() % count; }
  // first … last.
  int64_t Between(int64_t first, int64_t last) {
    return first + static_cast<int64_t>(Below(static_cast<uint64_t>(last - first + 1)));
  }
  // True in so many of a thousand cases.
  bool Chance(uint32_t permille) { return Below(1000) < permille; }
  // A length of time up to `longest`, short ones far more often than long ones.
  Micros Time(Micros shortest, Micros longest) {
    const Micros reach = longest >> Below(12);
    return reach <= shortest ? shortest : Between(shortest, reach);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_RANDOM_H_
