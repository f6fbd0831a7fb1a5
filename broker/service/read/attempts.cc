#include "broker/service/read/attempts.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/service/read/convert.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/task_facts.h"
#include "broker/service/read/task_message.h"

namespace baton::service {
namespace {

using records::v1::AttemptInfo;
using records::v1::Step;

std::string AttemptsOf(TaskId id) { return absl::StrCat("attempts of ", id); }

v1::AttemptOutcome OutcomeOf(Step::Kind kind) {
  switch (kind) {
    case Step::SUCCEEDED:
      return v1::ATTEMPT_OUTCOME_SUCCEEDED;
    case Step::FAILED:
      return v1::ATTEMPT_OUTCOME_FAILED;
    case Step::TIMED_OUT:
      return v1::ATTEMPT_OUTCOME_TIMED_OUT;
    case Step::SPAWNED:
      return v1::ATTEMPT_OUTCOME_SPAWNED;
    case Step::SUSPENDED:
      return v1::ATTEMPT_OUTCOME_SUSPENDED;
    case Step::RELEASED:
      return v1::ATTEMPT_OUTCOME_RELEASED;
    case Step::INTERRUPTED:
      return v1::ATTEMPT_OUTCOME_INTERRUPTED;
    case Step::CANCELLED:
      return v1::ATTEMPT_OUTCOME_CANCELLED;
    case Step::EXPIRED:
      return v1::ATTEMPT_OUTCOME_EXPIRED;
    default:
      return v1::ATTEMPT_OUTCOME_UNSPECIFIED;
  }
}

bool EndsAttempt(const Step& step) {
  return step.has_attempt() && OutcomeOf(step.kind()) != v1::ATTEMPT_OUTCOME_UNSPECIFIED;
}

bool IsFailure(const Step& step) {
  return step.kind() == Step::FAILED || step.kind() == Step::TIMED_OUT || step.kind() == Step::INTERRUPTED ||
         step.kind() == Step::EXPIRED;
}

class AttemptPage {
 public:
  AttemptPage(const engine::View& view, const engine::DefaultOptions& defaults, const TaskFacts& facts,
              size_t page_size, size_t page_bytes, v1::ListAttemptsResponse* response)
      : view_(view),
        defaults_(defaults),
        facts_(facts),
        page_size_(page_size),
        page_bytes_(page_bytes),
        response_(*response) {}

  // From log row `first` on.
  Error Fill(uint32_t first) {
    bool full = false;
    Error error = ScanLog(view_.store(), facts_.id, first, [&](uint32_t row, const Step& step) {
      next_row_ = row;
      full = EndsAttempt(step) && !Take(Ended(step));
      return !full;
    });
    if (!error.ok() || full) return error;
    // The last attempt comes after all log rows: what a token says that points there stays true when it gets its row.
    next_row_ = next_row_ == 0 ? first : next_row_ + 1;
    if (!facts_.live()) {
      if (EndsAttempt(facts_.end)) Take(Ended(facts_.end));
      return {};
    }
    return facts_.state == LiveState::RUNNING ? AddRunning() : Error{};
  }

 private:
  Error AddRunning() {
    AttemptInfo info;
    info.set_number(facts_.now.attempt());
    info.set_stage(facts_.now.stage());
    info.set_handler_version(facts_.entry.handler_version);
    info.set_options_number(facts_.now.options_number());
    info.set_ready_us(facts_.entry.ready);
    info.set_claimed_us(facts_.entry.claimed);
    Error error = WorkerOfSession(view_.store(), facts_.entry.session, info.mutable_worker());
    if (error.ok()) Take(Common(info));
    return error;
  }

  v1::Attempt Common(const AttemptInfo& info) const {
    v1::Attempt attempt;
    attempt.set_task_id(facts_.id);
    attempt.set_number(static_cast<int32_t>(info.number()));
    attempt.set_stage(static_cast<int32_t>(info.stage()));
    attempt.set_worker_id(info.worker());
    attempt.set_handler_version(info.handler_version());
    *attempt.mutable_ready_at() = WireTime(info.ready_us());
    *attempt.mutable_claimed_at() = WireTime(info.claimed_us());
    *attempt.mutable_options() =
        OptionsInForce(facts_.row, *facts_.class_info, info.options_number(), view_.catalog(), defaults_);
    return attempt;
  }

  v1::Attempt Ended(const Step& step) const {
    v1::Attempt attempt = Common(step.attempt());
    *attempt.mutable_ended_at() = WireTime(step.time_us());
    *attempt.mutable_queued() = WireDuration(step.queued_us());
    *attempt.mutable_ran() = WireDuration(step.ran_us());
    attempt.set_outcome(OutcomeOf(step.kind()));
    if (IsFailure(step)) attempt.set_error(FailureText(step));
    return attempt;
  }

  // False, and the token is set, if there is no room.
  bool Take(v1::Attempt attempt) {
    const size_t bytes = attempt.ByteSizeLong() + 8;
    const bool first = response_.attempts().empty();
    if (!first && (response_.attempts_size() >= static_cast<int>(page_size_) || bytes_ + bytes > page_bytes_)) {
      response_.set_next_page_token(EncodePageToken(AttemptsOf(facts_.id), {next_row_}));
      return false;
    }
    bytes_ += bytes;
    *response_.add_attempts() = std::move(attempt);
    return true;
  }

  const engine::View& view_;
  const engine::DefaultOptions& defaults_;
  const TaskFacts& facts_;
  const size_t page_size_;
  const size_t page_bytes_;
  v1::ListAttemptsResponse& response_;
  uint32_t next_row_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

Error ListAttempts(const engine::View& view, const engine::DefaultOptions& defaults,
                   const v1::ListAttemptsRequest& request, size_t page_size, size_t page_bytes,
                   v1::ListAttemptsResponse* response) {
  std::vector<uint64_t> position = {1};
  Error error;
  if (!request.page_token().empty()) {
    error = DecodePageToken(AttemptsOf(request.task_id()), request.page_token(), 1, &position);
  }
  TaskFacts facts;
  if (error.ok()) error = LoadTask(view, request.task_id(), &facts);
  if (!error.ok()) return error;
  return AttemptPage(view, defaults, facts, page_size, page_bytes, response).Fill(static_cast<uint32_t>(position[0]));
}

}  // namespace baton::service
