#ifndef BATON_WORKER_SDK_REGISTRY_H_
#define BATON_WORKER_SDK_REGISTRY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "baton/v1/worker.pb.h"
#include "baton/worker.h"

namespace baton::inline sdk {
namespace internal {

// One registration of one type; never changes, so an attempt keeps the one it started with.
struct RegisteredHandler {
  HandlerOptions options;
  // Counts the registrations of the type in this process, from 1.
  uint64_t version = 0;
};

// What a worker can do: its handlers and options, and the registrations that were refused. Thread-safe.
class Registry {
 public:
  // All or nothing. Errors: INVALID_ARGUMENT; remembered until each of the types is registered or given up.
  absl::Status Use(std::vector<Registration> registrations);
  // Returns the types that were registered.
  std::vector<std::string> Unuse(const std::vector<std::string>& types);
  // Errors: INVALID_ARGUMENT; remembered until a later call succeeds.
  absl::Status Configure(WorkerOptions options);

  // The first refusal that was not made good, OK if there is none.
  absl::Status refusal() const;

  // Null if the type is not registered.
  std::shared_ptr<const RegisteredHandler> Find(const std::string& type) const;
  // Whether Find() would return `handler`. Unlike what that returns, this is never the last to hold a handler, so that
  // nothing is destroyed where it is called.
  bool IsCurrent(const std::string& type, const RegisteredHandler* handler) const;
  WorkerOptions options() const;
  size_t size() const;

  // Everything, as the broker is told.
  v1::WorkerUpdate Describe() const;

 private:
  absl::Status Check(const std::vector<Registration>& registrations) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<const RegisteredHandler>> handlers_ ABSL_GUARDED_BY(mutex_);
  // Outlives the handlers: a type that comes back goes on counting.
  std::map<std::string, uint64_t> versions_ ABSL_GUARDED_BY(mutex_);
  WorkerOptions options_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status> refused_ ABSL_GUARDED_BY(mutex_);
  absl::Status refused_options_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_REGISTRY_H_
