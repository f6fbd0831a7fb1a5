#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/process/kill_loop/check.h"

namespace baton::kill_loop {
namespace {

using nlohmann::json;

int64_t Micros(const google::protobuf::Timestamp& time) { return time.seconds() * 1'000'000 + time.nanos() / 1000; }

bool IsTerminal(v1::TaskState state) {
  return state == v1::TASK_STATE_COMPLETED || state == v1::TASK_STATE_PERMANENTLY_FAILED ||
         state == v1::TASK_STATE_CANCELLED;
}

// "ATTEMPT_OUTCOME_FAILED" -> "FAILED".
std::string KindOf(v1::AttemptOutcome outcome) {
  return v1::AttemptOutcome_Name(outcome).substr(std::string("ATTEMPT_OUTCOME_").size());
}

// The outcome of the attempt that this event ended, if it ended one.
std::optional<v1::AttemptOutcome> EndedBy(const v1::Event& event) {
  if (event.attempt() == 0) return std::nullopt;
  switch (event.type()) {
    case v1::EVENT_TYPE_COMPLETED:
      return v1::ATTEMPT_OUTCOME_SUCCEEDED;
    case v1::EVENT_TYPE_FAILED:
      return v1::ATTEMPT_OUTCOME_FAILED;
    case v1::EVENT_TYPE_TIMED_OUT:
      return v1::ATTEMPT_OUTCOME_TIMED_OUT;
    case v1::EVENT_TYPE_SPAWNED:
      return v1::ATTEMPT_OUTCOME_SPAWNED;
    case v1::EVENT_TYPE_SUSPENDED:
      return v1::ATTEMPT_OUTCOME_SUSPENDED;
    case v1::EVENT_TYPE_RELEASED:
      return v1::ATTEMPT_OUTCOME_RELEASED;
    case v1::EVENT_TYPE_INTERRUPTED:
      return v1::ATTEMPT_OUTCOME_INTERRUPTED;
    case v1::EVENT_TYPE_CANCELLED:
      return v1::ATTEMPT_OUTCOME_CANCELLED;
    default:
      return std::nullopt;
  }
}

class TaskCheck {
 public:
  TaskCheck(const History& history, const TaskPromises& promises, Findings* findings)
      : task_(history.task),
        events_(history.events),
        attempts_(history.attempts),
        promises_(promises),
        findings_(*findings) {}

  void Run() {
    const std::optional<Plan> plan = PlanFromJson(task_.payload().json());
    if (!plan) return Find("has a payload that nobody submitted");
    plan_ = *plan;
    CheckEvents();
    CheckAttempts();
    CheckState();
    CheckDeliveries();
    for (const PromisedOutcome& outcome : promises_.outcomes) CheckOutcome(outcome);
    for (const v1::Attempt& attempt : attempts_) CheckError(attempt);
    for (const v1::Event& event : events_) CheckReport(event);
    for (const PromisedReport& report : promises_.reports) CheckPromisedReport(report);
    for (const auto& [attempt, count] : promises_.staged) CheckStaged(attempt, count);
    CheckVerbs();
    CheckResumes();
    CheckOptions();
    if (task_.state() == v1::TASK_STATE_COMPLETED) CheckResult();
  }

 private:
  template <typename... Text>
  void Find(const Text&... text) {
    findings_.push_back(absl::StrCat("task ", task_.id(), " (", plan_.name, ") ", text...));
  }

  void CheckEvents() {
    v1::TaskState state = v1::TASK_STATE_UNSPECIFIED;
    for (size_t i = 0; i < events_.size(); ++i) {
      const v1::Event& event = events_[i];
      if (event.number() != i + 1) Find("has event ", event.number(), " at position ", i + 1);
      if ((event.type() == v1::EVENT_TYPE_CREATED) != (i == 0)) Find("is created by event ", i + 1);
      if (event.from_state() != state && i > 0) Find("has event ", i + 1, " from another state than it had");
      if (IsTerminal(state) != (event.type() == v1::EVENT_TYPE_RETRIED)) {
        Find("has event ", i + 1, IsTerminal(state) ? " after its end" : ", a retry, before its end");
      }
      state = event.to_state();
    }
    if (!IsTerminal(task_.state())) Find("has not ended: ", v1::TaskState_Name(task_.state()));
    if (state != task_.state()) Find("has events that end in ", v1::TaskState_Name(state));
  }

