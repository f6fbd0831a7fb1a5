// Calls over gRPC: how they end, which token they show, and those that have one answer.
#ifndef BATON_WORKER_SDK_GRPC_UNARY_CALL_H_
#define BATON_WORKER_SDK_GRPC_UNARY_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "baton/v1/admin.grpc.pb.h"
#include "baton/v1/broker.grpc.pb.h"
#include "baton/v1/error.pb.h"
#include "worker_sdk/src/access_token.h"
#include "worker_sdk/src/broker_channel.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/tls_files.h"

namespace baton::inline sdk {
namespace internal {

// Both services of one broker, and the way to it.
struct Stubs {
  explicit Stubs(const BrokerChannel& made)
      : address(made.target()), encrypted(made.encrypted()), channel(made.get()), tasks(channel), admin(channel) {}

  bool is_connected() const { return channel->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY; }

  const std::string address;
  const bool encrypted;
  const std::shared_ptr<grpc::Channel> channel;
  v1::TaskBroker::Stub tasks;
  v1::TaskAdmin::Stub admin;
};

// What gRPC itself says, of a connection that it could not make, with what to do about it.
inline std::string Explained(const grpc::Status& status, const Stubs& stubs) {
  std::string message = status.error_message();
  if (!status.error_details().empty()) return message;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && absl::StrContains(message, "failed to connect")) {
    const std::string advice = TlsAdvice(stubs.encrypted, message);
    return absl::StrCat("no connection to ", stubs.address, ": ", message, ". ",
                        advice.empty() ? "Is a broker running there?" : advice);
  }
  // gRPC has no cause for a call that waited for a connection.
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && !stubs.is_connected()) {
    absl::StrAppend(&message, ": there is no connection to ", stubs.address, ": is a broker running there?");
    const bool may_lack_tls = !stubs.encrypted && !absl::StartsWith(stubs.address, "unix:");
    if (may_lack_tls) absl::StrAppend(&message, " If it is and speaks TLS, write tls:// in front of its address");
  }
  return message;
}

// The details are attached by Baton brokers only; without them there is no reason.
inline absl::Status FromGrpc(const grpc::Status& status, const Stubs& stubs) {
  if (status.ok()) return absl::OkStatus();
  v1::Status body;
  std::string reason;
  absl::Duration retry_after;
  if (!status.error_details().empty() && body.ParseFromString(status.error_details())) {
    for (const v1::Status::Any& detail : body.details()) {
      v1::ErrorInfo info;
      if (!absl::EndsWith(detail.type_url(), "ErrorInfo") || !info.ParseFromString(detail.value())) continue;
      reason = info.reason();
      int64_t micros = 0;
      const auto advice = info.metadata().find("retry_after_us");
      if (advice != info.metadata().end() && absl::SimpleAtoi(advice->second, &micros)) {
        retry_after = absl::Microseconds(micros);
      }
    }
  }
  return MakeStatus(static_cast<int>(status.error_code()), Explained(status, stubs), reason, retry_after);
}

// What the completion queue hands back.
class Completion {
 public:
  virtual ~Completion() = default;
  virtual void Done(bool ok) = 0;
};

// The operations that are under way, so that they can be cancelled and waited for.
class Outstanding {
 public:
  // False: closed; the operation must not start.
  bool Begin(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    contexts_.insert(context);
    return true;
  }
  void End(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    contexts_.erase(context);
  }
  void CloseAndWait() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
    const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return contexts_.empty(); };
    mutex_.Await(absl::Condition(&none));
  }

 private:
  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

// Shows the access token to the broker; `sent` is what was shown. An error: the call must not be made.
inline absl::Status ShowToken(AccessToken* token, const Stubs& stubs, grpc::ClientContext* context, std::string* sent) {
  if (token == nullptr) return absl::OkStatus();
  absl::StatusOr<std::string> text = token->TextFor(stubs.address, stubs.encrypted);
  if (!text.ok()) return text.status();
  *sent = *std::move(text);
  context->AddMetadata("authorization", "Bearer " + *sent);
  return absl::OkStatus();
}

// How a call has ended. One that was refused for its token is worth another try if there is a new token by now.
inline absl::Status EndOf(const grpc::Status& status, const Stubs& stubs, AccessToken* token, const std::string& sent) {
  absl::Status end = FromGrpc(status, stubs);
  if (token == nullptr || !absl::IsUnauthenticated(end) || !token->Replaced(sent)) return end;
  return MakeStatus(static_cast<int>(absl::StatusCode::kUnavailable),
                    "the access token was replaced meanwhile: trying again with the new one", kAccessTokenReplaced,
                    absl::ZeroDuration());
}

// Deletes itself when it is done.
template <typename Response>
class UnaryCall final : public Completion {
 public:
  // `token`: null if none is shown.
  UnaryCall(Outstanding* outstanding, std::shared_ptr<Stubs> stubs, std::shared_ptr<AccessToken> token,
            CallOptions options, Answer<Response> answer)
      : outstanding_(outstanding), stubs_(std::move(stubs)), token_(std::move(token)), answer_(std::move(answer)) {
    context_.set_deadline(gpr_time_from_micros(Micros(options.timeout), GPR_TIMESPAN));
    // A call that waits never tells why there is no connection. Where certificates are shown that is worth knowing, and
    // whoever asks to wait tries again what is UNAVAILABLE.
    context_.set_wait_for_ready(options.wait_for_ready && !stubs_->encrypted);
  }

  template <typename Stub, typename Request, typename Method>
  void Start(Stub* stub, grpc::CompletionQueue* queue, Method method, const Request& request) {
    if (!outstanding_->Begin(&context_)) {
      answer_(absl::CancelledError("the connection was closed"), response_);
      delete this;
      return;
    }
    refused_ = ShowToken(token_.get(), *stubs_, &context_, &sent_token_);
    if (!refused_.ok()) return alarm_.Set(queue, gpr_now(GPR_CLOCK_MONOTONIC), static_cast<Completion*>(this));
    reader_ = (stub->*method)(&context_, request, queue);
    reader_->Finish(&response_, &status_, this);
  }

  void Done(bool) override {
    answer_(refused_.ok() ? EndOf(status_, *stubs_, token_.get(), sent_token_) : refused_, response_);
    // What the answer holds may be what waits for the end of this call.
    answer_ = nullptr;
    outstanding_->End(&context_);
    delete this;
  }

 private:
  Outstanding* const outstanding_;
  const std::shared_ptr<Stubs> stubs_;
  const std::shared_ptr<AccessToken> token_;
  Answer<Response> answer_;
  std::string sent_token_;
  // The call was not made; the alarm tells so on the connection's thread.
  absl::Status refused_;
  grpc::Alarm alarm_;
  grpc::ClientContext context_;
  grpc::Status status_;
  Response response_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
};

}  // namespace internal
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_GRPC_UNARY_CALL_H_
