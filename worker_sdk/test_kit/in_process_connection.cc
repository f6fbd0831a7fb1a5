// Streams of workers, and what all calls share. The calls themselves are in in_process_calls.cc.
#include "worker_sdk/test_kit/in_process_connection.h"

#include <deque>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "broker/service/deliveries.h"
#include "broker/service/sessions.h"
#include "worker_sdk/src/make_status.h"

namespace baton::inline sdk {
namespace testing {
namespace {

absl::Status Unreachable() { return absl::UnavailableError("the test has cut this worker off from the broker"); }

absl::Status Leaves(bool dismissed) {
  if (!dismissed) return absl::OkStatus();
  return internal::MakeStatus(static_cast<int>(absl::StatusCode::kFailedPrecondition), "this worker was told to leave",
                              "DRAINED", absl::ZeroDuration());
}

v1::ClaimResponse Decoded(const std::string& message) {
  v1::ClaimResponse response;
  BATON_CHECK(response.ParseFromString(message), "the broker cannot read what it says itself");
  return response;
}

}  // namespace

absl::Status StatusOf(const Error& error) {
  if (error.ok()) return absl::OkStatus();
  return internal::MakeStatus(static_cast<int>(error.code), error.message, error.reason,
                              absl::Microseconds(error.retry_after));
}

void InProcessConnection::Post(std::function<void()> work) {
  core_->driver().Post([self = shared_from_this(), work = std::move(work)] { work(); });
}

void InProcessConnection::Close() {
  if (closed_.exchange(true)) return;
  core_->driver().Run([self = shared_from_this()] {
    self->EndStream(self->stream_, absl::CancelledError("the connection was closed"));
    for (const auto& [key, call] : std::exchange(self->calls_, {})) {
      call->Fail(absl::CancelledError("the connection was closed"));
    }
  });
}

void InProcessConnection::CutOff(bool cut_off) {
  cut_off_ = cut_off;
  if (!cut_off) return;
  EndStream(stream_, Unreachable());
  for (const auto& [key, call] : std::exchange(calls_, {})) call->Fail(Unreachable());
}

void InProcessConnection::End() {
  const absl::Status gone = absl::UnavailableError("the broker of the test is gone");
  EndStream(stream_, gone);
  for (const auto& [key, call] : std::exchange(calls_, {})) call->Fail(gone);
}

// ── The Claim stream ─────────────────────────────────────────────────────────────────────────────────────────────

void InProcessConnection::OpenClaim(uint64_t stream, const v1::Hello& hello,
                                    std::weak_ptr<internal::ClaimObserver> observer) {
  Post([this, stream, hello, observer = std::move(observer)] {
    observer_ = observer;
    if (!cut_off_ && !closed_) return SayHello(stream, hello);
    if (const auto worker = observer_.lock()) worker->OnClaimClosed(stream, Unreachable());
  });
}

void InProcessConnection::SayHello(uint64_t stream, const v1::Hello& hello) {
  stream_ = stream;
  dismissed_ = false;
  worker_id_ = hello.worker_id();
  core_->AddWorker(worker_id_, shared_from_this());
  auto command = std::make_unique<Answering<engine::HelloCommand>>();
  command->actor = worker_id_;
  command->on_answer = [self = shared_from_this(), stream](engine::HelloCommand& answered) {
    self->Welcome(stream, answered);
  };
  Error error = service::DecodeHello(core_->Decoding(), hello, command.get());
  error = Send(error, std::move(command));
  if (!error.ok()) EndStream(stream, StatusOf(error));
}

void InProcessConnection::Welcome(uint64_t stream, engine::HelloCommand& hello) {
  if (!hello.error.ok()) return EndStream(stream, StatusOf(hello.error));
  session_ = hello.session;
  if (stream_ != stream) return CloseSession();
  core_->AddSession(session_, worker_id_, this);
  v1::ClaimResponse message;
  const service::WelcomeFacts facts{core_->limits(), core_->settings(), "test kit", core_->partition().incarnation()};
  service::EncodeWelcome(hello, facts, message.mutable_welcome());
  Say(std::move(message));
}

void InProcessConnection::UpdateClaim(uint64_t stream, const v1::WorkerUpdate& update) {
  Post([this, stream, update] { Update(stream, update); });
}

void InProcessConnection::Update(uint64_t stream, const v1::WorkerUpdate& update) {
  if (stream_ != stream) return;
  auto command = std::make_unique<Answering<engine::UpdateWorkerCommand>>();
  command->actor = worker_id_;
  command->session = session_;
  command->on_answer = [self = shared_from_this(), stream,
                        number = update.number()](engine::UpdateWorkerCommand& answered) {
    if (!answered.error.ok()) return self->EndStream(stream, StatusOf(answered.error));
    v1::ClaimResponse message;
    message.mutable_update_taken()->set_number(number);
    if (self->stream_ == stream) self->Say(std::move(message));
  };
  Error error = service::DecodeWorkerUpdate(core_->Decoding(), update, &command->worker);
  error = Send(error, std::move(command));
  if (!error.ok()) EndStream(stream, StatusOf(error));
}

void InProcessConnection::HalfCloseClaim(uint64_t stream) {
  Post([this, stream] { EndStream(stream, Leaves(dismissed_)); });
}

void InProcessConnection::CancelClaim(uint64_t stream) {
  Post([this, stream] { EndStream(stream, absl::CancelledError("cancelled by the worker")); });
}

void InProcessConnection::Take(engine::SessionOutput output) {
  const uint64_t incarnation = core_->partition().incarnation();
  // Deliveries first, as the broker does: nobody is told to stop what has not arrived.
  std::deque<engine::Delivery> deliveries(std::make_move_iterator(output.deliveries.begin()),
                                          std::make_move_iterator(output.deliveries.end()));
  while (!deliveries.empty()) {
    Say(Decoded(service::TakeDeliveries(incarnation, core_->limits().message_bytes, &deliveries)));
  }
  for (const engine::Order& order : output.orders) {
    using Kind = engine::Order::Kind;
    dismissed_ = dismissed_ || order.kind == Kind::kDismiss;
    Say(Decoded(service::EncodeOrder(incarnation, order, core_->settings().drain_deadline)));
    if (order.kind != Kind::kSuperseded) continue;
    return EndStream(stream_, internal::MakeStatus(static_cast<int>(absl::StatusCode::kFailedPrecondition),
                                                   absl::StrCat("superseded by instance ", order.text), "SUPERSEDED",
                                                   absl::ZeroDuration()));
  }
}

void InProcessConnection::Say(v1::ClaimResponse message) {
  if (const auto worker = observer_.lock()) worker->OnClaimMessage(stream_, message);
}

void InProcessConnection::CloseSession() {
  if (session_ == 0) return;
  core_->RemoveSession(session_);
  auto command = std::make_unique<Answering<engine::StreamClosedCommand>>();
  command->actor = worker_id_;
  command->session = std::exchange(session_, 0);
  command->on_answer = [](engine::StreamClosedCommand&) {};
  const Error error = Send({}, std::move(command));
  BATON_CHECK(error.ok(), error.message);
}

void InProcessConnection::EndStream(uint64_t stream, const absl::Status& status) {
  if (stream == 0 || stream_ != stream) return;
  stream_ = 0;
  CloseSession();
  if (const auto worker = observer_.lock()) worker->OnClaimClosed(stream, status);
}

}  // namespace testing
}  // namespace baton::inline sdk
