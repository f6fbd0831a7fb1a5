#include "worker_sdk/test_kit/open_waits.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace baton::inline sdk {
namespace testing {
namespace {

bool HasEnded(const v1::Task& task) {
  return task.state() == v1::TASK_STATE_COMPLETED || task.state() == v1::TASK_STATE_PERMANENTLY_FAILED ||
         task.state() == v1::TASK_STATE_CANCELLED;
}

bool AwaitsDecision(const v1::Task& task) {
  return task.state() == v1::TASK_STATE_SUSPENDED && task.suspended_at_us() != 0 && task.decide_by_us() == 0;
}

}  // namespace

void OpenWaits::Add(Wait wait) {
  auto entry = std::make_shared<Entry>();
  if (wait.passes_time) entry->want = driver_->WantTime(wait.deadline);
  entry->wait = std::move(wait);
  entries_.push_back(std::move(entry));
}

bool OpenWaits::Step() {
  const SteadyMicros now = driver_->clock().Read().steady;
  std::vector<EntryPtr> due;
  for (const EntryPtr& entry : entries_) {
    if (!entry->looking && (entry->changed || entry->wait.deadline <= now)) due.push_back(entry);
  }
  for (const EntryPtr& entry : due) Look(entry);
  return !due.empty();
}

void OpenWaits::Look(const EntryPtr& entry) {
  entry->looking = true;
  entry->changed = false;
  // Before the read, so that no change is missed.
  partition_->Watch(entry->wait.request.task_id(), [weak = std::weak_ptr<Entry>(entry)] {
    if (const EntryPtr watching = weak.lock()) watching->changed = true;
  });
  v1::GetRequest request;
  request.set_task_id(entry->wait.request.task_id());
  reads_->Get(request, [this, entry](const Error& error, const v1::GetResponse& response) {
    entry->looking = false;
    if (!entry->over) Judge(entry, error, response.task());
  });
}

void OpenWaits::Judge(const EntryPtr& entry, const Error& error, const v1::Task& task) {
  if (!error.ok()) return Finish(entry, error, {});
  const uint64_t known = entry->wait.request.known_version();
  if (HasEnded(task) || (known != 0 && task.version() != known)) return Answer(entry, /*timed_out=*/false);
  if (entry->wait.deadline <= driver_->clock().Read().steady) return Answer(entry, /*timed_out=*/true);
  entry->undecided = AwaitsDecision(task);
}

void OpenWaits::Answer(const EntryPtr& entry, bool timed_out) {
  entry->looking = true;
  v1::GetRequest request;
  request.set_task_id(entry->wait.request.task_id());
  *request.mutable_parts() = entry->wait.request.parts();
  reads_->Get(request, [this, entry, timed_out](const Error& error, const v1::GetResponse& response) {
    if (entry->over) return;
    v1::WaitResponse answer;
    *answer.mutable_task() = response.task();
    answer.set_timed_out(timed_out);
    Finish(entry, error, std::move(answer));
  });
}

void OpenWaits::Finish(const EntryPtr& entry, const Error& error, v1::WaitResponse response) {
  entry->over = true;
  driver_->DropWant(entry->want);
  entries_.remove(entry);
  entry->wait.done(error, std::move(response));
}

void OpenWaits::Idle() {
  std::vector<EntryPtr> undecided;
  for (const EntryPtr& entry : entries_) {
    if (entry->undecided && entry->wait.ends_if_undecided) undecided.push_back(entry);
  }
  for (const EntryPtr& entry : undecided) {
    Finish(entry,
           FailedPrecondition("SUSPENDED", absl::StrCat("task ", entry->wait.request.task_id(),
                                                        " waits for a decision and nobody makes one: call Approve(), "
                                                        "Reject() or Resume() before you wait for its end")),
           {});
  }
}

SteadyMicros OpenWaits::next() const {
  SteadyMicros next = std::numeric_limits<SteadyMicros>::max();
  for (const EntryPtr& entry : entries_) next = std::min(next, entry->wait.deadline);
  return next;
}

void OpenWaits::Stop() {
  for (const EntryPtr& entry : std::list<EntryPtr>(entries_)) {
    Finish(entry, Unavailable("STOPPING", "the broker is stopping: reconnect with backoff"), {});
  }
}

}  // namespace testing
}  // namespace baton::inline sdk
