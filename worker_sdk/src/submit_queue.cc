#include "worker_sdk/src/submit_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "baton/error.h"
#include "worker_sdk/src/convert.h"

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
  int64_t room = size_.bytes();
  while (!items_.empty() && sent_.size() < size_.items()) {
    Item& item = items_.front();
    room -= static_cast<int64_t>(item.task->ByteSizeLong()) + 8;
    if (room < 0 && !sent_.empty()) break;
    call.request.mutable_tasks()->AddAllocated(item.task.release());
    call.deadline = std::max(call.deadline, item.submission->deadline);
    first_deadline_ = std::min(first_deadline_, item.submission->deadline);
    sent_.push_back(std::move(item));
    items_.pop_front();
  }
  last_deadline_ = call.deadline;
  call.request.set_request_id(make_request_id_());
  in_flight_ = true;
  return call;
}

SubmitQueue::Finished SubmitQueue::OnAnswer(int64_t now, Call call, const absl::Status& status,
                                            v1::SubmitResponse& response) {
  Finished finished;
  in_flight_ = false;
  absl::Status failure = status;
  if (failure.ok() && response.results_size() != static_cast<int>(sent_.size())) {
    failure =
        absl::InternalError(absl::StrCat("Submit: ", response.results_size(), " results for ", sent_.size(), " tasks"));
  }
  if (failure.ok()) {
    TakeResults(now, call, response, &finished);
  } else {
    CallFailed(now, call, failure, &finished);
  }
  return finished;
}

void SubmitQueue::TakeResults(int64_t now, Call& call, const v1::SubmitResponse& response, Finished* finished) {
  absl::Status passing;
  // Backwards, because what leaves again goes to the front.
  for (int i = response.results_size() - 1; i >= 0; --i) {
    const Item& item = sent_[i];
    if (item.submission == nullptr) continue;
    absl::StatusOr<Submitted> result = FromProto(response.results(i));
    if (result.ok() || !IsTransient(result.status()) || now >= item.submission->deadline) {
      SetResult(item, std::move(result), finished);
      continue;
    }
    // Under a request id of its own: the answer to this one is remembered.
    PutBack(i, call);
    passing = result.status();
  }
  ForgetCall();
  if (passing.ok()) {
    not_before_ = 0;
    backoff_.Reset();
  } else {
    last_failure_ = passing;
    not_before_ = now + absl::ToInt64Microseconds(backoff_.Next(RetryAfter(passing)));
  }
}

void SubmitQueue::CallFailed(int64_t now, Call& call, const absl::Status& failure, Finished* finished) {
  not_before_ = 0;
  if (size_.Cut(failure, sent_.size(), call.request.ByteSizeLong())) {
    // Nothing was created, so that request ids of their own are safe; and nothing is to be waited for.
    for (int i = static_cast<int>(sent_.size()) - 1; i >= 0; --i) {
      if (sent_[i].submission != nullptr) PutBack(i, call);
    }
    return ForgetCall();
  }
  last_failure_ = failure;
  if (!IsTransient(failure)) return FailSent(failure, finished);
  not_before_ = now + absl::ToInt64Microseconds(backoff_.Next(RetryAfter(failure)));
  // With the tasks of those that are given up now, too: a request id stands for the same tasks every time.
  repeat_ = std::move(call);
  ExpireSent(now, finished);
}

void SubmitQueue::PutBack(int i, Call& call) {
  Item& item = sent_[i];
  item.task = std::make_unique<v1::NewTask>(std::move(*call.request.mutable_tasks(i)));
  items_.push_front(std::move(item));
}

// Gives up what of the call is beyond its deadline, and the call itself if it need not be made again for anybody.
void SubmitQueue::ExpireSent(int64_t now, Finished* finished) {
  if (now >= first_deadline_) {
    first_deadline_ = kNever;
    for (Item& item : sent_) {
      if (item.submission == nullptr) continue;
      if (now >= item.submission->deadline) {
        SetResult(item, Expired(), finished);
        item.submission = nullptr;
      } else {
        first_deadline_ = std::min(first_deadline_, item.submission->deadline);
      }
    }
  }
  if (!in_flight_ && first_deadline_ == kNever) ForgetCall();
}

void SubmitQueue::FailSent(const absl::Status& status, Finished* finished) {
  for (const Item& item : sent_) {
    if (item.submission != nullptr) SetResult(item, status, finished);
  }
  ForgetCall();
}

void SubmitQueue::ForgetCall() {
  repeat_.reset();
  sent_.clear();
  first_deadline_ = kNever;
}

SubmitQueue::Finished SubmitQueue::Expire(int64_t now) {
  Finished finished;
  // A call under way is not cut short for the first of its submissions: among many there is always one whose time is
  // about to be over, and none would ever be answered. The last ones end with it, and their error tells how it failed.
  ExpireSent(in_flight_ ? std::min(now, last_deadline_ - 1) : now, &finished);
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
  if (!in_flight_) FailSent(status, &finished);
  for (const Item& item : items_) SetResult(item, status, &finished);
  items_.clear();
  return finished;
}

std::optional<int64_t> SubmitQueue::NextTimer() const {
  const bool ends_by_itself = in_flight_ && first_deadline_ == last_deadline_;
  int64_t next = ends_by_itself ? kNever : first_deadline_;
  // The oldest item stands for all: deadlines are in the order of arrival.
  if (!items_.empty()) next = std::min(next, items_.front().submission->deadline);
  if (next == kNever) return std::nullopt;
  if (!in_flight_ && not_before_ > 0) next = std::min(next, not_before_);
  return next;
}

}  // namespace internal
}  // namespace baton::inline sdk
