#include "worker_sdk/src/async_book.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "worker_sdk/src/make_status.h"

namespace baton::inline sdk {
namespace internal {

absl::StatusOr<uint64_t> AsyncBook::Begin(Size size) {
  absl::MutexLock lock(&mutex_);
  const Size sum{taken_.tasks + size.tasks, taken_.bytes + size.bytes};
  if (sum.tasks > most_.tasks || sum.bytes > most_.bytes) {
    return MakeStatus(
        static_cast<int>(absl::StatusCode::kResourceExhausted),
        absl::StrCat("Submit: ", size.tasks, " tasks with ", size.bytes, " bytes more than the ", taken_.tasks,
                     " tasks with ", taken_.bytes, " bytes that are not answered yet; the client options allow ",
                     most_.tasks, " tasks (max_unanswered_tasks) and ", most_.bytes,
                     " bytes (max_unanswered_bytes): wait for answers first"),
        "CLIENT_FULL", absl::ZeroDuration());
  }
  taken_ = sum;
  open_[++last_] = size;
  return last_;
}

void AsyncBook::Answered(uint64_t number) {
  absl::MutexLock lock(&mutex_);
  const Size size = std::exchange(open_[number], Size());
  taken_.tasks -= size.tasks;
  taken_.bytes -= size.bytes;
}

void AsyncBook::End(uint64_t number) {
  absl::MutexLock lock(&mutex_);
  open_.erase(number);
  const uint64_t first = open_.empty() ? last_ + 1 : open_.begin()->first;
  waiting_.remove_if([first](const Waiting& waiting) {
    if (waiting.until >= first) return false;
    waiting.event->Notify();
    return true;
  });
}

std::shared_ptr<const Event> AsyncBook::AllEnded() {
  auto event = std::make_shared<Event>();
  absl::MutexLock lock(&mutex_);
  if (open_.empty()) {
    event->Notify();
  } else {
    waiting_.push_back({last_, event});
  }
  return event;
}

size_t AsyncBook::open() const {
  absl::MutexLock lock(&mutex_);
  return open_.size();
}

}  // namespace internal
}  // namespace baton::inline sdk
