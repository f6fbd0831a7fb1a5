// Callers of Watch, between the partition that tells them when to look and the calls that they have open.
#ifndef BATON_BROKER_SERVICE_READ_WATCHES_H_
#define BATON_BROKER_SERVICE_READ_WATCHES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "baton/v1/watch.pb.h"
#include "broker/base/error.h"
#include "broker/engine/run/partition.h"
#include "broker/service/read/task_watch.h"

namespace baton::service {

// One open watch. Whoever has opened it says when it looks: nothing is read, and nothing kept, for one that does not.
class OpenWatch : public std::enable_shared_from_this<OpenWatch> {
 public:
  // Fills in one response. Called by readers' threads.
  using Tell = std::function<Error(const engine::View& view, TaskWatch* watch, v1::WatchResponse* response)>;
  using Done = std::function<void(Error, v1::WatchResponse)>;

  // `place` is given up with the watch.
  OpenWatch(engine::Partition* partition, Tell tell, TaskWatch watch, std::function<void()> changed,
            std::shared_ptr<void> place);
  // The partition must still be there.
  ~OpenWatch();
  OpenWatch(const OpenWatch&) = delete;
  OpenWatch& operator=(const OpenWatch&) = delete;

  // Makes the next response, on a reader's thread. Not while another look is under way. After an error there is no
  // further look. `done` is dropped with the watch. Whatever changes after the look is followed by a call of `changed`,
  // on some thread, which must only pass it on; so may be what it has just told.
  void Look(Done done);

 private:
  engine::Partition* const partition_;
  const Tell tell_;
  const std::function<void()> changed_;
  const std::shared_ptr<void> place_;
  // Of the look that is under way.
  TaskWatch watch_;
  // Of the partition; set, and not used up yet.
  uint64_t registration_ = 0;
  std::atomic<bool> registered_ = false;
};

// Thread-safe.
class Watches {
 public:
  // `partition` must outlive it and all watches. `most`: that may be open at once.
  Watches(engine::Partition* partition, size_t most, OpenWatch::Tell tell)
      : partition_(partition), most_(most), tell_(std::move(tell)) {}

  // Errors: those of TaskWatch::Begin, RESOURCE_EXHAUSTED/TOO_MANY_WATCHES, UNAVAILABLE/STOPPING after Stop.
  Error Open(const v1::WatchRequest& request, std::function<void()> changed, std::shared_ptr<OpenWatch>* watch)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Opens no more. Those that are open go on. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Error: there is none.
  Error TakePlace(std::shared_ptr<void>* place) ABSL_LOCKS_EXCLUDED(mu_);

  engine::Partition* const partition_;
  const size_t most_;
  const OpenWatch::Tell tell_;
  const std::shared_ptr<std::atomic<size_t>> open_ = std::make_shared<std::atomic<size_t>>(0);

  absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_WATCHES_H_
