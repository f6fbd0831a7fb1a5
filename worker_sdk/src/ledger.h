#ifndef BATON_WORKER_SDK_LEDGER_H_
#define BATON_WORKER_SDK_LEDGER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "baton/log.h"
#include "baton/v1/broker.pb.h"
#include "baton/v1/worker.pb.h"
#include "worker_sdk/src/attempt.h"
#include "worker_sdk/src/backoff.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {

struct LogLine {
  LogLevel level;
  std::string text;
};

// A call that is to be made, with the attempts it speaks for, item by item.
template <typename Request>
struct Call {
  Request request;
  std::vector<AttemptPtr> attempts;
};

// The books of a worker: which attempts it holds, what of them is still to be told to the broker, and what follows from
// the broker's answers. Pure bookkeeping: no threads, no clock, no calls. Its owner asks for the next call of each
// kind, makes it without holding a lock, and hands the answer back; at most one call of each kind is under way, and
// what comes meanwhile leaves together with the next one.
//
// Promises it keeps:
//   * an attempt is held until its handler has returned and its outcome was answered, also if it is over;
//   * an outcome is not sent while a report of its attempt is unanswered; reports that were not sent, or not taken in,
//     ride in the outcome, or are sent before it if they are too large for that;
//   * children that are too many for an outcome are staged before, part after part;
//   * an outcome refused for its content is sent again without its reports, then as failed, or, if it gave the attempt
//     back, without a reason; one of an attempt that is over is dropped;
//   * what fails for a passing reason is sent again, after a backoff; what was refused because there was too much in
//     one call, at once and in smaller calls.
//
// Thread-compatible: the owner's lock guards it.
class Ledger {
 public:
  explicit Ledger(uint64_t seed);

  // ── What happens in the process ──
  // False, and nothing changes, if an attempt with this token is held already.
  bool Add(const AttemptPtr& attempt);
  // The outcome of an attempt, with the children of a spawn. Only the first one of an attempt counts.
  void Settle(const AttemptPtr& attempt, std::unique_ptr<v1::Outcome> outcome,
              std::vector<std::unique_ptr<v1::NewTask>> children = {});
  // The handler has returned, or will never run.
  void SetReturned(const AttemptPtr& attempt);
  // Errors: RESOURCE_EXHAUSTED too many that the broker did not take in yet. Without effect on a settled attempt.
  absl::Status AddCheckpoint(const AttemptPtr& attempt, v1::Checkpoint checkpoint);
  void SetProgress(const AttemptPtr& attempt, v1::Progress progress);

  // ── What the broker says ──
  // The attempt is over: its outcome is not wanted any more. Its handler is told through Attempt::over.
  void MarkOver(const AttemptPtr& attempt, const std::string& reason);
  // Tells the handler to stop, through Attempt::over; nothing else changes.
  void StopHandler(const AttemptPtr& attempt, const std::string& reason);
  // Null if it is not held.
  AttemptPtr Find(const std::string& token) const;
  void SetLimits(const v1::Limits& limits);
  // There is a new session: everything may be tried at once.
  void ResetBackoffs();

  // ── Calls. `now`: steady microseconds. Nothing to do, one under way, or a backoff not over: nullopt. ──
  std::optional<Call<v1::CompleteRequest>> NextComplete(int64_t now, uint64_t session);
  void OnCompleteAnswer(int64_t now, Call<v1::CompleteRequest>& call, const absl::Status& status,
                        const v1::CompleteResponse& response);
  std::optional<Call<v1::AuditRequest>> NextAudit(int64_t now);
  void OnAuditAnswer(int64_t now, Call<v1::AuditRequest>& call, const absl::Status& status,
                     const v1::AuditResponse& response);
  std::optional<Call<v1::ProgressRequest>> NextProgress(int64_t now);
  void OnProgressAnswer(int64_t now, Call<v1::ProgressRequest>& call, const absl::Status& status,
                        const v1::ProgressResponse& response);
  std::optional<Call<v1::SpawnChildrenRequest>> NextPart(int64_t now);
  void OnPartAnswer(int64_t now, Call<v1::SpawnChildrenRequest>& call, const absl::Status& status,
                    const v1::SpawnChildrenResponse& response);
  // When a backoff ends that holds something up, after `now`; nullopt if none does.
  std::optional<int64_t> NextRetry(int64_t now) const;

