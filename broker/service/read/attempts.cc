#include "broker/service/read/attempts.h"

#include <utility>
#include <vector>

#include "broker/service/read/convert.h"
#include "broker/service/read/history_filter.h"
#include "broker/service/read/member_cursor.h"
#include "broker/service/read/page_token.h"
#include "broker/service/read/task_facts.h"
#include "broker/service/read/task_message.h"

namespace baton::service {
namespace {

using records::v1::AttemptInfo;
using records::v1::Step;

v1::AttemptOutcome OutcomeOfKind(Step::Kind kind) {
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

// Fills one page with what matches.
class AttemptPage {
 public:
  AttemptPage(const engine::View& view, const Clock& clock, const engine::DefaultOptions& defaults,
              const v1::ListAttemptsRequest& request, const PageLimits& limits, v1::ListAttemptsResponse* response)
      : view_(view),
        defaults_(defaults),
        request_(request),
        limits_(limits),
        list_(ListNameOf("attempts ", request)),
        response_(*response),
        timer_(clock, limits.budget) {}

  Error Fill() {
    // The task, and its log row.
    std::vector<uint64_t> from = {0, 1};
    Error error;
    if (!request_.page_token().empty()) error = DecodePageToken(list_, request_.page_token(), 2, &from);
    if (!error.ok()) return error;
    const HistoryScope scope{request_.task_id(), request_.root_id()};
    return VisitTasks(view_, scope, from[0], [&](const TaskFacts& facts, bool* is_full) {
      Error damage = AddTask(facts, facts.id == from[0] ? static_cast<uint32_t>(from[1]) : 1, is_full);
      return damage.ok() ? damage_ : damage;
    });
  }

 private:
  // From log row `first` on.
  Error AddTask(const TaskFacts& facts, uint32_t first, bool* is_full) {
    task_ = facts.id;
    next_row_ = 0;
    Error error = ScanLog(view_.store(), facts.id, first, [&](uint32_t row, const Step& step) {
      next_row_ = row;
      *is_full = IsOver() || (OutcomeOf(step) != v1::ATTEMPT_OUTCOME_UNSPECIFIED && !Take(Ended(facts, step)));
      return !*is_full;
    });
    if (!error.ok() || *is_full) return error;
    // The last attempt comes after all log rows: what a token says that points there stays true when it gets its row.
    next_row_ = next_row_ == 0 ? first : next_row_ + 1;
    *is_full = IsOver();
    if (*is_full) return {};
    if (facts.live()) return facts.state == LiveState::RUNNING ? AddRunning(facts, is_full) : Error{};
    *is_full = OutcomeOf(facts.end) != v1::ATTEMPT_OUTCOME_UNSPECIFIED && !Take(Ended(facts, facts.end));
    return {};
  }

  Error AddRunning(const TaskFacts& facts, bool* is_full) {
    AttemptInfo info;
    info.set_number(facts.now.attempt());
    info.set_stage(facts.now.stage());
    info.set_handler_version(facts.entry.handler_version);
    info.set_options_number(facts.now.options_number());
    info.set_ready_us(facts.entry.ready);
    info.set_claimed_us(facts.entry.claimed);
    Error error = WorkerOfSession(view_.store(), facts.entry.session, info.mutable_worker());
    if (error.ok()) *is_full = !Take(Common(facts, info));
    return error;
  }

  v1::Attempt Common(const TaskFacts& facts, const AttemptInfo& info) {
    v1::Attempt attempt;
    attempt.set_task_id(facts.id);
    attempt.set_number(static_cast<int32_t>(info.number()));
    attempt.set_stage(static_cast<int32_t>(info.stage()));
    attempt.set_worker_id(info.worker());
    attempt.set_handler_version(info.handler_version());
    *attempt.mutable_ready_at() = WireTime(info.ready_us());
    *attempt.mutable_claimed_at() = WireTime(info.claimed_us());
    Error missing = CheckAttemptOptions(view_, facts.id, info.options_number());
    if (missing.ok()) {
      *attempt.mutable_options() =
          OptionsInForce(facts.row, *facts.class_info, info.options_number(), view_.catalog(), defaults_);
    } else if (damage_.ok()) {
      damage_ = std::move(missing);
    }
    return attempt;
  }

  v1::Attempt Ended(const TaskFacts& facts, const Step& step) {
    v1::Attempt attempt = Common(facts, step.attempt());
    *attempt.mutable_ended_at() = WireTime(step.time_us());
    // A worker that measures neither says 0 for both, and of an attempt that it lost it says nothing.
    if (step.queued_us() != 0 || step.ran_us() != 0) {
      *attempt.mutable_queued() = WireDuration(step.queued_us());
      *attempt.mutable_ran() = WireDuration(step.ran_us());
    }
    attempt.set_outcome(OutcomeOf(step));
    if (IsFailure(step)) attempt.set_error(FailureText(step));
    return attempt;
  }

  // False, and the token is set, if there is no room.
  bool Take(v1::Attempt attempt) {
    if (!Matches(request_, attempt)) return true;
    const size_t bytes = attempt.ByteSizeLong() + 8;
    const bool first = response_.attempts().empty();
    if (!first && (response_.attempts_size() >= static_cast<int>(limits_.items) || bytes_ + bytes > limits_.bytes)) {
      EndPage();
      return false;
    }
    bytes_ += bytes;
    *response_.add_attempts() = std::move(attempt);
    return true;
  }

  // True, and the token is set, if no time is left.
  bool IsOver() {
    if (!timer_.IsOver()) return false;
    EndPage();
    return true;
  }

  void EndPage() { response_.set_next_page_token(EncodePageToken(list_, {task_, next_row_})); }

  const engine::View& view_;
  const engine::DefaultOptions& defaults_;
  const v1::ListAttemptsRequest& request_;
  const PageLimits& limits_;
  const std::string list_;
  v1::ListAttemptsResponse& response_;
  PageTimer timer_;
  TaskId task_ = 0;
  uint32_t next_row_ = 0;
  size_t bytes_ = 0;
  // The first thing that an attempt lacks.
  Error damage_;
};

}  // namespace

v1::AttemptOutcome OutcomeOf(const Step& step) {
  return step.has_attempt() ? OutcomeOfKind(step.kind()) : v1::ATTEMPT_OUTCOME_UNSPECIFIED;
}

bool IsFailure(const Step& step) {
  return step.kind() == Step::FAILED || step.kind() == Step::TIMED_OUT || step.kind() == Step::INTERRUPTED ||
         step.kind() == Step::EXPIRED;
}

Error ListAttempts(const engine::View& view, const Clock& clock, const engine::DefaultOptions& defaults,
                   const v1::ListAttemptsRequest& request, const PageLimits& limits,
                   v1::ListAttemptsResponse* response) {
  return AttemptPage(view, clock, defaults, request, limits, response).Fill();
}

}  // namespace baton::service
