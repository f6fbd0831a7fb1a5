#ifndef BATON_TESTS_BENCH_PAYLOAD_H_
#define BATON_TESTS_BENCH_PAYLOAD_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace baton::bench {

// A payload of `size` bytes, at least 8: the number of the task, then bytes that look random, because equal ones would
// make storage look smaller than it is.
inline std::string MakePayload(uint64_t sequence, uint64_t size) {
  std::string payload(std::max<uint64_t>(size, sizeof(sequence)), '\0');
  std::memcpy(payload.data(), &sequence, sizeof(sequence));
  uint64_t state = sequence * 0x9E3779B97F4A7C15u + 1;
  for (size_t at = sizeof(sequence); at < payload.size(); at += sizeof(state)) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(payload.data() + at, &state, std::min(sizeof(state), payload.size() - at));
  }
  return payload;
}

// What a parent is to spawn: children with the numbers [first, first + count).
struct SpawnPlan {
  uint64_t first = 0;
  uint64_t count = 0;
  uint64_t payload_bytes = 0;

  friend bool operator==(const SpawnPlan&, const SpawnPlan&) = default;
};

// As MakePayload, with the plan behind the number.
inline std::string MakeParentPayload(uint64_t sequence, uint64_t size, const SpawnPlan& plan) {
  std::string payload = MakePayload(sequence, std::max<uint64_t>(size, sizeof(sequence) + sizeof(plan)));
  std::memcpy(payload.data() + sizeof(sequence), &plan, sizeof(plan));
  return payload;
}

// Nothing if it is too short.
inline std::optional<SpawnPlan> SpawnPlanOf(const std::string& payload) {
  SpawnPlan plan;
  if (payload.size() < sizeof(uint64_t) + sizeof(plan)) return std::nullopt;
  std::memcpy(&plan, payload.data() + sizeof(uint64_t), sizeof(plan));
  return plan;
}

// Nothing if it is too short.
inline std::optional<uint64_t> SequenceOf(const std::string& payload) {
  uint64_t sequence = 0;
  if (payload.size() < sizeof(sequence)) return std::nullopt;
  std::memcpy(&sequence, payload.data(), sizeof(sequence));
  return sequence;
}

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_PAYLOAD_H_
