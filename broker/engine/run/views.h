#ifndef BATON_BROKER_ENGINE_RUN_VIEWS_H_
#define BATON_BROKER_ENGINE_RUN_VIEWS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/engine/live/view.h"

namespace baton::engine {

// Brings reads together with views that are new enough: a queue that one thread serves. Thread-safe.
class ViewReaders {
 public:
  using Read = std::function<void(std::shared_ptr<const View>)>;

  // To be run with a view of at least commit `min_number`. True if no view at hand is new enough: one has to be made.
  bool Add(uint64_t min_number, Read read) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    std::shared_ptr<const View> view = latest_.lock();
    const bool ready = view != nullptr && view->number() >= min_number;
    waiting_.push_back({min_number, std::move(read), ready ? std::move(view) : nullptr});
    if (ready) changed_.Signal();
    return !ready;
  }

  // A new view; reads that it is good enough for can run.
  void Publish(const std::shared_ptr<const View>& view) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    latest_ = view;
    for (Waiting& waiting : waiting_) {
      if (waiting.view == nullptr && waiting.min_number <= view->number()) waiting.view = view;
    }
    changed_.Signal();
  }

  // Some read waits for a view that has not been made.
  bool wanting() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    for (const Waiting& waiting : waiting_) {
      if (waiting.view == nullptr) return true;
    }
    return false;
  }

  // Serves until Stop, on the calling thread. What still waits then is dropped.
  void Serve() ABSL_LOCKS_EXCLUDED(mu_) {
    Waiting next;
    while (Take(&next)) {
      next.read(std::move(next.view));
      next = Waiting();
    }
  }
  void Stop() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    stopped_ = true;
    changed_.Signal();
  }

 private:
  struct Waiting {
    uint64_t min_number = 0;
    Read read;
    std::shared_ptr<const View> view;
  };

  bool Take(Waiting* next) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    while (!stopped_) {
      for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
        if (it->view == nullptr) continue;
        *next = std::move(*it);
        waiting_.erase(it);
        return true;
      }
      changed_.Wait(&mu_);
    }
    return false;
  }

  mutable absl::Mutex mu_;
  absl::CondVar changed_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mu_);
  std::weak_ptr<const View> latest_ ABSL_GUARDED_BY(mu_);
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RUN_VIEWS_H_
