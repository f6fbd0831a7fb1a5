// How attempts have ended since the process began.
#ifndef BATON_BROKER_ENGINE_ATTEMPT_ENDS_H_
#define BATON_BROKER_ENGINE_ATTEMPT_ENDS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "broker/base/meter.h"
#include "broker/engine/catalog.h"
#include "broker/engine/rules/transition.h"

namespace baton::engine {

// Counts by class and by the event that ended the attempt. One thread counts, any thread reads, without locks; memory
// is taken for 256 classes at a time.
class AttemptEnds {
 public:
  using Counts = std::array<uint64_t, kEventCount>;

  void Count(ClassNumber class_number, Event event) {
    SlotOf(Counted(class_number)).counters[static_cast<size_t>(event)].Add();
  }

  // By Event.
  Counts Read(ClassNumber class_number) const {
    Counts counts{};
    if (class_number >= kClasses) return counts;
    const Chunk* const chunk = chunks_[class_number / kChunk].load(std::memory_order_acquire);
    for (size_t i = 0; chunk != nullptr && i < kEventCount; ++i) {
      counts[i] = chunk->slots[class_number % kChunk].counters[i].value();
    }
    return counts;
  }

  // Classes from this number on are counted as class 0, which no task has.
  static constexpr ClassNumber kClasses = 65'536;

  ~AttemptEnds() {
    for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
  }
  AttemptEnds() = default;
  AttemptEnds(const AttemptEnds&) = delete;
  AttemptEnds& operator=(const AttemptEnds&) = delete;

 private:
  static constexpr ClassNumber kChunk = 256;
  struct Slot {
    std::array<Counter, kEventCount> counters;
  };
  struct Chunk {
    std::array<Slot, kChunk> slots;
  };

  static ClassNumber Counted(ClassNumber class_number) { return class_number < kClasses ? class_number : 0; }
  Slot& SlotOf(ClassNumber class_number) {
    std::atomic<Chunk*>& place = chunks_[class_number / kChunk];
    Chunk* chunk = place.load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      chunk = std::make_unique<Chunk>().release();
      place.store(chunk, std::memory_order_release);
    }
    return chunk->slots[class_number % kChunk];
  }

  std::array<std::atomic<Chunk*>, kClasses / kChunk> chunks_{};
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_ATTEMPT_ENDS_H_
