#include "client_cli/waiting.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "client_cli/status_details.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

// One Wait call lasts this long at most, so that a dead connection is noticed; a bar is drawn again each second.
constexpr absl::Duration kSlice = absl::Seconds(20);
constexpr absl::Duration kBarSlice = absl::Seconds(1);
// How long a broker that was there before may be unreachable.
constexpr absl::Duration kOutage = absl::Seconds(30);
constexpr absl::Duration kRetryDelay = absl::Milliseconds(500);

// The task and its result as they are now.
absl::StatusOr<v1::Task> LookAt(Session& session, uint64_t task_id, absl::Duration timeout) {
  v1::GetRequest request;
  request.set_task_id(task_id);
  request.mutable_parts()->set_result(true);
  absl::StatusOr<v1::GetResponse> response = session.broker().Get(request, timeout);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_task());
}

// Waits for one task, call after call.
class Waiter {
 public:
  // `reached`: the broker has answered already.
  Waiter(Session& session, uint64_t task_id, absl::Time deadline, ProgressDisplay* display, bool reached)
      : session_(session), task_id_(task_id), deadline_(deadline), display_(display), reached_(reached) {}

  absl::StatusOr<v1::Task> Run() {
    while (true) {
      // The first call only looks: there is something to show then, and it is known that the broker was there.
      const bool looks = !reached_ || (display_ != nullptr && known_version_ == 0);
      absl::StatusOr<v1::Task> task =
          OfSameStore(looks ? LookAt(session_, task_id_, session_.call_timeout()) : WaitOnce());
      if (task.ok()) {
        reached_ = true;
        created_at_us_ = task->created_at_us();
        unreachable_since_ = absl::InfiniteFuture();
        known_version_ = task->version();
        if (IsTerminal(task->state())) return task;
        last_ = *std::move(task);
        if (display_ != nullptr) display_->ShowTask(last_);
      } else if (!MayRetry(task.status())) {
        return task.status();
      }
      if (Now() >= deadline_) return TimedOut();
    }
  }

 private:
  absl::Time Now() const { return session_.environment().now(); }

  absl::StatusOr<v1::Task> WaitOnce() {
    absl::Duration slice = std::min(display_ != nullptr && display_->is_bar() ? kBarSlice : kSlice, deadline_ - Now());
    slice = std::max(slice, absl::Milliseconds(1));
    v1::WaitRequest request;
    request.set_task_id(task_id_);
    request.set_timeout_us(absl::ToInt64Microseconds(slice));
    if (display_ != nullptr) request.set_known_version(known_version_);
    request.mutable_parts()->set_result(true);
    absl::StatusOr<v1::WaitResponse> response = session_.broker().Wait(request, slice + absl::Seconds(10));
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_task());
  }

  // Of several addresses another one may answer meanwhile, whose store has other tasks of the same numbers. That is as
  // if the broker were gone.
  absl::StatusOr<v1::Task> OfSameStore(absl::StatusOr<v1::Task> task) const {
    const bool is_gone = ReasonOf(task.status()) == "TASK_NOT_FOUND";
    if (created_at_us_ == 0 || (task.ok() ? task->created_at_us() == created_at_us_ : !is_gone)) return task;
    return absl::UnavailableError(absl::StrCat("the broker that answers now has another store, without the task ",
                                               task_id_, " that is waited for"));
  }

  // Whether the broker may come back; pauses before it is asked again.
  bool MayRetry(const absl::Status& status) {
    if (!reached_ || !(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status))) return false;
    unreachable_since_ = std::min(unreachable_since_, Now());
    if (Now() - unreachable_since_ >= kOutage) return false;
    if (display_ != nullptr) display_->Note("the broker does not answer, trying again");
    session_.environment().sleep(kRetryDelay);
    session_.Reconnect();
    return true;
  }

  absl::Status TimedOut() const {
    std::string state = last_.id() == 0 ? "has not ended" : absl::StrCat("is still ", ProgressText(last_));
    return MakeStatus(absl::StatusCode::kDeadlineExceeded,
                      absl::StrCat("timed out: task ", task_id_, " ", state, ". It goes on; `baton wait ", task_id_,
                                   "` waits again."),
                      kWaitTimedOut);
  }

  Session& session_;
  const uint64_t task_id_;
  const absl::Time deadline_;
  ProgressDisplay* const display_;
  bool reached_;
  absl::Time unreachable_since_ = absl::InfiniteFuture();
  uint64_t known_version_ = 0;
  // Tells the task from one of another store; 0: not seen yet.
  int64_t created_at_us_ = 0;
  v1::Task last_;
};

