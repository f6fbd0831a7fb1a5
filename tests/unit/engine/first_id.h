// Stores that do not begin with task 1, so that tests meet the end of a page without filling it.
#ifndef BATON_TESTS_UNIT_ENGINE_FIRST_ID_H_
#define BATON_TESTS_UNIT_ENGINE_FIRST_ID_H_

#include "broker/engine/live/page.h"
#include "broker/storage/write_batch.h"

namespace baton::engine::testing {

// Makes all ids below `first` removed ones, in a store in which nothing was submitted, as of commit `number`.
inline void AddRemovedBefore(TaskId first, uint64_t number, storage::WriteBatch* batch) {
  records::v1::CheckpointRow checkpoint;
  checkpoint.set_number(number);
  checkpoint.set_counted(number);
  checkpoint.set_next_id(first);
  batch->Put(storage::Family::kMeta, CheckpointMetaKey(), checkpoint.SerializeAsString());
  for (uint64_t page_number = 0; page_number <= PageOf(first - 1); ++page_number) {
    Page page(page_number);
    page.set_folded(number);
    for (uint32_t slot = 0; slot < kPageIds && page.first_id() + slot < first; ++slot) {
      if (page.first_id() + slot != 0) page.End(slot, LiveState::REMOVED);
    }
    batch->Put(storage::Family::kPage, PageKey(page_number), page.Encode());
  }
}

}  // namespace baton::engine::testing

#endif  // BATON_TESTS_UNIT_ENGINE_FIRST_ID_H_
