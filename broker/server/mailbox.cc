#include "broker/server/mailbox.h"

#include <grpc/support/time.h>

#include <utility>

namespace baton::server {

void Mailbox::Post(Work work) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  posted_.push_back(std::move(work));
  WakeLocked();
}

void Mailbox::Open(grpc::CompletionQueue* queue) {
  absl::MutexLock lock(&mutex_);
  queue_ = queue;
  if (!posted_.empty()) WakeLocked();
}

void Mailbox::WakeLocked() {
  if (woken_ || queue_ == nullptr) return;
  woken_ = true;
  // A deadline in the past fires within microseconds; "now" is rounded up to the next millisecond.
  alarm_.Set(queue_, gpr_inf_past(GPR_CLOCK_MONOTONIC), static_cast<Completion*>(this));
}

void Mailbox::Close() {
  std::vector<Work> dropped;
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  dropped.swap(posted_);
}

void Mailbox::Proceed(bool) {
  std::vector<Work> work;
  {
    absl::MutexLock lock(&mutex_);
    woken_ = false;
    work.swap(posted_);
  }
  for (Work& item : work) {
    if (closed_) return;
    item();
  }
}

}  // namespace baton::server
