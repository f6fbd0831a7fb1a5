#include "broker/service/read/watches.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::service {

OpenWatch::OpenWatch(engine::Partition* partition, Tell tell, TaskWatch watch, std::function<void()> changed,
                     std::shared_ptr<void> place)
    : partition_(partition),
      tell_(std::move(tell)),
      changed_(std::move(changed)),
      place_(std::move(place)),
      watch_(std::move(watch)) {}

OpenWatch::~OpenWatch() {
  if (registration_ != 0) partition_->Unwatch(registration_);
}

void OpenWatch::Look(Done done) {
  // One that was set before the read misses nothing.
  if (!registered_.exchange(true)) {
    auto changed = [weak = weak_from_this()] {
      const std::shared_ptr<OpenWatch> self = weak.lock();
      if (self == nullptr) return;
      self->registered_ = false;
      self->changed_();
    };
    registration_ = watch_.task() != 0 ? partition_->Watch(watch_.task(), std::move(changed))
                                       : partition_->WatchAny(std::move(changed));
  }
  partition_->Read([weak = weak_from_this(), done = std::move(done)](const std::shared_ptr<const engine::View>& view) {
    const std::shared_ptr<OpenWatch> self = weak.lock();
    if (self == nullptr) return;
    v1::WatchResponse response;
    Error error = self->tell_(*view, &self->watch_, &response);
    if (!error.ok()) response.Clear();
    done(std::move(error), std::move(response));
  });
}

Error Watches::Open(const v1::WatchRequest& request, std::function<void()> changed, std::shared_ptr<OpenWatch>* watch) {
  TaskWatch begun;
  std::shared_ptr<void> place;
  Error error = begun.Begin(request, partition_->incarnation());
  if (error.ok()) error = TakePlace(&place);
  if (!error.ok()) return error;
  *watch = std::make_shared<OpenWatch>(partition_, tell_, std::move(begun), std::move(changed), std::move(place));
  return {};
}

Error Watches::TakePlace(std::shared_ptr<void>* place) {
  absl::MutexLock lock(&mu_);
  if (stopped_) return Unavailable("STOPPING", "the broker is stopping: watch again, with backoff, once it is back");
  if (open_->load() >= most_) {
    return ResourceExhausted("TOO_MANY_WATCHES",
                             absl::StrCat(most_,
                                          " watches are open, the most this broker takes (server.max_watches): "
                                          "try again later, or use ListTasks"),
                             kSecond);
  }
  open_->fetch_add(1);
  *place = std::shared_ptr<void>(nullptr, [open = open_](void*) { open->fetch_sub(1); });
  return {};
}

void Watches::Stop() {
  absl::MutexLock lock(&mu_);
  stopped_ = true;
}

}  // namespace baton::service
