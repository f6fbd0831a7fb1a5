// What a list may ask for and a task never changes: its class, with the type, and its tag; for ids of one page.
#ifndef BATON_BROKER_ENGINE_LIVE_ATTRIBUTES_H_
#define BATON_BROKER_ENGINE_LIVE_ATTRIBUTES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "baton/records/v1/records.pb.h"
#include "broker/engine/catalog.h"
#include "broker/engine/format/keys.h"

namespace baton::engine {

// Consecutive slots of a page whose tasks are alike.
struct AttributeRun {
  uint16_t first = 0;
  uint16_t count = 0;
  ClassNumber class_number = 0;
  // As TagHash tells; 0: no tag.
  uint32_t tag_hash = 0;

  uint32_t end() const { return uint32_t{first} + count; }
  friend bool operator==(const AttributeRun&, const AttributeRun&) = default;
};

// A task that has a tag.
struct TaggedTask {
  TaskId id = 0;
  uint32_t tag_hash = 0;
};

// To and from the columns of a PageRow. Decoding answers false if they are not well-formed.
void EncodeAttributes(const std::vector<AttributeRun>& runs, records::v1::PageRow* row);
bool DecodeAttributes(const records::v1::PageRow& row, std::vector<AttributeRun>* runs);

// Slots of one page.
class SlotSet {
 public:
  static SlotSet All();

  // [first, end), which must be in the page.
  void Add(uint32_t first, uint32_t end);
  void Intersect(const SlotSet& other);
  bool empty() const;
  // The highest member at or below `slot`.
  std::optional<uint32_t> Highest(uint32_t slot) const;
  // The highest member below it.
  std::optional<uint32_t> Below(uint32_t slot) const { return slot == 0 ? std::nullopt : Highest(slot - 1); }

 private:
  std::array<uint64_t, kPageIds / 64> words_{};
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_ATTRIBUTES_H_
