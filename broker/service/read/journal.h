// What has changed, as the journal tells it.
#ifndef BATON_BROKER_SERVICE_READ_JOURNAL_H_
#define BATON_BROKER_SERVICE_READ_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "broker/base/error.h"
#include "broker/engine/live/view.h"

namespace baton::service {

// Before the `index`th id of those that commit `number` has changed.
struct JournalPosition {
  uint64_t number = 0;
  uint64_t index = 0;
  friend bool operator==(const JournalPosition&, const JournalPosition&) = default;
};

struct Change {
  engine::TaskId id = 0;
  // Where it is told first.
  JournalPosition at;
};

// How far one reading goes, so that others who wait for the same thread do so for milliseconds.
struct JournalLimits {
  // Different ones that are wanted.
  size_t ids = 1000;
  // Of all, wanted or not.
  size_t ids_passed = 1 << 17;
  // Of the journal, but one entry at least.
  size_t bytes = 1 << 20;
};

// Tasks that were created or changed from `from` on, up to the commit that the view shows: each once, in the order in
// which the journal tells of them. `next` is where to go on; behind the view's commit if that is all. Errors:
// OUT_OF_RANGE/WATCH_EXPIRED the journal does not reach back to `from`; STORE_DAMAGED.
Error ReadChanges(const engine::View& view, const JournalPosition& from, const JournalLimits& limits,
                  absl::FunctionRef<bool(engine::TaskId)> wanted, std::vector<Change>* changes, JournalPosition* next);

// OUT_OF_RANGE/WATCH_EXPIRED; `why` is a sentence without its end.
Error WatchExpired(const char* why);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_JOURNAL_H_
