// The part of the Ledger that is about checkpoints and progress.
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/ledger.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {
namespace {

bool TakesReports(const Attempt& attempt) { return attempt.stage == Attempt::Stage::kOpen && !attempt.is_over; }

// Whether a report that came back is still wanted: while the outcome has not left.
bool KeepsReports(const Attempt& attempt) { return attempt.stage < Attempt::Stage::kQueued && !attempt.is_over; }

}  // namespace

absl::Status Ledger::AddCheckpoint(const AttemptPtr& attempt, v1::Checkpoint checkpoint) {
  if (!TakesReports(*attempt)) return absl::OkStatus();
  if (attempt->checkpoints.size() >= kUnsentCheckpoints || attempt->checkpoint_bytes >= kUnsentCheckpointBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("Audit: ", attempt->checkpoints.size(), " checkpoints (", attempt->checkpoint_bytes,
                     " bytes) of this attempt wait for the broker; at most ", kUnsentCheckpoints, " (",
                     kUnsentCheckpointBytes, " bytes) are kept: report less often"));
  }
  attempt->checkpoint_bytes += checkpoint.ByteSizeLong();
  attempt->checkpoints.push_back(std::move(checkpoint));
  QueueAudit(attempt);
  return absl::OkStatus();
}

void Ledger::SetProgress(const AttemptPtr& attempt, v1::Progress progress) {
  if (!TakesReports(*attempt)) return;
  attempt->progress = std::move(progress);
  QueueProgress(attempt);
}

void Ledger::QueueAudit(const AttemptPtr& attempt) {
  if (std::exchange(attempt->in_audit_queue, true)) return;
  audits_.push_back(attempt);
}

void Ledger::QueueProgress(const AttemptPtr& attempt) {
  if (std::exchange(attempt->in_progress_queue, true)) return;
  progresses_.push_back(attempt);
}

void Ledger::DropReports(const AttemptPtr& attempt) {
  attempt->checkpoints.clear();
  attempt->checkpoint_bytes = 0;
  attempt->progress.reset();
}

bool Ledger::AbsorbReports(const AttemptPtr& attempt) {
  if (attempt->checkpoints.empty() && !attempt->progress) return true;
  const size_t bytes = attempt->checkpoint_bytes + (attempt->progress ? attempt->progress->ByteSizeLong() : 0);
  if (bytes > kRiderBytes || attempt->checkpoints.size() > kRiderCheckpoints) return false;
  // An outcome that is refused for its size becomes a failure; reports are not worth that.
  if (!OutcomeHasRoom(*attempt, bytes)) return false;
  for (v1::Checkpoint& checkpoint : attempt->checkpoints) *attempt->outcome->add_checkpoints() = std::move(checkpoint);
  if (attempt->progress) *attempt->outcome->mutable_progress() = std::move(*attempt->progress);
  DropReports(attempt);
  return true;
}

bool Ledger::OutcomeHasRoom(const Attempt& attempt, size_t bytes) const {
  return static_cast<int64_t>(attempt.outcome->ByteSizeLong() + bytes) <= size_.bytes();
}

std::optional<Call<v1::AuditRequest>> Ledger::NextAudit(int64_t now) {
  if (audits_.empty() || !audit_.Free(now)) return std::nullopt;
  Call<v1::AuditRequest> call;
  int64_t room = size_.bytes();
  while (!audits_.empty() && call.attempts.size() < size_.items()) {
    const AttemptPtr attempt = audits_.front();
    while (!attempt->checkpoints.empty() && call.attempts.size() < size_.items()) {
      const size_t bytes = attempt->checkpoints.front().ByteSizeLong();
      room -= static_cast<int64_t>(bytes + attempt->token.size() + 16);
      if (room < 0 && !call.attempts.empty()) break;
      v1::AuditRequest::Item* item = call.request.add_items();
      item->set_attempt_token(attempt->token);
      *item->mutable_checkpoint() = std::move(attempt->checkpoints.front());
      attempt->checkpoints.pop_front();
      attempt->checkpoint_bytes -= std::min(bytes, attempt->checkpoint_bytes);
      ++attempt->reports_in_flight;
      call.attempts.push_back(attempt);
    }
    if (!attempt->checkpoints.empty()) break;
    attempt->in_audit_queue = false;
    audits_.pop_front();
  }
  if (call.attempts.empty()) return std::nullopt;
  audit_.in_flight = true;
  return call;
}

