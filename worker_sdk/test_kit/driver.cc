#include "worker_sdk/test_kit/driver.h"

#include <algorithm>
#include <vector>

namespace baton::inline sdk {
namespace testing {

SteadyMicros DueAfter(SteadyMicros now, absl::Duration delay) {
  constexpr absl::Duration kLongest = absl::Hours(24 * 365 * 1000);
  return now + absl::ToInt64Microseconds(std::clamp(delay, absl::ZeroDuration(), kLongest));
}

class Driver::OwnScheduler final : public internal::Scheduler {
 public:
  OwnScheduler(std::shared_ptr<Driver> driver, uint64_t number) : driver_(std::move(driver)), number_(number) {}
  ~OwnScheduler() override { driver_->Forget(number_); }

  int64_t Now() const override { return driver_->clock_.Read().steady; }
  int64_t WallNow() const override { return driver_->clock_.Read().wall; }
  void After(absl::Duration delay, std::function<void()> action) override {
    driver_->After(number_, delay, std::move(action));
  }
  void Stop() override { driver_->Forget(number_); }
  bool Wait(const internal::Event& event, absl::Duration timeout) override {
    return driver_->Sleep(number_, event, timeout);
  }
  std::shared_ptr<void> BeginWork() override {
    driver_->CountWork(number_, 1);
    return {driver_.get(), [driver = driver_, number = number_](void*) { driver->CountWork(number, -1); }};
  }
  void SetHandlerThreads(int most) override { driver_->SetThreads(number_, most); }

