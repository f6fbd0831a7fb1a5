#include "worker_sdk/src/submit_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "baton/error.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {

SubmitQueue::SubmitQueue(uint64_t seed, std::function<std::string()> make_request_id)
    : make_request_id_(std::move(make_request_id)), backoff_(kRetryInitial, kRetryCap, seed) {}

void SubmitQueue::SetResult(const Item& item, absl::StatusOr<Submitted> result, Finished* finished) {
  Submission& submission = *item.submission;
  submission.results[item.index] = std::move(result);
  if (--submission.remaining == 0) finished->push_back(item.submission);
}

absl::Status SubmitQueue::Expired() const {
  return absl::DeadlineExceededError(
      absl::StrCat("Submit: no answer before the timeout; the task may still be created; last failure: ",
                   last_failure_.ok() ? "none" : last_failure_.ToString()));
}

SubmitQueue::Finished SubmitQueue::Add(const std::shared_ptr<Submission>& submission,
                                       std::vector<absl::StatusOr<std::unique_ptr<v1::NewTask>>> tasks) {
  Finished finished;
  submission->remaining = tasks.size();
  if (tasks.empty()) finished.push_back(submission);
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!tasks[i].ok()) {
      SetResult({nullptr, submission, i}, tasks[i].status(), &finished);
    } else {
      items_.push_back({*std::move(tasks[i]), submission, i});
    }
  }
  return finished;
}

std::optional<SubmitQueue::Call> SubmitQueue::Next(int64_t now) {
  if (in_flight_ || now < not_before_) return std::nullopt;
  if (repeat_) {
    in_flight_ = true;
    return std::exchange(repeat_, std::nullopt);
  }
  if (items_.empty()) return std::nullopt;
  Call call;
  int64_t room = kMessageBytes - kMessageOverhead;
  while (!items_.empty() && call.items.size() < kCallItems) {
    Item& item = items_.front();
    room -= static_cast<int64_t>(item.task->ByteSizeLong()) + 8;
    if (room < 0 && !call.items.empty()) break;
    call.request.mutable_tasks()->AddAllocated(item.task.release());
    call.deadline = std::max(call.deadline, item.submission->deadline);
    call.items.push_back(std::move(item));
    items_.pop_front();
  }
  call.request.set_request_id(make_request_id_());
  in_flight_ = true;
  return call;
}

void SubmitQueue::FailCall(const Call& call, const absl::Status& status, Finished* finished) {
  for (const Item& item : call.items) SetResult(item, status, finished);
}

SubmitQueue::Finished SubmitQueue::OnAnswer(int64_t now, Call call, const absl::Status& status,
                                            v1::SubmitResponse& response) {
  Finished finished;
  in_flight_ = false;
  absl::Status failure = status;
  if (failure.ok() && response.results_size() != static_cast<int>(call.items.size())) {
    failure = absl::InternalError(
        absl::StrCat("Submit: ", response.results_size(), " results for ", call.items.size(), " tasks"));
  }
  if (!failure.ok()) {
    last_failure_ = failure;
    not_before_ = now + absl::ToInt64Microseconds(backoff_.Next(RetryAfter(failure)));
    if (!IsTransient(failure)) {
      not_before_ = 0;
      FailCall(call, failure, &finished);
    } else if (now >= call.deadline) {
      FailCall(call, Expired(), &finished);
    } else {
      repeat_ = std::move(call);
    }
    return finished;
  }
  not_before_ = 0;
  absl::Status passing;
  for (int i = static_cast<int>(call.items.size()) - 1; i >= 0; --i) {
    const v1::SubmitResult& result = response.results(i);
    Item& item = call.items[i];
    if (!result.has_error()) {
      const Submitted submitted{result.task_id(), result.existing(), FromProto(result.state()), result.runnable()};
      SetResult(item, submitted, &finished);
      continue;
    }
    absl::Status error = FromError(result.error());
    if (!IsTransient(error) || now >= item.submission->deadline) {
      SetResult(item, std::move(error), &finished);
      continue;
    }
    // Under a request id of its own: the answer to this one is remembered.
    passing = error;
    item.task = std::make_unique<v1::NewTask>(std::move(*call.request.mutable_tasks(i)));
    items_.push_front(std::move(item));
  }
  if (passing.ok()) {
    backoff_.Reset();
  } else {
    last_failure_ = passing;
    not_before_ = now + absl::ToInt64Microseconds(backoff_.Next(RetryAfter(passing)));
  }
  return finished;
}

SubmitQueue::Finished SubmitQueue::Expire(int64_t now) {
  Finished finished;
  if (repeat_ && now >= repeat_->deadline) {
    FailCall(*repeat_, Expired(), &finished);
    repeat_.reset();
  }
  // Older submissions come first, but for items that were put back.
  std::erase_if(items_, [&](const Item& item) {
    if (now < item.submission->deadline) return false;
    SetResult(item, Expired(), &finished);
    return true;
  });
  return finished;
}

SubmitQueue::Finished SubmitQueue::FailAll(const absl::Status& status) {
  Finished finished;
  if (repeat_) FailCall(*repeat_, status, &finished);
  repeat_.reset();
  for (const Item& item : items_) SetResult(item, status, &finished);
  items_.clear();
  return finished;
}

std::optional<int64_t> SubmitQueue::NextTimer() const {
  if (!repeat_ && items_.empty()) return std::nullopt;
  // The oldest item stands for all: deadlines are in the order of arrival.
  int64_t next = repeat_ ? repeat_->deadline : items_.front().submission->deadline;
  if (!items_.empty()) next = std::min(next, items_.front().submission->deadline);
  if (!in_flight_ && not_before_ > 0) next = std::min(next, not_before_);
  return next;
}

}  // namespace internal
}  // namespace baton::inline sdk
