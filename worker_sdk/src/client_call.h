// One call with all its retries; for the sources of ClientCore.
#ifndef BATON_WORKER_SDK_CLIENT_CALL_H_
#define BATON_WORKER_SDK_CLIENT_CALL_H_

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "baton/error.h"
#include "worker_sdk/src/backoff.h"
#include "worker_sdk/src/broker_address.h"
#include "worker_sdk/src/client_core.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/sdk_limits.h"

namespace baton::inline sdk {
namespace internal {

// Whether a call that failed so may have been carried out, and only its answer was lost. What the broker has refused,
// with a reason, was not; nor was what found no connection, in gRPC's words.
inline bool MayBeDone(const absl::Status& failure) {
  return ErrorReason(failure).empty() && !absl::StrContains(failure.message(), "failed to connect") &&
         !absl::StrContains(failure.message(), "DNS resolution failed");
}

template <typename Request, typename Response>
absl::StatusOr<Response> ClientCore::Call(const char* name, const Request& request, absl::Duration budget,
                                          absl::Duration call_timeout,
                                          void (BrokerConnection::*method)(const Request&, CallOptions,
                                                                           Answer<Response>),
                                          const char* done_reason) {
  if (!options_status_.ok()) return options_status_;
  // Of several brokers the one that answers may be another than the one that was asked before, and knows nothing of it.
  if (done_reason != nullptr && SplitAddresses(ResolveAddress(options_.broker)).size() > 1) done_reason = nullptr;
  struct Pending {
    absl::Notification answered;
    absl::Status status;
    Response response;
  };
  const int64_t deadline = scheduler_->Now() + Micros(budget);
  Backoff backoff(kRetryInitial, kRetryCap, static_cast<uint64_t>(deadline));
  // An earlier try may have been carried out, and its answer lost.
  bool may_be_done = false;
  while (true) {
    const int64_t begin = scheduler_->Now();
    const absl::Duration left = absl::Microseconds(std::max<int64_t>(1000, deadline - begin));
    auto pending = std::make_shared<Pending>();
    (connection_.get()->*method)(request, {.timeout = std::min(left, call_timeout), .wait_for_ready = true},
                                 [pending](const absl::Status& status, Response& response) {
                                   pending->status = status;
                                   pending->response.Swap(&response);
                                   pending->answered.Notify();
                                 });
    pending->answered.WaitForNotification();
    Heard(begin, pending->status);
    if (pending->status.ok()) return std::move(pending->response);
    if (!IsTransient(pending->status)) {
      if (may_be_done && done_reason != nullptr && ErrorReason(pending->status) == done_reason) return Response();
      return pending->status;
    }
    may_be_done = may_be_done || MayBeDone(pending->status);
    const absl::Duration pause = backoff.Next(RetryAfter(pending->status));
    if (scheduler_->Now() + Micros(pause) >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(name, ": no success within ", absl::FormatDuration(budget),
                                                      " at ", ResolveAddress(options_.broker),
                                                      "; last failure: ", pending->status.ToString()));
    }
    if (!Pause(pause)) return absl::CancelledError(absl::StrCat(name, ": the client was closed"));
  }
}

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_CLIENT_CALL_H_
