#ifndef BATON_BROKER_SERVER_MAILBOX_H_
#define BATON_BROKER_SERVER_MAILBOX_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "broker/server/completion.h"

namespace baton::server {

// How other threads get work onto the thread of the completion queue. What is posted runs there, in order; however much
// is posted at once, the thread is woken once. Thread-safe.
class Mailbox final : private Completion {
 public:
  using Work = absl::AnyInvocable<void()>;

  // Begins to wake the thread of `queue`, which must live until Close; what was posted before runs now.
  void Open(grpc::CompletionQueue* queue) ABSL_LOCKS_EXCLUDED(mutex_);

  void Post(Work work) ABSL_LOCKS_EXCLUDED(mutex_);

  // Drops what has not run, also what stands behind the work that calls this, and everything posted from now on. To be
  // called on the queue's thread, before it shuts the queue down.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Proceed(bool ok) ABSL_LOCKS_EXCLUDED(mutex_) override;

  void WakeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  grpc::CompletionQueue* queue_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<Work> posted_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  // Set under the mutex. Read without it between two items, one of which may have closed the mailbox.
  std::atomic<bool> closed_ = false;
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_MAILBOX_H_
