#ifndef BATON_WORKER_SDK_TASK_CONTEXT_H_
#define BATON_WORKER_SDK_TASK_CONTEXT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "baton/payload.h"
#include "baton/v1/worker.pb.h"
#include "worker_sdk/src/attempt.h"

namespace baton::inline sdk {
namespace internal {

// What a running handler may ask of its worker. Thread-safe.
class TaskHost {
 public:
  virtual ~TaskHost() = default;
  virtual int64_t Now() const = 0;
  virtual int64_t WallNow() const = 0;
  virtual absl::Status Audit(const AttemptPtr& attempt, v1::Checkpoint checkpoint) = 0;
  virtual absl::Status Progress(const AttemptPtr& attempt, v1::Progress progress) = 0;
  // Blocks; tries again until the attempt is over or its deadline has passed.
  virtual absl::StatusOr<v1::ListChildOutcomesResponse> ListChildOutcomes(const AttemptPtr& attempt,
                                                                          const std::string& page_token) = 0;
  // Waits until the attempt is over, for at most `timeout`; returns whether it is.
  virtual bool WaitUntilOver(const AttemptPtr& attempt, absl::Duration timeout) = 0;
  virtual void Warn(const std::string& text) = 0;
};

// One run of a handler: what a Task stands for. Lives on the stack of the handler's thread.
class TaskContext {
 public:
  TaskContext(AttemptPtr attempt, TaskHost* host);

  const v1::Delivery& delivery() const { return *attempt_->delivery; }
  const AttemptPtr& attempt() const { return attempt_; }
  TaskHost& host() const { return *host_; }
  const Payload& payload() const { return payload_; }
  const Payload& context() const { return context_; }
  const Payload& decision() const { return decision_; }

  // Steady microseconds.
  int64_t deadline() const { return attempt_->deadline(); }
  bool cancelled() const;
  bool WaitCancelled(absl::Duration timeout) const;

  // A failure to read the children that the handler has not looked at.
  void SetUnreadFailure(const absl::Status& status);
  absl::Status TakeUnreadFailure();

 private:
  const AttemptPtr attempt_;
  TaskHost* const host_;
  Payload payload_;
  Payload context_;
  Payload decision_;
  absl::Mutex mutex_;
  absl::Status unread_failure_ ABSL_GUARDED_BY(mutex_);
};

// Runs the attempt's handler: its outcome for the wire, with the children of a spawn aside. Whatever is thrown, and
// what cannot be sent (a payload over `payload_bytes`, text that is not UTF-8), becomes a failure.
std::unique_ptr<v1::Outcome> RunHandler(const AttemptPtr& attempt, TaskHost* host, int64_t payload_bytes,
                                        std::vector<std::unique_ptr<v1::NewTask>>* children);

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TASK_CONTEXT_H_