  // ── State ──
  using Held = absl::flat_hash_map<absl::string_view, AttemptPtr>;
  const Held& held() const { return held_; }
  // Every outcome of an attempt whose handler has returned was answered, and no call is under way.
  bool idle() const;
  // Attempts whose outcome was not answered.
  size_t unanswered() const { return unanswered_; }
  // A call for an outcome could be made right now, backoffs aside.
  bool outcome_call_ready() const {
    return (!complete_.in_flight && !outcomes_.empty()) || (!part_.in_flight && !staging_.empty());
  }
  const v1::Limits& limits() const { return limits_; }
  std::vector<LogLine> TakeLog();
  // Whether an attempt was marked over since the last call.
  bool TakeOverChanged() { return std::exchange(over_changed_, false); }

 private:
  // One kind of call.
  struct Lane {
    explicit Lane(uint64_t seed);
    bool Free(int64_t now) const { return !in_flight && now >= not_before; }
    void Succeeded();
    // Returns whether this is the first failure after a success.
    bool Failed(int64_t now, absl::Duration advice);

    bool in_flight = false;
    int64_t not_before = 0;
    Backoff backoff;
  };

  void CallFailed(Lane& lane, const char* name, int64_t now, const absl::Status& status);
  void Ready(const AttemptPtr& attempt);
  void Queue(const AttemptPtr& attempt);
  bool AbsorbReports(const AttemptPtr& attempt);
  // Whether a call can carry the outcome with so many bytes more in it.
  bool OutcomeHasRoom(const Attempt& attempt, size_t bytes) const;
  void ReportAnswered(const AttemptPtr& attempt);
  void DropReports(const AttemptPtr& attempt);
  void QueueAudit(const AttemptPtr& attempt);
  void QueueProgress(const AttemptPtr& attempt);
  void GiveBack(const AttemptPtr& attempt, v1::Checkpoint checkpoint);
  void GiveBack(const AttemptPtr& attempt, v1::Progress progress);
  // Handles an item of a report call; true: the report is to be given back.
  bool JudgeReport(const AttemptPtr& attempt, const char* what, const absl::Status& status);
  void FinishStaging(const AttemptPtr& attempt);
  void FailStaging(const AttemptPtr& attempt, const std::string& why, bool retryable);
  void OutcomeAnswered(const AttemptPtr& attempt);
  // True: the outcome is to be sent again.
  bool JudgeOutcome(const AttemptPtr& attempt, const absl::Status& status);
  void Requeue(const AttemptPtr& attempt, std::unique_ptr<v1::Outcome> outcome);
  // Sends something else instead of the outcome: the same without its reports, else `failed`, or a bare `released` for
  // one that said so. Drops the attempt's outcome altogether if these were refused, too.
  void ReplaceOutcome(const AttemptPtr& attempt, const v1::Outcome& refused, const std::string& why, bool retryable);
  void CompleteFailed(int64_t now, Call<v1::CompleteRequest>& call, const absl::Status& status);
  void ForgetIfDone(const AttemptPtr& attempt);
  void Log(LogLevel level, std::string text) { log_.push_back({level, std::move(text)}); }

  v1::Limits limits_;
  // Of every call. Its items are outcomes and reports: how many children go into one call is a limit of its own.
  CallSize size_{kMessageBytes};
  Held held_;
  size_t unanswered_ = 0;
  bool over_changed_ = false;
  std::deque<AttemptPtr> outcomes_;
  // At most so many outcomes in a call; lowered when the broker cannot read a call, so that one outcome alone is found.
  int complete_items_;
  std::deque<AttemptPtr> audits_;
  std::deque<AttemptPtr> progresses_;
  std::deque<AttemptPtr> staging_;
  Lane complete_;
  Lane audit_;
  Lane progress_;
  Lane part_;
  std::vector<LogLine> log_;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_LEDGER_H_
