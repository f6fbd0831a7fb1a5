// Family `index`: finds the tasks of some classes, or with some tag, without reading a row of any other task. It has
// the rows of each page that is full; of the others the pages themselves tell (attributes.h). Removed ids stay in both:
// who asks looks at their states as well.
#ifndef BATON_BROKER_ENGINE_LIVE_INDEX_H_
#define BATON_BROKER_ENGINE_LIVE_INDEX_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/engine/live/page.h"
#include "broker/engine/live/view.h"
#include "broker/storage/write_batch.h"

namespace baton::engine {

// Whether all ids of a page have been given to tasks, so that nothing comes to what the index has to know of it.
inline bool IsFull(uint64_t page_number, TaskId next_id) { return (page_number + 1) * kPageIds <= next_id; }

// Adds all rows of a full page, unless all its tasks are removed; to be committed together with the page as
// EncodeIndexed() has it.
void AddIndexRows(const Page& page, storage::WriteBatch* batch);

// Calls visit(value, first slot, end) for each run in an IndexRow. False if it is not well-formed.
bool ReadIndexRow(absl::string_view bytes, absl::FunctionRef<void(uint32_t value, uint32_t first, uint32_t end)> visit);

// What tasks are looked for by.
struct Wanted {
  // Classes of which one must be the task's; nullopt: any.
  std::optional<std::vector<ClassNumber>> classes;
  // Its tag's; 0: any tag or none.
  uint32_t tag_hash = 0;
};

// For one walk from page to page downwards, which reads ahead. Not thread-safe.
class IndexReader {
 public:
  // `view` must outlive it.
  IndexReader(const View& view, Wanted wanted) : view_(view), wanted_(std::move(wanted)) {}

  // The slots of a page whose tasks may be wanted: all those that are, and none of another class, but maybe some of
  // another tag with the same hash. Reads a page from the store only if it is not full. Errors: DATA_LOSS a row is
  // damaged.
  absl::Status Find(uint64_t page_number, SlotSet* slots);

 private:
  // Rows of one bucket that were read: those of the pages from `first_page` to `end_page`, the last one first.
  struct Ahead {
    uint64_t first_page = 0;
    uint64_t end_page = 0;
    std::vector<std::pair<uint64_t, std::string>> rows;
  };

  // Null if rows of the index tell of the page.
  absl::StatusOr<std::shared_ptr<const Page>> PageWithRuns(uint64_t page_number) const;
  void FindInRuns(const Page& page, SlotSet* of_classes, SlotSet* of_tag) const;
  absl::Status FindInRow(uint64_t page_number, IndexKind kind, uint32_t value, SlotSet* slots);
  absl::Status ReadAhead(uint64_t page_number, IndexKind kind, uint8_t bucket, Ahead* ahead);

  const View& view_;
  const Wanted wanted_;
  std::map<std::pair<IndexKind, uint8_t>, Ahead> ahead_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_INDEX_H_