std::optional<Call<v1::ProgressRequest>> Ledger::NextProgress(int64_t now) {
  if (progresses_.empty() || !progress_.Free(now)) return std::nullopt;
  Call<v1::ProgressRequest> call;
  int64_t room = size_.bytes();
  while (!progresses_.empty() && call.attempts.size() < size_.items()) {
    const AttemptPtr attempt = progresses_.front();
    if (attempt->progress) {
      room -= static_cast<int64_t>(attempt->progress->ByteSizeLong() + attempt->token.size() + 16);
      if (room < 0 && !call.attempts.empty()) break;
      v1::ProgressRequest::Item* item = call.request.add_items();
      item->set_attempt_token(attempt->token);
      *item->mutable_progress() = std::move(*attempt->progress);
      attempt->progress.reset();
      ++attempt->reports_in_flight;
      call.attempts.push_back(attempt);
    }
    attempt->in_progress_queue = false;
    progresses_.pop_front();
  }
  if (call.attempts.empty()) return std::nullopt;
  progress_.in_flight = true;
  return call;
}

void Ledger::OnAuditAnswer(int64_t now, Call<v1::AuditRequest>& call, const absl::Status& status,
                           const v1::AuditResponse& response) {
  const bool cut = !status.ok() && size_.Cut(status, call.attempts.size(), call.request.ByteSizeLong());
  if (status.ok() || cut) {
    audit_.Succeeded();
  } else {
    CallFailed(audit_, "Audit", now, status);
  }
  absl::Status passing;
  // Backwards, because what comes back goes to the front.
  for (int i = static_cast<int>(call.attempts.size()) - 1; i >= 0; --i) {
    const bool refused = status.ok() && i < response.results_size() && response.results(i).has_error();
    const absl::Status item = refused ? FromError(response.results(i).error()) : status;
    if (!item.ok() && (cut || JudgeReport(call.attempts[i], "checkpoint", item))) {
      GiveBack(call.attempts[i], std::move(*call.request.mutable_items(i)->mutable_checkpoint()));
      if (status.ok()) passing = item;
    }
  }
  if (!passing.ok()) CallFailed(audit_, "Audit of some checkpoints", now, passing);
  for (const AttemptPtr& attempt : call.attempts) ReportAnswered(attempt);
}

void Ledger::OnProgressAnswer(int64_t now, Call<v1::ProgressRequest>& call, const absl::Status& status,
                              const v1::ProgressResponse& response) {
  const bool cut = !status.ok() && size_.Cut(status, call.attempts.size(), call.request.ByteSizeLong());
  if (status.ok() || cut) {
    progress_.Succeeded();
  } else {
    CallFailed(progress_, "Progress", now, status);
  }
  absl::Status passing;
  for (int i = 0; i < static_cast<int>(call.attempts.size()); ++i) {
    const bool refused = status.ok() && i < response.results_size() && response.results(i).has_error();
    const absl::Status item = refused ? FromError(response.results(i).error()) : status;
    if (!item.ok() && (cut || JudgeReport(call.attempts[i], "progress", item))) {
      GiveBack(call.attempts[i], std::move(*call.request.mutable_items(i)->mutable_progress()));
      if (status.ok()) passing = item;
    }
  }
  if (!passing.ok()) CallFailed(progress_, "Progress of some tasks", now, passing);
  for (const AttemptPtr& attempt : call.attempts) ReportAnswered(attempt);
}

bool Ledger::JudgeReport(const AttemptPtr& attempt, const char* what, const absl::Status& status) {
  if (absl::IsAborted(status) || absl::IsNotFound(status)) {
    MarkOver(attempt, std::string(status.message()));
    return false;
  }
  // A call that is oversized has one report by now.
  if (!absl::IsInvalidArgument(status) && !absl::IsOutOfRange(status) && !IsOversized(status)) return true;
  Log(LogLevel::kWarning, absl::StrCat("task ", attempt->delivery->task_id(), ": ", what,
                                       " refused by the broker and dropped: ", status.ToString()));
  return false;
}

void Ledger::GiveBack(const AttemptPtr& attempt, v1::Checkpoint checkpoint) {
  if (!KeepsReports(*attempt)) return;
  attempt->checkpoint_bytes += checkpoint.ByteSizeLong();
  attempt->checkpoints.push_front(std::move(checkpoint));
  QueueAudit(attempt);
}

void Ledger::GiveBack(const AttemptPtr& attempt, v1::Progress progress) {
  // A newer report has taken its place.
  if (!KeepsReports(*attempt) || attempt->progress) return;
  attempt->progress = std::move(progress);
  QueueProgress(attempt);
}

void Ledger::ReportAnswered(const AttemptPtr& attempt) {
  if (--attempt->reports_in_flight > 0 || attempt->stage != Attempt::Stage::kParked) return;
  Ready(attempt);
}

}  // namespace internal
}  // namespace baton::inline sdk
