#include "worker_sdk/src/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "baton/error.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {

Ledger::Lane::Lane(uint64_t seed) : backoff(kRetryInitial, kRetryCap, seed) {}

void Ledger::Lane::Succeeded() {
  in_flight = false;
  not_before = 0;
  backoff.Reset();
}

bool Ledger::Lane::Failed(int64_t now, absl::Duration advice) {
  const bool first = not_before == 0;
  in_flight = false;
  not_before = now + absl::ToInt64Microseconds(backoff.Next(advice));
  return first;
}

Ledger::Ledger(uint64_t seed)
    : complete_items_(kCallItems), complete_(seed), audit_(seed + 1), progress_(seed + 2), part_(seed + 3) {
  limits_.set_payload_bytes(kPayloadBytes);
  limits_.set_message_bytes(kMessageBytes);
  limits_.set_inline_children(kInlineChildren);
  limits_.set_metadata_bytes(static_cast<int64_t>(kMetadataBytes));
}

void Ledger::SetLimits(const v1::Limits& limits) {
  if (limits.payload_bytes() > 0) limits_.set_payload_bytes(limits.payload_bytes());
  if (limits.message_bytes() > 0) limits_.set_message_bytes(std::min(limits.message_bytes(), kMessageBytes));
  if (limits.inline_children() > 0) limits_.set_inline_children(std::min(limits.inline_children(), kInlineChildren));
  if (limits.metadata_bytes() > 0) limits_.set_metadata_bytes(limits.metadata_bytes());
  // What a broker before this one refused says nothing about this one.
  size_ = CallSize(limits_.message_bytes());
}

void Ledger::ResetBackoffs() {
  for (Lane* lane : {&complete_, &audit_, &progress_, &part_}) {
    lane->not_before = 0;
    lane->backoff.Reset();
  }
}

bool Ledger::Add(const AttemptPtr& attempt) {
  if (!held_.emplace(attempt->token, attempt).second) return false;
  ++unanswered_;
  return true;
}

AttemptPtr Ledger::Find(const std::string& token) const {
  const auto found = held_.find(absl::string_view(token));
  return found == held_.end() ? nullptr : found->second;
}

void Ledger::Settle(const AttemptPtr& attempt, std::unique_ptr<v1::Outcome> outcome,
                    std::vector<std::unique_ptr<v1::NewTask>> children) {
  if (attempt->stage != Attempt::Stage::kOpen) return;
  attempt->outcome = std::move(outcome);
  attempt->outcome->set_attempt_token(attempt->token);
  if (attempt->is_over) {
    attempt->outcome->mutable_cancelled();
    Queue(attempt);
    return;
  }
  attempt->children = std::move(children);
  if (attempt->children.empty()) {
    Ready(attempt);
  } else {
    attempt->stage = Attempt::Stage::kStaging;
    staging_.push_back(attempt);
  }
}

void Ledger::SetReturned(const AttemptPtr& attempt) {
  attempt->returned = true;
  ForgetIfDone(attempt);
}

// The outcome is complete but for the reports that ride in it.
void Ledger::Ready(const AttemptPtr& attempt) {
  if (attempt->reports_in_flight > 0 || !AbsorbReports(attempt)) {
    attempt->stage = Attempt::Stage::kParked;
    return;
  }
  Queue(attempt);
}

void Ledger::Queue(const AttemptPtr& attempt) {
  attempt->stage = Attempt::Stage::kQueued;
  outcomes_.push_back(attempt);
}

void Ledger::MarkOver(const AttemptPtr& attempt, const std::string& reason) {
  if (attempt->is_over || attempt->stage == Attempt::Stage::kAnswered) return;
  attempt->is_over = true;
  over_changed_ = true;
  Log(LogLevel::kInfo, absl::StrCat("task ", attempt->delivery->task_id(), ", attempt ", attempt->delivery->attempt(),
                                    ": ", reason, "; its outcome is dropped"));
  StopHandler(attempt, reason);
  DropReports(attempt);
  attempt->children.clear();
  if (attempt->outcome == nullptr) return;
  // A short outcome is sent nevertheless: it frees the slot sooner than the next beat.
  auto cancelled = std::make_unique<v1::Outcome>();
  cancelled->set_attempt_token(attempt->token);
  cancelled->mutable_cancelled();
  cancelled->set_queued_us(attempt->outcome->queued_us());
  cancelled->set_ran_us(attempt->outcome->ran_us());
  attempt->outcome = std::move(cancelled);
  if (attempt->stage == Attempt::Stage::kStaging) std::erase(staging_, attempt);
  if (attempt->stage != Attempt::Stage::kQueued) Queue(attempt);
}

void Ledger::StopHandler(const AttemptPtr& attempt, const std::string& reason) {
  if (attempt->over.HasBeenNotified()) return;
  attempt->over_reason = reason;
  attempt->over.Notify();
}

void Ledger::OutcomeAnswered(const AttemptPtr& attempt) {
  attempt->stage = Attempt::Stage::kAnswered;
  --unanswered_;
  ForgetIfDone(attempt);
}

void Ledger::ForgetIfDone(const AttemptPtr& attempt) {
  if (attempt->stage != Attempt::Stage::kAnswered || !attempt->returned) return;
  // Whoever calls holds it, and lets go of it without the owner's lock, since what its handler holds may call back. The
  // queues of reports, which have left with the outcome, would do so under the lock, maybe as the last.
  if (std::exchange(attempt->in_audit_queue, false)) std::erase(audits_, attempt);
  if (std::exchange(attempt->in_progress_queue, false)) std::erase(progresses_, attempt);
  held_.erase(absl::string_view(attempt->token));
}

void Ledger::CallFailed(Lane& lane, const char* name, int64_t now, const absl::Status& status) {
  if (!lane.Failed(now, RetryAfter(status))) return;
  Log(LogLevel::kWarning, absl::StrCat(name, " failed and is tried again until it succeeds: ", status.ToString()));
}

bool Ledger::idle() const {
  return unanswered_ == 0 && !complete_.in_flight && !audit_.in_flight && !progress_.in_flight && !part_.in_flight;
}

std::optional<int64_t> Ledger::NextRetry(int64_t now) const {
  std::optional<int64_t> soonest;
  const auto consider = [&soonest, now](const Lane& lane, bool waiting) {
    if (!waiting || lane.in_flight || lane.not_before <= now) return;
    soonest = std::min(soonest.value_or(lane.not_before), lane.not_before);
  };
  consider(complete_, !outcomes_.empty());
  consider(audit_, !audits_.empty());
  consider(progress_, !progresses_.empty());
  consider(part_, !staging_.empty());
  return soonest;
}

std::vector<LogLine> Ledger::TakeLog() { return std::exchange(log_, {}); }

}  // namespace internal
}  // namespace baton::inline sdk
