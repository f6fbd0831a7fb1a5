#ifndef BATON_WORKER_SDK_HANDLER_POOL_H_
#define BATON_WORKER_SDK_HANDLER_POOL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "worker_sdk/src/attempt.h"

namespace baton::inline sdk {
namespace internal {

// Starts a thread that nobody waits for. Throws std::system_error if the system has none left.
void StartDetachedThread(std::function<void()> body);

// The threads that run handlers. Threads are started when there is work for them, at most as many as allowed. A batch
// wakes one thread, which wakes the next one if there is more to do: handlers that take microseconds do not pay for a
// wake-up each.
//
// Where the system has no thread left, fewer of them do the work; if there is none at all, it waits. Each Add() and
// RetryThreads() tries again to start one.
//
// Thread-safe. Threads that are stuck in a handler do not hold up the destructor: they share ownership of what they
// need, `run` included.
class HandlerPool {
 public:
  using RunFunction = std::function<void(const AttemptPtr&)>;
  // As StartDetachedThread.
  using StartFunction = std::function<void(std::function<void()> body)>;

  HandlerPool(int max_threads, RunFunction run, StartFunction start = StartDetachedThread);
  ~HandlerPool();

  // Fewer: threads that are running finish what they have.
  void SetMaxThreads(int max_threads);
  void Add(std::vector<AttemptPtr> batch);
  // To be called now and then. Returns, once, what is to be told of the first thread that the system refused.
  std::optional<std::string> RetryThreads();
  // Takes attempts that no thread has started out of the queue: those for which `which` is true.
  std::vector<AttemptPtr> Take(const std::function<bool(const Attempt&)>& which);
  // Lets threads end as soon as they are idle; what is queued is forgotten. Returns whether all ended within `timeout`.
  bool Stop(absl::Duration timeout);

 private:
  struct Shared;
  const std::shared_ptr<Shared> shared_;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_HANDLER_POOL_H_
