#include "broker/service/read/waits.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "broker/base/named_thread.h"

namespace baton::service {
namespace {

// The thread sleeps at most this long while a wait is open: timed waits of the machine follow its wall clock, which can
// be set back.
constexpr Micros kMaxSleep = kSecond;

Error Stopping() {
  return Unavailable("STOPPING", "the broker is stopping: wait again, with backoff, once it is back");
}

bool IsTerminal(v1::TaskState state) {
  return state == v1::TASK_STATE_COMPLETED || state == v1::TASK_STATE_PERMANENTLY_FAILED ||
         state == v1::TASK_STATE_CANCELLED;
}

}  // namespace

Waits::Waits(engine::Partition* partition, const Clock* clock, Limits limits, LookUp look_up)
    : partition_(partition), clock_(clock), limits_(limits), look_up_(std::move(look_up)) {}

Waits::~Waits() = default;

void Waits::Start() { thread_ = NamedThread("waits", [this] { Run(); }); }

void Waits::Stop() {
  std::vector<uint64_t> open;
  {
    absl::MutexLock lock(&mu_);
    if (stopped_) return;
    stopped_ = true;
    work_.Signal();
    for (const auto& [id, entry] : waits_) open.push_back(id);
  }
  thread_.join();
  for (const uint64_t id : open) Finish(id, Stopping(), {});
}

uint64_t Waits::Add(const v1::WaitRequest& request, Done done) {
  const Micros timeout = request.timeout_us() == 0 ? limits_.default_wait : request.timeout_us();
  Error error;
  if (timeout < 0 || timeout > limits_.max_wait) {
    error = InvalidArgument("WAIT_TIMEOUT", absl::StrCat("timeout_us is ", timeout, ": use 1 to ", limits_.max_wait,
                                                         ", or 0 for ", limits_.default_wait));
  } else {
    absl::MutexLock lock(&mu_);
    if (stopped_) {
      error = Stopping();
    } else if (waits_.size() >= limits_.max_waits) {
      error = ResourceExhausted("TOO_MANY_WAITS",
                                absl::StrCat(waits_.size(),
                                             " calls of Wait are open, the most "
                                             "this broker takes: try again later, or use Get"),
                                kSecond);
    } else {
      const uint64_t id = ++last_id_;
      const SteadyMicros deadline = clock_->Read().steady + timeout;
      waits_.emplace(id, Entry{request, std::move(done), deadline});
      deadlines_.emplace(deadline, id);
      to_look_at_.push_back(id);
      work_.Signal();
      return id;
    }
  }
  done(std::move(error), {});
  return 0;
}

void Waits::Cancel(uint64_t id) {
  Finish(id, {absl::StatusCode::kCancelled, "CANCELLED", "the caller gave up waiting"}, {});
}

void Waits::CheckDeadlines() {
  absl::MutexLock lock(&mu_);
  look_at_clock_ = true;
  work_.Signal();
}

void Waits::Run() {
  while (true) {
    const std::vector<uint64_t> ids = AwaitWork();
    if (ids.empty()) return;
    // A watch that is set before the read misses nothing.
    for (const uint64_t id : ids) Watch(id);
    partition_->Read([weak = weak_from_this(), ids](const std::shared_ptr<const engine::View>& view) {
      const std::shared_ptr<Waits> self = weak.lock();
      if (self == nullptr) return;
      for (const uint64_t id : ids) self->LookAt(view, id);
    });
  }
}

bool Waits::SomethingToDo() const { return stopped_ || look_at_clock_ || !to_look_at_.empty(); }

std::vector<uint64_t> Waits::AwaitWork() {
  absl::MutexLock lock(&mu_);
  while (true) {
    if (stopped_) return {};
    look_at_clock_ = false;
    std::vector<uint64_t> ids = std::exchange(to_look_at_, {});
    TakeExpiredLocked(&ids);
    if (!ids.empty()) return ids;
    Micros sleep = deadlines_.empty() ? kDay : deadlines_.begin()->first - clock_->Read().steady;
    if (!deadlines_.empty()) sleep = std::min(sleep, kMaxSleep);
    if (!SomethingToDo()) work_.WaitWithTimeout(&mu_, absl::Microseconds(sleep));
  }
}

void Waits::TakeExpiredLocked(std::vector<uint64_t>* ids) {
  const SteadyMicros now = clock_->Read().steady;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const uint64_t id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    waits_[id].expired = true;
    ids->push_back(id);
  }
}

void Waits::Watch(uint64_t id) {
  engine::TaskId task = 0;
  {
    absl::MutexLock lock(&mu_);
    const auto found = waits_.find(id);
    if (found == waits_.end() || found->second.expired) return;
    task = found->second.request.task_id();
  }
  const uint64_t watch = partition_->Watch(task, [weak = weak_from_this(), id] {
    if (const std::shared_ptr<Waits> self = weak.lock()) self->Changed(id);
  });
  {
    absl::MutexLock lock(&mu_);
    const auto found = waits_.find(id);
    if (found != waits_.end()) {
      found->second.watch = watch;
      return;
    }
  }
  partition_->Unwatch(watch);
}

void Waits::Changed(uint64_t id) {
  absl::MutexLock lock(&mu_);
  if (!waits_.contains(id)) return;
  to_look_at_.push_back(id);
  work_.Signal();
}

void Waits::LookAt(const std::shared_ptr<const engine::View>& view, uint64_t id) {
  v1::WaitRequest request;
  bool expired = false;
  {
    absl::MutexLock lock(&mu_);
    const auto found = waits_.find(id);
    if (found == waits_.end()) return;
    request = found->second.request;
    expired = found->second.expired;
  }
  v1::WaitResponse response;
  Error error = look_up_(view, request.task_id(), v1::TaskParts(), response.mutable_task());
  if (error.ok()) {
    const bool changed = request.known_version() != 0 && response.task().version() != request.known_version();
    const bool over = changed || IsTerminal(response.task().state());
    if (!over && !expired) return;
    response.set_timed_out(!over);
    // The bulky parts are read only for an answer.
    response.mutable_task()->Clear();
    error = look_up_(view, request.task_id(), request.parts(), response.mutable_task());
  }
  if (!error.ok()) response.Clear();
  Finish(id, std::move(error), std::move(response));
}

void Waits::Finish(uint64_t id, Error error, v1::WaitResponse response) {
  Entry entry;
  {
    absl::MutexLock lock(&mu_);
    const auto found = waits_.find(id);
    if (found == waits_.end()) return;
    entry = std::move(found->second);
    waits_.erase(found);
    deadlines_.erase({entry.deadline, id});
  }
  if (entry.watch != 0) partition_->Unwatch(entry.watch);
  entry.done(std::move(error), std::move(response));
}

}  // namespace baton::service