  void CheckAttempts() {
    std::map<int, std::vector<v1::AttemptOutcome>> ends;
    for (const v1::Event& event : events_) {
      if (const auto outcome = EndedBy(event)) ends[event.attempt()].push_back(*outcome);
    }
    for (size_t i = 0; i < attempts_.size(); ++i) {
      const v1::Attempt& attempt = attempts_[i];
      if (attempt.number() != static_cast<int>(i) + 1) Find("has attempt ", attempt.number(), " at place ", i + 1);
      if (ends[attempt.number()] != std::vector<v1::AttemptOutcome>{attempt.outcome()}) {
        Find("attempt ", attempt.number(), ", ", KindOf(attempt.outcome()), ", has ", ends[attempt.number()].size(),
             " ends in its events, or another one");
      }
    }
    if (ends.size() != attempts_.size()) Find("has events that end other attempts than it had");
    if (task_.attempt() != static_cast<int>(attempts_.size())) Find("says it had ", task_.attempt(), " attempts");
  }

  // The attempts after whose end the task was tried again.
  std::set<int> RetriedAfter() const {
    std::set<int> retried;
    int last = 0;
    for (const v1::Event& event : events_) {
      if (event.type() == v1::EVENT_TYPE_CLAIMED) last = event.attempt();
      if (event.type() == v1::EVENT_TYPE_RETRIED) retried.insert(last);
    }
    return retried;
  }

  // The state that follows from the attempts and from what was tried again, if any does.
  std::optional<v1::TaskState> StateOfAttempts() {
    int stage = 0;
    int failures = 0;
    std::optional<v1::TaskState> state;
    const std::set<int> retried_after = RetriedAfter();
    for (const v1::Attempt& attempt : attempts_) {
      if (state) Find("went on after it had ended, with attempt ", attempt.number());
      if (attempt.stage() != stage) Find("is at stage ", attempt.stage(), " in attempt ", attempt.number());
      switch (attempt.outcome()) {
        case v1::ATTEMPT_OUTCOME_SUCCEEDED:
          state = v1::TASK_STATE_COMPLETED;
          break;
        case v1::ATTEMPT_OUTCOME_CANCELLED:
          state = v1::TASK_STATE_CANCELLED;
          break;
        case v1::ATTEMPT_OUTCOME_FAILED:
        case v1::ATTEMPT_OUTCOME_TIMED_OUT:
          if (++failures == attempt.options().max_retries() || plan_.for_good) {
            state = v1::TASK_STATE_PERMANENTLY_FAILED;
          }
          break;
        case v1::ATTEMPT_OUTCOME_SPAWNED:
        case v1::ATTEMPT_OUTCOME_SUSPENDED:
          ++stage;
          failures = 0;
          break;
        default:
          break;
      }
      if (!retried_after.contains(attempt.number())) continue;
      if (state != v1::TASK_STATE_PERMANENTLY_FAILED) Find("was tried again after attempt ", attempt.number());
      state.reset();
      failures = 0;
    }
    return state;
  }

  void CheckState() {
    // Between attempts it can only have been cancelled.
    const v1::TaskState state = StateOfAttempts().value_or(v1::TASK_STATE_CANCELLED);
    if (state != task_.state()) {
      Find("is ", v1::TaskState_Name(task_.state()), ", but its attempts make it ", v1::TaskState_Name(state));
    }
  }

  const v1::Attempt* AttemptOf(int number) const {
    for (const v1::Attempt& attempt : attempts_) {
      if (attempt.number() == number) return &attempt;
    }
    return nullptr;
  }

  void CheckDeliveries() {
    std::set<int> delivered;
    for (const PromisedDelivery& delivery : promises_.deliveries) {
      const v1::Attempt* attempt = AttemptOf(delivery.attempt);
      if (!delivered.insert(delivery.attempt).second) Find("attempt ", delivery.attempt, " was delivered twice");
      if (attempt == nullptr) {
        Find("attempt ", delivery.attempt, " was delivered, but the history lacks it");
        continue;
      }
      if (attempt->worker_id() != delivery.worker) {
        Find("attempt ", delivery.attempt, " was delivered to ", delivery.worker, ", but the history says ",
             attempt->worker_id());
      }
      if (delivery.worker == kSteadyWorker && attempt->outcome() == v1::ATTEMPT_OUTCOME_INTERRUPTED) {
        Find("attempt ", delivery.attempt, " was taken from a worker that lived: ", attempt->error());
      }
    }
  }

