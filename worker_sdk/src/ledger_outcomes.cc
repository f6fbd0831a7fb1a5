// The part of the Ledger that is about outcomes: batching, judging answers, sending again.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "baton/error.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/ledger.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/text.h"

namespace baton::inline sdk {
namespace internal {
namespace {

bool IsRefusedContent(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsOutOfRange(status) || IsOversized(status);
}

void TakeTimes(const v1::Outcome& from, v1::Outcome* to) {
  to->set_queued_us(from.queued_us());
  to->set_ran_us(from.ran_us());
}

// What takes the place of an outcome that was refused for what it says.
std::unique_ptr<v1::Outcome> Substitute(const v1::Outcome& refused, const std::string& why, bool retryable) {
  auto outcome = std::make_unique<v1::Outcome>();
  outcome->set_attempt_token(refused.attempt_token());
  TakeTimes(refused, outcome.get());
  if (refused.has_released()) {
    outcome->mutable_released();
  } else {
    outcome->mutable_failed()->set_error(CleanText(absl::StrCat("the outcome was refused: ", why), kTextBytes));
    outcome->mutable_failed()->set_retryable(retryable);
  }
  return outcome;
}

}  // namespace

std::optional<Call<v1::CompleteRequest>> Ledger::NextComplete(int64_t now, uint64_t session) {
  if (outcomes_.empty() || !complete_.Free(now)) return std::nullopt;
  Call<v1::CompleteRequest> call;
  call.request.set_session(session);
  const size_t items = std::min({outcomes_.size(), static_cast<size_t>(complete_items_), size_.items()});
  call.request.mutable_outcomes()->Reserve(static_cast<int>(items));
  call.attempts.reserve(items);
  int64_t room = size_.bytes();
  int children = kCallChildren;
  while (call.attempts.size() < items) {
    AttemptPtr& attempt = outcomes_.front();
    room -= static_cast<int64_t>(attempt->outcome->ByteSizeLong()) + 8;
    children -= attempt->outcome->spawned().children_size();
    if ((room < 0 || children < 0) && !call.attempts.empty()) break;
    attempt->stage = Attempt::Stage::kInFlight;
    call.request.mutable_outcomes()->AddAllocated(attempt->outcome.release());
    call.attempts.push_back(std::move(attempt));
    outcomes_.pop_front();
  }
  complete_.in_flight = true;
  return call;
}

void Ledger::OnCompleteAnswer(int64_t now, Call<v1::CompleteRequest>& call, const absl::Status& status,
                              const v1::CompleteResponse& response) {
  if (!status.ok()) return CompleteFailed(now, call, status);
  if (response.results_size() != static_cast<int>(call.attempts.size())) {
    return CompleteFailed(now, call,
                          absl::InternalError(absl::StrCat("Complete: ", response.results_size(), " results for ",
                                                           call.attempts.size(), " outcomes")));
  }
  complete_.Succeeded();
  complete_items_ = std::min(complete_items_ * 2, kCallItems);
  absl::Status passing;
  // Backwards, because what is sent again goes to the front.
  for (int i = static_cast<int>(call.attempts.size()) - 1; i >= 0; --i) {
    const AttemptPtr& attempt = call.attempts[i];
    if (!response.results(i).has_error()) {
      OutcomeAnswered(attempt);
      continue;
    }
    const absl::Status item = FromError(response.results(i).error());
    if (JudgeOutcome(attempt, item)) {
      passing = item;
      auto outcome = std::make_unique<v1::Outcome>(std::move(*call.request.mutable_outcomes(i)));
      Requeue(attempt, std::move(outcome));
    } else if (attempt->stage != Attempt::Stage::kAnswered) {
      ReplaceOutcome(attempt, call.request.outcomes(i), item.ToString(), absl::IsFailedPrecondition(item));
    }
  }
  if (!passing.ok()) CallFailed(complete_, "Complete of some outcomes", now, passing);
}

bool Ledger::JudgeOutcome(const AttemptPtr& attempt, const absl::Status& status) {
  if (IsTransient(status)) return true;
  if (absl::IsAborted(status) || absl::IsNotFound(status)) {
    if (!attempt->is_over) {
      Log(LogLevel::kInfo, absl::StrCat("task ", attempt->delivery->task_id(), ", attempt ",
                                        attempt->delivery->attempt(), ": outcome dropped: ", status.ToString()));
    }
    OutcomeAnswered(attempt);
  }
  return false;
}

void Ledger::Requeue(const AttemptPtr& attempt, std::unique_ptr<v1::Outcome> outcome) {
  if (attempt->is_over && !outcome->has_cancelled()) {
    auto cancelled = std::make_unique<v1::Outcome>();
    cancelled->set_attempt_token(attempt->token);
    cancelled->mutable_cancelled();
    TakeTimes(*outcome, cancelled.get());
    outcome = std::move(cancelled);
  }
  attempt->outcome = std::move(outcome);
  attempt->stage = Attempt::Stage::kQueued;
  outcomes_.push_front(attempt);
}

void Ledger::ReplaceOutcome(const AttemptPtr& attempt, const v1::Outcome& refused, const std::string& why,
                            bool retryable) {
  const std::string task = absl::StrCat("task ", attempt->delivery->task_id(), ", attempt ",
                                        attempt->delivery->attempt(), ": the broker refused the outcome: ", why);
  // It may be because of them, and they are not worth a failure.
  if (!retryable && (refused.checkpoints_size() > 0 || refused.has_progress())) {
    Log(LogLevel::kWarning, absl::StrCat(task, "; sent again without its checkpoints and progress"));
    auto bare = std::make_unique<v1::Outcome>(refused);
    bare->clear_checkpoints();
    bare->clear_progress();
    return Requeue(attempt, std::move(bare));
  }
  if (attempt->outcome_replaced) {
    Log(LogLevel::kError, absl::StrCat(task, "; given up, the attempt will time out"));
    OutcomeAnswered(attempt);
    return;
  }
  const char* how = refused.has_released() ? "without a reason" : "as failed";
  Log(LogLevel::kWarning, absl::StrCat(task, "; sent again ", how));
  std::unique_ptr<v1::Outcome> substitute = Substitute(refused, why, retryable);
  attempt->outcome_replaced = true;
  if (attempt->stage != Attempt::Stage::kStaging) return Requeue(attempt, std::move(substitute));
  attempt->outcome = std::move(substitute);
  Ready(attempt);
}

void Ledger::CompleteFailed(int64_t now, Call<v1::CompleteRequest>& call, const absl::Status& status) {
  if (size_.Cut(status, call.attempts.size(), call.request.ByteSizeLong())) {
    complete_.Succeeded();
  } else if (!IsRefusedContent(status)) {
    CallFailed(complete_, "Complete", now, status);
  } else {
    complete_.Succeeded();
    if (call.attempts.size() == 1) {
      return ReplaceOutcome(call.attempts[0], call.request.outcomes(0), status.ToString(), /*retryable=*/false);
    }
    complete_items_ = std::max(1, static_cast<int>(call.attempts.size()) / 2);
  }
  for (int i = static_cast<int>(call.attempts.size()) - 1; i >= 0; --i) {
    Requeue(call.attempts[i], std::make_unique<v1::Outcome>(std::move(*call.request.mutable_outcomes(i))));
  }
}

}  // namespace internal
}  // namespace baton::inline sdk
