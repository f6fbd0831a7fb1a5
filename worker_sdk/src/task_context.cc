#include "worker_sdk/src/task_context.h"

#include <algorithm>
#include <exception>
#include <variant>

#include "absl/strings/str_cat.h"
#include "baton/task.h"
#include "worker_sdk/src/convert.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/text.h"

namespace baton::inline sdk {
namespace internal {
namespace {

constexpr size_t kErrorBytes = size_t{16} << 10;

void SetFailed(std::string text, bool retryable, v1::Outcome* proto) {
  if (Trimmed(text).empty()) text = "the handler failed without a message";
  proto->mutable_failed()->set_error(CleanText(std::move(text), kErrorBytes));
  proto->mutable_failed()->set_retryable(retryable);
}

v1::WhenUndecided WireUndecided(WhenUndecided when_undecided) {
  switch (when_undecided) {
    case WhenUndecided::kFail:
      return v1::WHEN_UNDECIDED_FAIL;
    case WhenUndecided::kResume:
      return v1::WHEN_UNDECIDED_RESUME;
    case WhenUndecided::kCancel:
      return v1::WHEN_UNDECIDED_CANCEL;
  }
  return v1::WHEN_UNDECIDED_UNSPECIFIED;
}

// Turns what a handler returned into an outcome for the wire.
class OutcomeWriter {
 public:
  OutcomeWriter(int64_t payload_bytes, v1::Outcome* proto, std::vector<std::unique_ptr<v1::NewTask>>* children)
      : payload_bytes_(payload_bytes), proto_(proto), children_(children) {}

  void operator()(Payload&& result) {
    v1::Succeeded* succeeded = proto_->mutable_succeeded();
    if (result.has_value()) Refuse(ToProto("result", std::move(result), payload_bytes_, succeeded->mutable_result()));
  }
  void operator()(Error&& error) { SetFailed(std::move(error.text), true, proto_); }
  void operator()(FinalError&& error) { SetFailed(std::move(error.text), false, proto_); }
  void operator()(Outcome::Spawn&& spawn) {
    v1::Spawned* spawned = proto_->mutable_spawned();
    spawned->set_fail_fast(spawn.options.fail_fast);
    absl::Status status = Context(std::move(spawn.options.context), spawned);
    children_->reserve(spawn.children.size());
    for (size_t i = 0; i < spawn.children.size() && status.ok(); ++i) {
      children_->push_back(std::make_unique<v1::NewTask>());
      status = ToProto(absl::StrCat("child ", i), std::move(spawn.children[i]), children_->back().get());
    }
    if (!status.ok()) children_->clear();
    Refuse(status);
  }
  void operator()(Outcome::Suspension&& suspension) {
    v1::Suspended* suspended = proto_->mutable_suspended();
    suspended->set_reason(CleanText(std::move(suspension.reason), kTextBytes));
    SuspendOptions& options = suspension.options;
    if (options.timeout) {
      suspended->set_timeout_us(absl::ToInt64Microseconds(*options.timeout));
      suspended->set_when_undecided(WireUndecided(options.when_undecided));
    }
    absl::Status status;
    if (Trimmed(suspended->reason()).empty()) {
      status = absl::InvalidArgumentError("Suspend: reason is empty: say what the task waits for, e.g. \"approval\"");
    }
    status.Update(Context(std::move(options.context), suspended));
    if (options.default_decision.has_value()) {
      status.Update(ToProto("default_decision", std::move(options.default_decision), payload_bytes_,
                            suspended->mutable_default_decision()));
    }
    Refuse(status);
  }

 private:
  template <typename Message>
  absl::Status Context(std::optional<Payload> context, Message* message) {
    if (!context) return absl::OkStatus();
    return ToProto("context", *std::move(context), payload_bytes_, message->mutable_context());
  }
  // What cannot be sent would be refused at every attempt.
  void Refuse(const absl::Status& status) {
    if (!status.ok()) SetFailed(std::string(status.message()), false, proto_);
  }

  const int64_t payload_bytes_;
  v1::Outcome* const proto_;
  std::vector<std::unique_ptr<v1::NewTask>>* const children_;
};

Outcome CallHandler(const HandlerFunction& handler, TaskContext* context) {
  Task task(context);
  try {
    return handler(task);
  } catch (const std::exception& thrown) {
    return Error(thrown.what());
  } catch (...) {
    return Error("the handler threw something that is not a std::exception");
  }
}

// In the words of the broker.
Error TimedOut(const v1::Delivery& delivery) {
  return Error(absl::StrCat("timed out: attempt ", delivery.attempt(), " took longer than ",
                            absl::FormatDuration(absl::Microseconds(delivery.timeout_us()))));
}

}  // namespace

TaskContext::TaskContext(AttemptPtr attempt, TaskHost* host) : attempt_(std::move(attempt)), host_(host) {
  v1::Delivery* delivery = attempt_->delivery.get();
  if (delivery->has_payload()) payload_ = TakePayload(delivery->mutable_payload());
  if (delivery->has_context()) context_ = TakePayload(delivery->mutable_context());
  if (delivery->has_decision()) decision_ = TakePayload(delivery->mutable_decision());
}

bool TaskContext::cancelled() const { return attempt_->over.HasBeenNotified() || host_->Now() >= deadline(); }

bool TaskContext::WaitCancelled(absl::Duration timeout) const {
  const absl::Duration left = absl::Microseconds(std::max<int64_t>(0, deadline() - host_->Now()));
  return host_->WaitUntilOver(attempt_, std::min(timeout, left)) || cancelled();
}

void TaskContext::SetUnreadFailure(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  unread_failure_ = status;
}

absl::Status TaskContext::TakeUnreadFailure() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(unread_failure_, absl::OkStatus());
}

std::unique_ptr<v1::Outcome> RunHandler(const AttemptPtr& attempt, TaskHost* host, int64_t payload_bytes,
                                        std::vector<std::unique_ptr<v1::NewTask>>* children) {
  TaskContext context(attempt, host);
  auto proto = std::make_unique<v1::Outcome>();
  Outcome outcome = CallHandler(attempt->handler->options.handler, &context);
  const absl::Status unread = context.TakeUnreadFailure();
  const bool failed =
      std::holds_alternative<Error>(outcome.value()) || std::holds_alternative<FinalError>(outcome.value());
  if (!unread.ok() && !failed) {
    outcome = Error(absl::StrCat("outcomes of the children could not be read: ", unread.ToString()));
  }
  // It failed because it was stopped: a timeout, which is tried again, whether the broker noticed first or not.
  if (failed && host->Now() >= attempt->deadline()) outcome = TimedOut(*attempt->delivery);
  std::visit(OutcomeWriter(payload_bytes, proto.get(), children), std::move(outcome).value());
  proto->set_queued_us(attempt->started_at - attempt->received_at);
  proto->set_ran_us(std::max<int64_t>(0, host->Now() - attempt->started_at));
  return proto;
}

}  // namespace internal
}  // namespace baton::inline sdk
