// The Claim stream of a worker: hello, welcome, deliveries, orders, and coming back after it closed.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "baton/error.h"
#include "worker_sdk/src/sdk_limits.h"
#include "worker_sdk/src/worker_core.h"

#ifndef BATON_VERSION
#error "BATON_VERSION is set by CMake"
#endif

namespace baton::inline sdk {
namespace internal {

namespace {

// It was claimed before the broker knew of the present handler otherwise, and its history would name the wrong one.
bool ClaimedFor(const RegisteredHandler& handler, const v1::Delivery& delivery) {
  return delivery.handler_version() == 0 || delivery.handler_version() == handler.version;
}

}  // namespace

v1::WorkerUpdate WorkerCore::DescribeLocked() {
  v1::WorkerUpdate update = registry_.Describe();
  if (phase_ != Phase::kRunning) update.set_slots(0);
  update.set_number(++said_);
  return update;
}

// Outcomes wait for that: the children they make are to meet the handlers of now, and what they give back is not to
// come again for a handler that is gone.
bool WorkerCore::UpdateUnderWayLocked() const {
  return stream_state_ == StreamState::kOpen && !half_closed_ && (update_due_ || in_force_ < said_);
}

v1::Hello WorkerCore::MakeHelloLocked() {
  v1::Hello hello;
  hello.set_protocol_version(kProtocolVersion);
  hello.set_worker_id(identity_.worker_id);
  hello.set_instance_id(parts_.instance_id);
  hello.set_pod_id(identity_.pod_id);
  hello.set_pod_generation(identity_.pod_generation);
  *hello.mutable_worker() = DescribeLocked();
  // One before this may have begun a session whose welcome got lost: the broker would take the number for one of that.
  hello.set_last_delivery(std::exchange(awaits_welcome_, true) ? 0 : last_delivery_);
  hello.set_client("baton-cpp/" BATON_VERSION);
  for (const auto& [token, attempt] : ledger_.held()) {
    hello.add_held_attempt_tokens(attempt->token);
    hello.add_held_types(attempt->delivery->type());
    hello_attempts_.push_back(attempt);
  }
  return hello;
}

void WorkerCore::OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) {
  // Destroyed without the lock: nobody else may have them any more, and what their handlers hold may call back.
  std::vector<AttemptPtr> dropped;
  {
    absl::MutexLock lock(&mutex_);
    if (stream != stream_ || phase_ == Phase::kDone) return;
    switch (message.message_case()) {
      case v1::ClaimResponse::kWelcome:
        OnWelcomeLocked(message.welcome());
        dropped.swap(hello_attempts_);
        break;
      case v1::ClaimResponse::kDeliveries:
        OnDeliveriesLocked(message.mutable_deliveries(), &dropped);
        break;
      case v1::ClaimResponse::kOrder:
        OnOrderLocked(message.order());
        break;
      case v1::ClaimResponse::kUpdateTaken:
        in_force_ = std::max(in_force_, message.update_taken().number());
        break;
      case v1::ClaimResponse::MESSAGE_NOT_SET:
        break;  // of a newer broker
    }
  }
  Pump();
}

void WorkerCore::OnWelcomeLocked(const v1::Welcome& welcome) {
  LogLocked(LogLevel::kInfo, absl::StrCat("connected to ", identity_.broker, ", session ", welcome.session(),
                                          hello_attempts_.empty() ? "" : ", attempts held: ",
                                          hello_attempts_.empty() ? "" : absl::StrCat(hello_attempts_.size())));
  stream_state_ = StreamState::kOpen;
  in_force_ = said_;
  session_ = welcome.session();
  if (incarnation_ != 0 && incarnation_ != welcome.incarnation()) {
    LogLocked(LogLevel::kWarning, "the broker has another store than before: all attempts held are over");
  }
  incarnation_ = welcome.incarnation();
  last_delivery_ = 0;
  awaits_welcome_ = false;
  beat_number_ = 0;
  beat_due_ = false;
  worker_id_refused_at_ = 0;
  last_closed_.reset();
  reconnect_backoff_.Reset();
  ledger_.ResetBackoffs();
  ledger_.SetLimits(welcome.limits());
  payload_bytes_ = ledger_.limits().payload_bytes();
  metadata_bytes_ = ledger_.limits().metadata_bytes();
  if (welcome.beat_interval_us() > 0) beat_interval_ = absl::Microseconds(welcome.beat_interval_us());
  beat_window_ = absl::Microseconds(welcome.beat_window_us());
  for (int i = 0; i < welcome.verdicts_size() && i < static_cast<int>(hello_attempts_.size()); ++i) {
    if (welcome.verdicts(i) == v1::ATTEMPT_VERDICT_OVER) {
      ledger_.MarkOver(hello_attempts_[i], "the attempt is over: the broker gave it up while the worker was away");
    } else if (welcome.verdicts(i) == v1::ATTEMPT_VERDICT_CANCELLED) {
      ledger_.MarkOver(hello_attempts_[i], "the task was cancelled");
    }
  }
  // What was answered since the hello takes a slot of this session until a beat no longer lists it.
  for (const AttemptPtr& attempt : hello_attempts_) {
    if (ledger_.Find(attempt->token) != attempt) beat_due_ = true;
  }
  SettleUnstartedOverLocked();
  StartBeatsLocked();
}

// `dropped`: attempts that are held already.
void WorkerCore::OnDeliveriesLocked(v1::Deliveries* deliveries, std::vector<AttemptPtr>* dropped) {
  const int64_t now = Now();
  auto* field = deliveries->mutable_deliveries();
  std::vector<v1::Delivery*> items(field->size());
  field->ExtractSubrange(0, field->size(), items.data());
  std::vector<AttemptPtr> run, release;
  run.reserve(items.size());
  // Most batches are of few types: look each up once.
  std::shared_ptr<const RegisteredHandler> handler;
  const std::string* looked_up = nullptr;
  for (v1::Delivery* item : items) {
    std::unique_ptr<v1::Delivery> delivery(item);
    last_delivery_ = std::max(last_delivery_, delivery->number());
    if (looked_up == nullptr || *looked_up != delivery->type()) handler = registry_.Find(delivery->type());
    looked_up = &item->type();
    auto attempt = std::make_shared<Attempt>(std::move(delivery), handler, now);
    if (!ledger_.Add(attempt)) {
      looked_up = nullptr;
      dropped->push_back(std::move(attempt));
      continue;
    }
    const bool wanted = handler != nullptr && phase_ == Phase::kRunning && ClaimedFor(*handler, *attempt->delivery);
    if (wanted) attempt->work = scheduler_->BeginWork();
    (wanted ? run : release).push_back(std::move(attempt));
  }
  if (!run.empty()) pool_->Add(std::move(run));
  ReleaseLocked(release, phase_ == Phase::kRunning ? "its handler was replaced or given up" : "the worker is draining");
}

void WorkerCore::OnOrderLocked(const v1::Order& order) {
  switch (order.order_case()) {
    case v1::Order::kCancel: {
      const std::string& reason = order.cancel().reason();
      const std::string text = reason.empty() ? "the task was cancelled" : "the task was cancelled: " + reason;
      for (const std::string& token : order.cancel().attempt_tokens()) MarkOverLocked(token, text);
      SettleUnstartedOverLocked();
      break;
    }
    case v1::Order::kDrain: {
      if (phase_ != Phase::kRunning) break;
      const int64_t deadline = order.drain().deadline_us();
      const absl::Duration allowed = deadline > 0 ? absl::Microseconds(deadline) : identity_.drain_deadline;
      BeginDrainLocked(/*by_broker=*/true, allowed, absl::StrCat("ordered by the broker: ", order.drain().reason()));
      break;
    }
    case v1::Order::kSuperseded: {
      absl::Status status = absl::FailedPreconditionError(
          absl::StrCat("superseded: instance ", order.superseded().by_instance_id(), " of pod '", identity_.pod_id,
                       "' has a higher pod generation than ", identity_.pod_generation));
      MarkAllOverLocked(std::string(status.message()));
      FinishLocked(std::move(status));
      break;
    }
    case v1::Order::kRecall: {
      const auto& tokens = order.recall().attempt_tokens();
      const absl::flat_hash_set<std::string> recalled(tokens.begin(), tokens.end());
      ReleaseLocked(pool_->Take([&](const Attempt& attempt) { return recalled.contains(attempt.token); }),
                    "recalled by the broker");
      break;
    }
    case v1::Order::kReconnect:
      LogLocked(LogLevel::kInfo, absl::StrCat("sent to another broker: ", order.reconnect().address()));
      new_address_ = order.reconnect().address();
      DropStreamLocked();
      break;
    case v1::Order::ORDER_NOT_SET:
      break;  // of a newer broker
  }
}

// The end of the stream is then reported like any other.
void WorkerCore::DropStreamLocked() {
  if (stream_state_ != StreamState::kNone) cancel_stream_ = true;
}

// A broker that takes the stream, or an update, and says nothing to it is as good as none.
void WorkerCore::DropStreamIfSilentLocked(absl::Duration patience) {
  scheduler_->After(patience, [weak = weak_from_this(), stream = stream_, said = said_] {
    const std::shared_ptr<WorkerCore> self = weak.lock();
    if (self == nullptr) return;
    {
      absl::MutexLock lock(&self->mutex_);
      if (self->stream_ == stream && self->in_force_ < said) self->DropStreamLocked();
    }
    self->Pump();
  });
}

void WorkerCore::OnClaimClosed(uint64_t stream, const absl::Status& status) {
  // As in OnClaimMessage().
  std::vector<AttemptPtr> dropped;
  {
    absl::MutexLock lock(&mutex_);
    if (stream != stream_ || phase_ == Phase::kDone) return;
    stream_state_ = StreamState::kNone;
    stream_ = 0;
    cancel_stream_ = false;
    // Attempts that were in the hello but not judged are in the next one, if they are held then.
    dropped.swap(hello_attempts_);
    beat_due_ = session_ != 0;
    JudgeClosedLocked(status);
    half_closed_ = false;
  }
  Pump();
}

void WorkerCore::JudgeClosedLocked(const absl::Status& status) {
  const bool dismissed = absl::IsFailedPrecondition(status) && ErrorReason(status) == "DRAINED";
  const bool has_left = phase_ == Phase::kLeaving && (dismissed || !drain_by_broker_);
  if (has_left && !ledger_.idle() && !drain_over_) {
    // What crossed the goodbye was given back, and the broker has not answered that yet: come back for it.
    phase_ = Phase::kDraining;
    drain_by_broker_ = false;
    return ReconnectLaterLocked(status);
  }
  if (has_left || dismissed) return FinishLocked(DrainResultLocked());
  // A broker that goes away has its workers drain first: wait for it to come back. One that wants this worker gone says
  // so with DRAINED, now or at the next hello.
  if (drain_by_broker_ && phase_ != Phase::kRunning) {
    LogLocked(LogLevel::kInfo, "drained as ordered: looking for a broker that takes this worker");
    phase_ = Phase::kRunning;
    drain_by_broker_ = false;
    overran_ = 0;
  }
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kUnimplemented:
      MarkAllOverLocked(absl::StrCat("the broker refused the worker: ", status.message()));
      return FinishLocked(status);
    case absl::StatusCode::kAlreadyExists:
      if (worker_id_refused_at_ == 0) worker_id_refused_at_ = std::max<int64_t>(1, Now());
      if (Now() - worker_id_refused_at_ >= absl::ToInt64Microseconds(kWorkerIdPatience)) {
        MarkAllOverLocked(absl::StrCat("the broker refused the worker: ", status.message()));
        return FinishLocked(status);
      }
      break;
    default:
      break;
  }
  ReconnectLaterLocked(status);
}

void WorkerCore::ReconnectLaterLocked(const absl::Status& status) {
  const absl::Duration wait = reconnect_backoff_.Next(RetryAfter(status));
  // Once per outage, and when its cause changes.
  const bool new_cause = std::exchange(last_closed_, status.code()) != status.code();
  const LogLevel level = status.ok() ? LogLevel::kInfo : LogLevel::kWarning;
  LogLocked(new_cause ? level : LogLevel::kDebug,
            absl::StrCat("stream to ", identity_.broker, " closed: ", status.ToString(), "; connecting again in ",
                         absl::FormatDuration(wait), ", and so on until it succeeds"));
  reconnect_at_ = Now() + absl::ToInt64Microseconds(wait);
  PumpAfter(wait);
}

}  // namespace internal
}  // namespace baton::inline sdk
