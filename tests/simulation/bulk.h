#ifndef BATON_TESTS_SIMULATION_BULK_H_
#define BATON_TESTS_SIMULATION_BULK_H_

#include <string>

#include "broker/engine/limits.h"
#include "tests/simulation/random.h"

namespace baton::simulation {

// What makes a payload or result large now and then, where batches are full soon: some fill one.
inline std::string DrawBulk(const engine::EngineSettings& settings, Random& random) {
  const size_t full = settings.work.open_batch_bytes;
  if (full == engine::kWorkBounds.open_batch_bytes || !random.Chance(200)) return "";
  return " " + std::string(static_cast<size_t>(random.Time(1, static_cast<Micros>(full / 4))), '.');
}

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_BULK_H_
