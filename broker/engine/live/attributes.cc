#include "broker/engine/live/attributes.h"

#include <algorithm>
#include <bit>

namespace baton::engine {

using records::v1::PageRow;

void EncodeAttributes(const std::vector<AttributeRun>& runs, PageRow* row) {
  uint32_t end = 0;
  for (const AttributeRun& run : runs) {
    row->add_run_gaps(run.first - end);
    row->add_run_counts(run.count);
    row->add_run_classes(run.class_number);
    row->add_run_tag_hashes(run.tag_hash);
    end = run.end();
  }
}

bool DecodeAttributes(const PageRow& row, std::vector<AttributeRun>* runs) {
  const int size = row.run_gaps_size();
  if (row.run_counts_size() != size || row.run_classes_size() != size || row.run_tag_hashes_size() != size)
    return false;
  if (row.indexed() && size > 0) return false;
  runs->reserve(size);
  uint32_t slot = 0;
  for (int i = 0; i < size; ++i) {
    const uint32_t gap = row.run_gaps(i);
    const uint32_t count = row.run_counts(i);
    if (gap > kPageIds - slot || count == 0 || count > kPageIds - slot - gap) return false;
    slot += gap;
    runs->push_back(
        {static_cast<uint16_t>(slot), static_cast<uint16_t>(count), row.run_classes(i), row.run_tag_hashes(i)});
    slot += count;
  }
  return true;
}

SlotSet SlotSet::All() {
  SlotSet slots;
  slots.words_.fill(~uint64_t{0});
  return slots;
}

void SlotSet::Add(uint32_t first, uint32_t end) {
  while (first < end) {
    const uint32_t bit = first % 64;
    const uint32_t count = std::min(64 - bit, end - first);
    words_[first / 64] |= ~uint64_t{0} >> (64 - count) << bit;
    first += count;
  }
}

void SlotSet::Intersect(const SlotSet& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
}

bool SlotSet::empty() const {
  return std::all_of(words_.begin(), words_.end(), [](uint64_t word) { return word == 0; });
}

std::optional<uint32_t> SlotSet::Highest(uint32_t slot) const {
  size_t word = slot / 64;
  uint64_t bits = words_[word] & ~uint64_t{0} >> (63 - slot % 64);
  while (bits == 0) {
    if (word == 0) return std::nullopt;
    bits = words_[--word];
  }
  return static_cast<uint32_t>(word * 64 + 63 - std::countl_zero(bits));
}

}  // namespace baton::engine
