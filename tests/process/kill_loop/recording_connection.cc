#include "tests/process/kill_loop/recording_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::kill_loop {
namespace {

using internal::CallOptions;

constexpr size_t kKept = 500;
// One of so many answers is followed by a confused call, with so many outcomes.
constexpr int kConfusedEvery = 16;
constexpr int kConfusedOutcomes = 6;

const char* KindOf(const v1::Outcome& outcome) {
  switch (outcome.outcome_case()) {
    case v1::Outcome::kSucceeded:
      return "SUCCEEDED";
    case v1::Outcome::kFailed:
      return "FAILED";
    case v1::Outcome::kSpawned:
      return "SPAWNED";
    case v1::Outcome::kSuspended:
      return "SUSPENDED";
    case v1::Outcome::kReleased:
      return "RELEASED";
    case v1::Outcome::kCancelled:
      return "CANCELLED";
    case v1::Outcome::OUTCOME_NOT_SET:
      break;
  }
  return "NONE";
}

// Whether the attempt is over after this answer, which a refusal of the outcome's content does not mean.
bool IsOver(const v1::ItemResult& result) { return !result.has_error() || result.error().reason() == "ATTEMPT_OVER"; }

}  // namespace

RecordingConnection::RecordingConnection(std::shared_ptr<internal::BrokerConnection> real, const std::string& worker,
                                         uint64_t seed, LedgerWriter* ledger)
    : real_(std::move(real)), worker_(worker), ledger_(ledger), random_(seed) {}

void RecordingConnection::OpenClaim(uint64_t stream, const v1::Hello& hello,
                                    std::weak_ptr<internal::ClaimObserver> observer) {
  {
    absl::MutexLock lock(&mutex_);
    instance_ = hello.instance_id();
    observer_ = std::move(observer);
  }
  real_->OpenClaim(stream, hello, weak_from_this());
}

void RecordingConnection::OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) {
  std::shared_ptr<internal::ClaimObserver> observer;
  std::vector<std::string> lines;
  {
    absl::MutexLock lock(&mutex_);
    observer = observer_.lock();
    for (const v1::Delivery& delivery : message.deliveries().deliveries()) {
      attempts_[delivery.attempt_token()] = {delivery.task_id(), delivery.attempt()};
      lines.push_back(absl::StrCat("delivered ", delivery.task_id(), " ", delivery.attempt(), " ", delivery.stage(),
                                   " ", worker_, " ", instance_));
    }
  }
  ledger_->Write(lines);
  if (observer != nullptr) observer->OnClaimMessage(stream, message);
}

void RecordingConnection::OnClaimClosed(uint64_t stream, const absl::Status& status) {
  std::shared_ptr<internal::ClaimObserver> observer;
  {
    absl::MutexLock lock(&mutex_);
    observer = observer_.lock();
  }
  if (observer != nullptr) observer->OnClaimClosed(stream, status);
}

void RecordingConnection::Complete(const v1::CompleteRequest& request, CallOptions options,
                                   internal::Answer<v1::CompleteResponse> answer) {
  real_->Complete(request, options,
                  [this, self = shared_from_this(), request, answer = std::move(answer)](
                      const absl::Status& status, v1::CompleteResponse& response) {
                    if (status.ok()) OnAnswer(request, response);
                    answer(status, response);
                  });
}

void RecordingConnection::OnAnswer(const v1::CompleteRequest& request, const v1::CompleteResponse& response) {
  std::vector<std::string> lines;
  for (int i = 0; i < response.results_size() && i < request.outcomes_size(); ++i) {
    lines.push_back(LineOf("outcome", request.outcomes(i), response.results(i)));
    if (IsOver(response.results(i))) Keep(request.outcomes(i));
  }
  ledger_->Write(lines);
  SendConfused();
}

std::string RecordingConnection::LineOf(const char* word, const v1::Outcome& outcome, const v1::ItemResult& result) {
  absl::MutexLock lock(&mutex_);
  const Attempt& attempt = attempts_[outcome.attempt_token()];
  return absl::StrCat(word, " ", attempt.task, " ", attempt.number, " ", KindOf(outcome), " ",
                      result.has_error() ? result.error().reason() : "OK");
}

void RecordingConnection::Keep(const v1::Outcome& outcome) {
  // Always answered with OK, whatever has become of the attempt: nothing to learn.
  if (outcome.has_cancelled()) return;
  absl::MutexLock lock(&mutex_);
  if (answered_.size() < kKept) {
    answered_.push_back(outcome);
  } else {
    answered_[random_() % kKept] = outcome;
  }
}

void RecordingConnection::SendConfused() {
  v1::CompleteRequest request;
  std::vector<const char*> words;
  {
    absl::MutexLock lock(&mutex_);
    if (answered_.empty() || random_() % kConfusedEvery != 0) return;
    for (int i = 0; i < kConfusedOutcomes; ++i) {
      v1::Outcome* outcome = request.add_outcomes();
      *outcome = answered_[random_() % answered_.size()];
      words.push_back(random_() % 2 == 0 ? "repeat" : "forgery");
      if (*words.back() == 'f') outcome->mutable_succeeded()->mutable_result()->set_json("\"forged\"");
    }
  }
  real_->Complete(
      request, {.timeout = absl::Seconds(5)},
      [this, self = shared_from_this(), words, request](const absl::Status& status, v1::CompleteResponse& response) {
        if (status.ok()) OnConfusedAnswer(words, request, response);
      });
}

void RecordingConnection::OnConfusedAnswer(const std::vector<const char*>& words, const v1::CompleteRequest& request,
                                           const v1::CompleteResponse& response) {
  std::vector<std::string> lines;
  for (int i = 0; i < response.results_size() && i < request.outcomes_size(); ++i) {
    lines.push_back(LineOf(words[i], request.outcomes(i), response.results(i)));
  }
  ledger_->Write(lines);
}

}  // namespace baton::kill_loop