  void CheckOutcome(const PromisedOutcome& promised) {
    const v1::Attempt* attempt = AttemptOf(promised.attempt);
    const std::string kind = attempt != nullptr ? KindOf(attempt->outcome()) : "unknown";
    if (promised.answer == "OK") {
      // Whatever has become of it, this is answered with OK.
      if (promised.kind == "CANCELLED" || promised.kind == kind) return;
      Find("attempt ", promised.attempt, " is ", kind, ", but ", promised.kind, " was acknowledged",
           promised.is_forgery ? " of an attempt that was over" : "");
    } else if (promised.answer != "ATTEMPT_OVER") {
      Find("attempt ", promised.attempt, ": ", promised.kind, " was answered with ", promised.answer);
    } else if (promised.kind == kind && !promised.is_forgery) {
      Find("attempt ", promised.attempt, " is ", kind, ", but that outcome was refused");
    }
  }

  // A failure is told in the words of the attempt that it is of.
  void CheckError(const v1::Attempt& attempt) {
    const bool failed = attempt.outcome() == v1::ATTEMPT_OUTCOME_FAILED;
    if (!failed && attempt.outcome() != v1::ATTEMPT_OUTCOME_TIMED_OUT) return;
    const bool is_own = absl::StartsWith(attempt.error(), absl::StrCat(NameOf(attempt.number()), ": "));
    // The broker and the library say it alike; the library's is an ordinary failure.
    const std::string late = absl::StrCat("timed out: attempt ", attempt.number(), " took longer than ");
    const bool is_late = task_.type() == kSlowType && absl::StartsWith(attempt.error(), late);
    if (failed ? !is_own && !is_late : !is_late) {
      Find("attempt ", attempt.number(), " has an error that is not its own: ", attempt.error());
    }
    const bool is_last = attempt.number() == task_.attempt();
    if (is_last && task_.state() == v1::TASK_STATE_PERMANENTLY_FAILED && task_.last_error() != attempt.error()) {
      Find("has the last error '", task_.last_error(), "', its last attempt '", attempt.error(), "'");
    }
  }

  void CheckReport(const v1::Event& event) {
    if (event.has_checkpoint() && event.checkpoint().message() != NameOf(event.attempt())) {
      Find("attempt ", event.attempt(), " has a checkpoint that is not its own: ", event.checkpoint().message());
    }
    if (event.has_progress() && event.progress().text() != NameOf(event.attempt())) {
      Find("attempt ", event.attempt(), " has a progress that is not its own: ", event.progress().text());
    }
  }

  void CheckPromisedReport(const PromisedReport& report) {
    const bool is_there = std::any_of(events_.begin(), events_.end(), [&](const v1::Event& event) {
      const bool has_it = report.is_progress ? event.has_progress() && event.progress().stage_name() == report.name
                                             : event.has_checkpoint() && event.checkpoint().code() == report.name;
      return has_it && event.attempt() == report.attempt;
    });
    if (is_there) return;
    Find("the ", report.is_progress ? "progress " : "checkpoint ", report.name, " of attempt ", report.attempt,
         " was acknowledged, but the history lacks it");
  }

  // What was staged is there if, and only if, the attempt has spawned. Whether all children exist: see CheckRun.
  void CheckStaged(int attempt, uint64_t count) {
    for (const v1::Event& event : events_) {
      if (event.type() != v1::EVENT_TYPE_SPAWNED || event.attempt() != attempt || event.children() >= count) continue;
      Find("attempt ", attempt, " spawned ", event.children(), " children, but ", count, " were staged");
    }
  }

  std::string NameOf(int attempt) const { return AttemptName(task_.id(), attempt); }