 private:
  const std::shared_ptr<Driver> driver_;
  const uint64_t number_;
};

void Driver::Start(Machine machine) {
  machine_ = std::move(machine);
  thread_ = std::thread([this] { Loop(); });
  thread_id_ = thread_.get_id();
}

void Driver::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopped_ = true;
    changed_.SignalAll();
    told_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  // What is forgotten may own what comes here when it goes: let go of it outside the lock.
  std::deque<std::function<void()>> posted;
  std::map<std::pair<SteadyMicros, uint64_t>, Timer> timers;
  absl::MutexLock lock(&mu_);
  posted.swap(posted_);
  timers.swap(timers_);
}

// ── The thread ───────────────────────────────────────────────────────────────────────────────────────────────────

void Driver::Loop() {
  while (true) {
    {
      absl::MutexLock lock(&mu_);
      if (stopped_) return;
    }
    if (machine_.step() || RunPosted() || RunTimers() || !HandlersRest()) continue;
    machine_.idle();
    if (MeetWants() || JumpAhead()) continue;
    absl::MutexLock lock(&mu_);
    if (posted_.empty() && !stopped_) changed_.Wait(&mu_);
  }
}

bool Driver::RunPosted() {
  std::function<void()> work;
  {
    absl::MutexLock lock(&mu_);
    if (posted_.empty()) return false;
    work = std::move(posted_.front());
    posted_.pop_front();
  }
  work();
  return true;
}

bool Driver::RunTimers() {
  Timer timer;
  {
    absl::MutexLock lock(&mu_);
    if (timers_.empty() || timers_.begin()->first.first > Steady()) return false;
    timer = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    running_ = timer.owner;
  }
  timer.action();
  timer.action = nullptr;
  absl::MutexLock lock(&mu_);
  running_ = 0;
  told_.SignalAll();
  return true;
}

bool Driver::HandlersRest() {
  absl::MutexLock lock(&mu_);
  WakeSleepersLocked();
  if (!posted_.empty() || stopped_) return false;
  const int64_t busy = BusyLocked();
  stuck_ = std::min(stuck_, busy);
  if (busy <= stuck_) return true;
  // Those that go on for so long without a sign of life are not waited for again.
  const bool in_vain = changed_.WaitWithTimeout(&mu_, patience_) && posted_.empty();
  if (in_vain && !wants_.empty()) stuck_ = BusyLocked();
  return false;
}

bool Driver::MeetWants() {
  std::map<uint64_t, std::shared_ptr<Want>> wants;
  {
    absl::MutexLock lock(&mu_);
    wants = wants_;
  }
  bool met = false;
  for (const auto& [number, want] : wants) {
    if (Steady() < want->until && (want->done == nullptr || !want->done())) continue;
    absl::MutexLock lock(&mu_);
    want->met = met = true;
    wants_.erase(number);
    told_.SignalAll();
  }
  return met;
}

bool Driver::JumpAhead() {
  const SteadyMicros next = machine_.next();
  absl::MutexLock lock(&mu_);
  if (!posted_.empty() || stopped_) return true;
  if (wants_.empty()) return false;
  SteadyMicros target = next;
  if (!timers_.empty()) target = std::min(target, timers_.begin()->first.first);
  for (const Sleeper* sleeper : sleepers_) target = std::min(target, sleeper->due);
  for (const auto& [number, want] : wants_) target = std::min(target, want->until);
  clock_.AdvanceBoth(std::max<Micros>(target - Steady(), 0));
  return true;
}

void Driver::WakeSleepersLocked() {
  const SteadyMicros now = Steady();
  for (auto it = sleepers_.begin(); it != sleepers_.end();) {
    Sleeper& sleeper = **it;
    if (!sleeper.event->HasBeenNotified() && sleeper.due > now) {
      ++it;
      continue;
    }
    sleeper.awake = true;
    --handlers_[sleeper.owner].asleep;
    it = sleepers_.erase(it);
    told_.SignalAll();
  }
}

int64_t Driver::BusyLocked() const {
  int64_t busy = 0;
  for (const auto& [owner, handlers] : handlers_) {
    busy += std::max<int64_t>(std::min(handlers.work, handlers.threads) - handlers.asleep, 0);
  }
  return busy;
}

// ── Everybody else ───────────────────────────────────────────────────────────────────────────────────────────────

bool Driver::Post(std::function<void()> work) {
  absl::MutexLock lock(&mu_);
  if (stopped_) return false;
  posted_.push_back(std::move(work));
  changed_.SignalAll();
  return true;
}

void Driver::Run(std::function<void()> work) {
  // Shared with the work, which may be forgotten.
  auto done = std::make_shared<bool>(false);
  const auto run = [this, done, work = std::move(work)] {
    work();
    absl::MutexLock lock(&mu_);
    *done = true;
    told_.SignalAll();
  };
  if (!Post(run)) return;
  absl::MutexLock lock(&mu_);
  while (!*done && !stopped_) told_.Wait(&mu_);
}

void Driver::PassTime(SteadyMicros instant, std::function<bool()> done) {
  const auto want = std::make_shared<Want>(Want{instant, std::move(done)});
  absl::MutexLock lock(&mu_);
  wants_[++numbers_] = want;
  changed_.SignalAll();
  while (!want->met && !stopped_) told_.Wait(&mu_);
}

uint64_t Driver::WantTime(SteadyMicros instant) {
  absl::MutexLock lock(&mu_);
  wants_[++numbers_] = std::make_shared<Want>(Want{instant, nullptr});
  changed_.SignalAll();
  return numbers_;
}

void Driver::DropWant(uint64_t want) {
  absl::MutexLock lock(&mu_);
  wants_.erase(want);
}

std::shared_ptr<internal::Scheduler> Driver::MakeScheduler() {
  absl::MutexLock lock(&mu_);
  return std::make_shared<OwnScheduler>(shared_from_this(), ++numbers_);
}

void Driver::After(uint64_t owner, absl::Duration delay, std::function<void()> action) {
  absl::MutexLock lock(&mu_);
  if (stopped_) return;
  timers_.emplace(std::pair(DueAfter(Steady(), delay), ++numbers_), Timer{owner, std::move(action)});
  changed_.SignalAll();
}

void Driver::Forget(uint64_t owner) {
  std::vector<Timer> forgotten;
  absl::MutexLock lock(&mu_);
  for (auto it = timers_.begin(); it != timers_.end();) {
    if (it->second.owner != owner) {
      ++it;
      continue;
    }
    forgotten.push_back(std::move(it->second));
    it = timers_.erase(it);
  }
  while (running_ == owner && !on_thread()) told_.Wait(&mu_);
}

bool Driver::Sleep(uint64_t owner, const internal::Event& event, absl::Duration timeout) {
  Sleeper sleeper{owner, &event, 0};
  absl::MutexLock lock(&mu_);
  if (event.HasBeenNotified() || stopped_) return event.HasBeenNotified();
  sleeper.due = DueAfter(Steady(), timeout);
  sleepers_.push_back(&sleeper);
  ++handlers_[owner].asleep;
  changed_.SignalAll();
  while (!sleeper.awake && !stopped_) told_.Wait(&mu_);
  if (!sleeper.awake) sleepers_.remove(&sleeper);
  return event.HasBeenNotified();
}

void Driver::CountWork(uint64_t owner, int change) {
  absl::MutexLock lock(&mu_);
  handlers_[owner].work += change;
  changed_.SignalAll();
}

void Driver::SetThreads(uint64_t owner, int most) {
  absl::MutexLock lock(&mu_);
  handlers_[owner].threads = most;
}

}  // namespace testing
}  // namespace baton::inline sdk