// The time is over, but some of these tasks may have ended, while one before them was waited for. There may be very
// many of them: looking at all takes no longer than one call may. Answers of how many it is still not known.
size_t TellEnded(Session& session, absl::Span<const uint64_t> task_ids,
                 const std::function<void(const v1::Task&)>& each) {
  const absl::Time end = session.environment().now() + session.call_timeout();
  for (size_t i = 0; i < task_ids.size(); ++i) {
    const absl::Duration left = end - session.environment().now();
    if (left <= absl::ZeroDuration()) return task_ids.size() - i;
    const absl::StatusOr<v1::Task> task = LookAt(session, task_ids[i], left);
    if (task.ok() && IsTerminal(task->state())) each(*task);
    // Other errors are not of this task alone: what refuses one call refuses the next.
    if (!task.ok() && !absl::IsNotFound(task.status())) return task_ids.size() - i;
  }
  return 0;
}

// As `timed_out`, and says of how many other tasks it is not known whether they have ended.
absl::Status WithUnknown(const absl::Status& timed_out, size_t unknown) {
  if (unknown == 0) return timed_out;
  return MakeStatus(timed_out.code(),
                    absl::StrCat(timed_out.message(), " Of ", unknown, unknown == 1 ? " other task" : " other tasks",
                                 " it is not known whether they have ended."),
                    ReasonOf(timed_out));
}

}  // namespace

absl::Status WaitForTasks(Session& session, const std::vector<uint64_t>& task_ids, absl::Time deadline, bool reached,
                          const std::function<void(const v1::Task&)>& each) {
  ProgressDisplay display(session.environment());
  bool single = task_ids.size() == 1;
  // Plain lines are for milestones, not one for each of a thousand tasks.
  size_t step = display.is_bar() ? 1 : std::max<size_t>(1, task_ids.size() / 20);
  for (size_t i = 0; i < task_ids.size(); ++i) {
    absl::StatusOr<v1::Task> task =
        Waiter(session, task_ids[i], deadline, single ? &display : nullptr, reached || i > 0).Run();
    if (!task.ok()) {
      if (ReasonOf(task.status()) != kWaitTimedOut) return task.status();
      return WithUnknown(task.status(), TellEnded(session, absl::MakeSpan(task_ids).subspan(i + 1), each));
    }
    each(*task);
    if (!single && ((i + 1) % step == 0 || i + 1 == task_ids.size())) display.ShowCount(i + 1, task_ids.size());
  }
  return absl::OkStatus();
}

absl::Time WaitDeadline(const Session& session, std::optional<absl::Duration> timeout) {
  return timeout.has_value() ? session.environment().now() + *timeout : absl::InfiniteFuture();
}

std::string WhyNotCompleted(const v1::Task& task) {
  std::string text = absl::StrCat("task ", task.id(), " is ", EnumText(task.state()));
  if (task.state() == v1::TASK_STATE_CANCELLED) {
    return task.cancel_reason().empty() ? text : absl::StrCat(text, ": ", task.cancel_reason());
  }
  if (task.attempt() > 0)
    absl::StrAppend(&text, " after ", task.attempt(), task.attempt() == 1 ? " attempt" : " attempts");
  return task.last_error().empty() ? text : absl::StrCat(text, ": ", task.last_error());
}

}  // namespace baton::cli
