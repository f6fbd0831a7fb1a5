#include "tests/process/kill_loop/recording_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::kill_loop {
namespace {

using internal::Answer;
using internal::CallOptions;

constexpr size_t kKept = 500;
// The first answer and one of so many after it are followed by a confused call, with so many outcomes.
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

template <typename Request, typename Response>
internal::Answer<Response> RecordingConnection::Watched(const Request& request, internal::Answer<Response> answer,
                                                        void (RecordingConnection::*look)(const Request&,
                                                                                          const Response&)) {
  return [this, self = shared_from_this(), request, answer = std::move(answer), look](const absl::Status& status,
                                                                                      Response& response) {
    if (status.ok()) (this->*look)(request, response);
    answer(status, response);
  };
}

void RecordingConnection::Complete(const v1::CompleteRequest& request, CallOptions options,
                                   Answer<v1::CompleteResponse> answer) {
  real_->Complete(request, options, Watched(request, std::move(answer), &RecordingConnection::OnComplete));
}

void RecordingConnection::Audit(const v1::AuditRequest& request, CallOptions options,
                                Answer<v1::AuditResponse> answer) {
  real_->Audit(request, options, Watched(request, std::move(answer), &RecordingConnection::OnAudit));
}

void RecordingConnection::Progress(const v1::ProgressRequest& request, CallOptions options,
                                   Answer<v1::ProgressResponse> answer) {
  real_->Progress(request, options, Watched(request, std::move(answer), &RecordingConnection::OnProgress));
}

void RecordingConnection::SpawnChildren(const v1::SpawnChildrenRequest& request, CallOptions options,
                                        Answer<v1::SpawnChildrenResponse> answer) {
  real_->SpawnChildren(request, options, Watched(request, std::move(answer), &RecordingConnection::OnSpawnChildren));
}

void RecordingConnection::OnComplete(const v1::CompleteRequest& request, const v1::CompleteResponse& response) {
  std::vector<std::string> lines;
  for (int i = 0; i < response.results_size() && i < request.outcomes_size(); ++i) {
    lines.push_back(LineOf("outcome", request.outcomes(i), response.results(i)));
    if (!response.results(i).has_error()) AddReports(request.outcomes(i), &lines);
    if (IsOver(response.results(i))) Keep(request.outcomes(i));
  }
  ledger_->Write(lines);
  SendConfused();
}

void RecordingConnection::OnAudit(const v1::AuditRequest& request, const v1::AuditResponse& response) {
  std::vector<std::string> lines;
  for (int i = 0; i < response.results_size() && i < request.items_size(); ++i) {
    if (response.results(i).has_error()) continue;
    lines.push_back(LineOf("checkpoint", request.items(i).attempt_token(), request.items(i).checkpoint().code()));
  }
  ledger_->Write(lines);
}

void RecordingConnection::OnProgress(const v1::ProgressRequest& request, const v1::ProgressResponse& response) {
  std::vector<std::string> lines;
  for (int i = 0; i < response.results_size() && i < request.items_size(); ++i) {
    if (response.results(i).has_error()) continue;
    lines.push_back(LineOf("progress", request.items(i).attempt_token(), request.items(i).progress().stage_name()));
  }
  ledger_->Write(lines);
}

void RecordingConnection::OnSpawnChildren(const v1::SpawnChildrenRequest& request,
                                          const v1::SpawnChildrenResponse& response) {
  ledger_->Write({LineOf("staged", request.attempt_token(), absl::StrCat(response.staged()))});
}

std::string RecordingConnection::LineOf(const char* word, const std::string& attempt_token, const std::string& fact) {
  absl::MutexLock lock(&mutex_);
  const Attempt& attempt = attempts_[attempt_token];
  return absl::StrCat(word, " ", attempt.task, " ", attempt.number, " ", fact);
}

std::string RecordingConnection::LineOf(const char* word, const v1::Outcome& outcome, const v1::ItemResult& result) {
  return LineOf(word, outcome.attempt_token(),
                absl::StrCat(KindOf(outcome), " ", result.has_error() ? result.error().reason() : "OK"));
}

void RecordingConnection::AddReports(const v1::Outcome& outcome, std::vector<std::string>* lines) {
  // Always answered with OK, whatever has become of the attempt: nothing is promised.
  if (outcome.has_cancelled()) return;
  for (const v1::Checkpoint& checkpoint : outcome.checkpoints()) {
    lines->push_back(LineOf("checkpoint", outcome.attempt_token(), checkpoint.code()));
  }
  if (outcome.has_progress()) {
    lines->push_back(LineOf("progress", outcome.attempt_token(), outcome.progress().stage_name()));
  }
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
    if (answered_.empty() || until_confused_-- > 0) return;
    until_confused_ = kConfusedEvery - 1;
    for (int i = 0; i < kConfusedOutcomes; ++i) {
      v1::Outcome* outcome = request.add_outcomes();
      *outcome = answered_[random_() % answered_.size()];
      words.push_back(i % 2 == 0 ? "repeat" : "forgery");
      if (*words.back() == 'f') outcome->mutable_succeeded()->mutable_result()->set_json("\"forged\"");
    }
  }
  real_->Complete(
      request, {.timeout = absl::Seconds(5)},
      [this, self = shared_from_this(), words, request](const absl::Status& status, v1::CompleteResponse& response) {
        if (status.ok()) return OnConfusedAnswer(words, request, response);
        absl::MutexLock lock(&mutex_);
        until_confused_ = 0;
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
