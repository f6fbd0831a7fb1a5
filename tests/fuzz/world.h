// What callers of a broker know: the ids, tokens and sessions that they were told, and what they must never lose.
#ifndef BATON_TESTS_FUZZ_WORLD_H_
#define BATON_TESTS_FUZZ_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "broker/engine/command.h"
#include "broker/service/decoding.h"
#include "broker/service/limits.h"
#include "broker/service/read/reads.h"
#include "tests/fuzz/live_broker.h"

namespace baton::fuzz {

// Small, so that requests reach them.
inline service::WireLimits SmallLimits() {
  service::WireLimits limits;
  limits.payload_bytes = 256;
  limits.message_bytes = 4096;
  limits.error_bytes = 64;
  limits.metadata_bytes = 64;
  limits.items = 8;
  limits.inline_children = 6;
  limits.page_size = 10;
  return limits;
}

struct World {
  service::Decoding Decoding() const { return {limits, broker->incarnation(), broker->clock().Read().wall}; }

  const service::WireLimits limits = SmallLimits();
  LiveBroker* broker = nullptr;
  service::ReadService* reads = nullptr;

  // The last ones, newest last.
  std::vector<std::string> attempt_tokens;
  std::string page_token;
  std::vector<engine::SessionNumber> sessions;

  // Acknowledged: tasks that were submitted, and those that were completed.
  std::set<engine::TaskId> submitted, completed;
};

// Of what it remembers it forgets the oldest.
template <typename T>
void Remember(T value, std::vector<T>* memory) {
  constexpr size_t kRemembered = 24;
  if (memory->size() >= kRemembered) memory->erase(memory->begin());
  memory->push_back(std::move(value));
}

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_WORLD_H_
