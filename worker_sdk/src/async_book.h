#ifndef BATON_WORKER_SDK_ASYNC_BOOK_H_
#define BATON_WORKER_SDK_ASYNC_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "worker_sdk/src/event.h"

namespace baton::inline sdk {
namespace internal {

// The submissions that nobody waits for: bounds them, and knows when they are over. Thread-safe.
class AsyncBook {
 public:
  struct Size {
    size_t tasks = 0;
    size_t bytes = 0;
  };
  explicit AsyncBook(Size most) : most_(most) {}

  // Takes a submission in and numbers it. Errors: RESOURCE_EXHAUSTED, reason CLIENT_FULL: there is no room for it.
  absl::StatusOr<uint64_t> Begin(Size size) ABSL_LOCKS_EXCLUDED(mutex_);
  // It was answered: it takes no more room.
  void Answered(uint64_t number) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nothing of it is left to do.
  void End(uint64_t number) ABSL_LOCKS_EXCLUDED(mutex_);

  // Happens when all submissions that have begun so far have ended.
  std::shared_ptr<const Event> AllEnded() ABSL_LOCKS_EXCLUDED(mutex_);
  size_t open() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Waiting {
    uint64_t until;
    std::shared_ptr<Event> event;
  };

  const Size most_;
  mutable absl::Mutex mutex_;
  Size taken_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Size> open_ ABSL_GUARDED_BY(mutex_);
  std::list<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_ASYNC_BOOK_H_
