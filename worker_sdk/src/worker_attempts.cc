// The attempts of a worker: running them, giving them back, and what their handlers ask.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/text.h"
#include "worker_sdk/src/worker_core.h"

namespace baton::inline sdk {
namespace internal {
namespace {

// What a broker that is configured to take less would refuse; `report` begins the message.
absl::Status RequireMetadataFits(const char* report, const std::string& metadata_json, int64_t limit) {
  if (static_cast<int64_t>(metadata_json.size()) <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(report, ": metadata_json has ", metadata_json.size(),
                                                 " bytes; at most ", limit,
                                                 " are allowed by the broker (limits.metadata_bytes): shorten it"));
}

}  // namespace

void WorkerCore::Execute(const AttemptPtr& attempt) {
  attempt->started_at = std::max<int64_t>(1, Now());
  std::vector<std::unique_ptr<v1::NewTask>> children;
  std::unique_ptr<v1::Outcome> outcome;
  if (attempt->over.HasBeenNotified()) {
    outcome = std::make_unique<v1::Outcome>();
    outcome->mutable_cancelled();
  } else {
    outcome = RunHandler(attempt, this, payload_bytes_, &children);
  }
  bool pump;
  {
    absl::MutexLock lock(&mutex_);
    if (attempt->slot_lost) {
      --lost_slots_;
      LogLocked(LogLevel::kWarning,
                absl::StrCat("slot is back: the handler of task ", attempt->delivery->task_id(), " has returned"));
    }
    ledger_.Settle(attempt, std::move(outcome), std::move(children));
    ledger_.SetReturned(attempt);
    pump = ledger_.outcome_call_ready();
  }
  if (pump) Pump();
  attempt->work.reset();
}

bool WorkerCore::WaitUntilOver(const AttemptPtr& attempt, absl::Duration timeout) {
  return scheduler_->Wait(attempt->over, timeout);
}

void WorkerCore::ReleaseLocked(const std::vector<AttemptPtr>& unstarted, const std::string& reason) {
  for (const AttemptPtr& attempt : unstarted) {
    auto outcome = std::make_unique<v1::Outcome>();
    // Of a drain it has what an operator wrote, and more.
    outcome->mutable_released()->set_reason(CleanText(reason, kTextBytes));
    outcome->set_queued_us(std::max<int64_t>(0, Now() - attempt->received_at));
    ledger_.Settle(attempt, std::move(outcome));
    ledger_.SetReturned(attempt);
    attempt->work.reset();
  }
}

// What no thread has started was claimed for a handler that is gone: the broker matches it with one anew.
void WorkerCore::GiveBackOutdatedLocked() {
  if (pool_ == nullptr) return;
  const auto outdated = [this](const Attempt& attempt) {
    return !registry_.IsCurrent(attempt.delivery->type(), attempt.handler.get());
  };
  ReleaseLocked(pool_->Take(outdated), "its handler was replaced or given up");
}

void WorkerCore::MarkOverLocked(const std::string& token, const std::string& reason) {
  if (const AttemptPtr attempt = ledger_.Find(token)) ledger_.MarkOver(attempt, reason);
}

void WorkerCore::MarkAllOverLocked(const std::string& reason) {
  std::vector<AttemptPtr> all;
  for (const auto& [token, attempt] : ledger_.held()) all.push_back(attempt);
  for (const AttemptPtr& attempt : all) ledger_.MarkOver(attempt, reason);
}

void WorkerCore::SettleUnstartedOverLocked() {
  if (!ledger_.TakeOverChanged()) return;
  ReleaseLocked(pool_->Take([](const Attempt& attempt) { return attempt.over.HasBeenNotified(); }), "over");
}

absl::Status WorkerCore::Audit(const AttemptPtr& attempt, v1::Checkpoint checkpoint) {
  absl::Status status = RequireMetadataFits("Audit", checkpoint.metadata_json(), metadata_bytes_);
  if (!status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    status = ledger_.AddCheckpoint(attempt, std::move(checkpoint));
  }
  Pump();
  return status;
}

absl::Status WorkerCore::Progress(const AttemptPtr& attempt, v1::Progress progress) {
  absl::Status status = RequireMetadataFits("Progress", progress.metadata_json(), metadata_bytes_);
  if (!status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    ledger_.SetProgress(attempt, std::move(progress));
  }
  Pump();
  return status;
}

absl::StatusOr<v1::ListChildOutcomesResponse> WorkerCore::ListChildOutcomes(const AttemptPtr& attempt,
                                                                            const std::string& page_token) {
  // Shared with the answer, which may come after this function gave up.
  struct Pending {
    absl::Notification answered;
    absl::Status status;
    v1::ListChildOutcomesResponse response;
  };
  v1::ListChildOutcomesRequest request;
  request.set_attempt_token(attempt->token);
  request.set_page_token(page_token);
  Backoff backoff(kRetryInitial, kRetryCap, attempt->delivery->task_id());
  while (true) {
    auto pending = std::make_shared<Pending>();
    connection_->ListChildOutcomes(request, {.timeout = kCallTimeout},
                                   [pending](const absl::Status& status, v1::ListChildOutcomesResponse& response) {
                                     pending->status = status;
                                     pending->response.Swap(&response);
                                     pending->answered.Notify();
                                   });
    pending->answered.WaitForNotification();
    if (pending->status.ok()) return std::move(pending->response);
    if (!IsTransient(pending->status)) return pending->status;
    const absl::Duration left = absl::Microseconds(std::max<int64_t>(0, attempt->deadline() - Now()));
    const bool over = WaitUntilOver(attempt, std::min(left, backoff.Next()));
    if (over || Now() >= attempt->deadline()) return pending->status;
  }
}

}  // namespace internal
}  // namespace baton::inline sdk