  void CheckVerbs() {
    if (promises_.cancelled && task_.state() != v1::TASK_STATE_CANCELLED) {
      Find("is ", v1::TaskState_Name(task_.state()), ", but its cancellation was acknowledged");
    }
    const bool retried = !RetriedAfter().empty();
    if (promises_.retried && !retried) Find("was not tried again, but that was acknowledged");
    // What was tried again may be cancelled after all.
    if (promises_.kept && !retried && task_.state() == v1::TASK_STATE_CANCELLED) {
      Find("is cancelled, but Cancel said that it had ended otherwise");
    }
  }

  void CheckResumes() {
    const bool is_approval = task_.type() == kApprovalType;
    const v1::AttemptOutcome wait = is_approval ? v1::ATTEMPT_OUTCOME_SUSPENDED : v1::ATTEMPT_OUTCOME_SPAWNED;
    const bool waits = is_approval || plan_.children > 0;
    const auto waited = std::count_if(attempts_.begin(), attempts_.end(),
                                      [&](const v1::Attempt& attempt) { return waits && attempt.outcome() == wait; });
    const auto resumed = std::count_if(events_.begin(), events_.end(),
                                       [](const v1::Event& event) { return event.type() == v1::EVENT_TYPE_RESUMED; });
    // The last wait may have ended by a cancellation.
    const bool may_miss_one = task_.state() == v1::TASK_STATE_CANCELLED;
    if (resumed != waited && !(may_miss_one && resumed + 1 == waited)) {
      Find("waited ", waited, " times and was resumed ", resumed, " times");
    }
    if (static_cast<ptrdiff_t>(promises_.decisions.size()) > resumed) {
      Find("was resumed ", resumed, " times, but ", promises_.decisions.size(), " were acknowledged");
    }
  }

  void CheckOptions() {
    if (task_.priority() != plan_.priority) Find("has priority ", task_.priority(), ", not ", plan_.priority);
    if (!attempts_.empty() && Micros(attempts_[0].claimed_at()) < task_.created_at_us() + plan_.delay_us) {
      Find("was claimed before it was due");
    }
  }

  void CheckResult() {
    const json result = json::parse(task_.result().json(), nullptr, /*allow_exceptions=*/false);
    if (!result.is_object() || result.value("attempt", 0) != task_.attempt()) {
      return Find("has a result that its last attempt did not give: ", task_.result().json());
    }
    if (result.value("task", uint64_t{0}) != task_.id()) {
      Find("has the result of another task: ", task_.result().json());
    }
    if (task_.type() == kParentType && result.value("children", json::array()).size() != Waits()) {
      Find("saw children of other stages than it had: ", task_.result().json());
    }
    if (task_.type() != kApprovalType) return;
    const json decisions = result.value("decisions", json::array());
    if (decisions.size() != Waits()) Find("heard other decisions than it asked for: ", task_.result().json());
    for (const std::string& decision : promises_.decisions) {
      if (std::count(decisions.begin(), decisions.end(), json(decision)) != 1) {
        Find("did not hear the decision ", decision, " exactly once: ", task_.result().json());
      }
    }
  }

  size_t Waits() const { return static_cast<size_t>(plan_.waits); }

  const v1::Task& task_;
  const std::vector<v1::Event>& events_;
  const std::vector<v1::Attempt>& attempts_;
  const TaskPromises& promises_;
  Findings& findings_;
  Plan plan_;
};

}  // namespace

void CheckTask(const History& history, const TaskPromises& promises, Findings* findings) {
  TaskCheck(history, promises, findings).Run();
}

Summary Summarize(const History& history) {
  const v1::Task& task = history.task;
  Summary summary{.id = task.id(),
                  .type = task.type(),
                  .state = task.state(),
                  .parent = task.parent_id(),
                  .root = task.root_id(),
                  .created_us = task.created_at_us(),
                  .ended_us = task.ended_at_us(),
                  .unique_key = task.unique_key(),
                  .cancel_reason = task.cancel_reason()};
  summary.plan = PlanFromJson(task.payload().json()).value_or(Plan());
  for (const v1::Attempt& attempt : history.attempts) {
    summary.attempts.push_back({attempt.number(), attempt.stage(), attempt.outcome(), Micros(attempt.claimed_at())});
  }
  return summary;
}

}  // namespace baton::kill_loop
