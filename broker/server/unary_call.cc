#include "broker/server/unary_call.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "broker/server/message_buffer.h"
#include "broker/server/unread_answers.h"

namespace baton::server {
namespace {

// Calls kept for reuse when they are over, of each method.
constexpr size_t kIdleCalls = 256;

}  // namespace

void UnaryCall::Listen() {
  replied_ = finished_ = done_ = false;
  context_.emplace();
  responder_.emplace(&*context_);
  if (method_->options_.cancellable) context_->AsyncNotifyWhenDone(static_cast<Completion*>(&on_done_));
  method_->service_->RequestUnary(method_->method_, &*context_, &request_, &*responder_, method_->queue_, &on_arrived_);
}

void UnaryCall::Arrived(bool ok) {
  if (!ok) return method_->Release(this);  // The server shuts down; no other completion follows.
  method_->ListenOnce();
  method_->handler_(this);
}

void UnaryCall::Reply(const grpc::ByteBuffer& response) {
  replied_ = true;
  if (!remark_.empty()) spdlog::info("{}", remark_);
  responder_->Finish(response, grpc::Status::OK, static_cast<Completion*>(&on_finished_));
  if (method_->options_.unread != nullptr) method_->options_.unread->Add(this, response.Length());
}

void UnaryCall::Fail(const Error& error) {
  replied_ = true;
  CountItem(error);
  responder_->FinishWithError(ToStatus(error), static_cast<Completion*>(&on_finished_));
}

void UnaryCall::CountItem(const Error& error) {
  if (method_->options_.refusals != nullptr) method_->options_.refusals->Count(error);
}

void UnaryCall::Finished(bool) {
  if (method_->options_.unread != nullptr) method_->options_.unread->Remove(this);
  finished_ = true;
  EndIfOver();
}

void UnaryCall::Done(bool) {
  done_ = true;
  if (!replied_ && cancel_) cancel_();
  EndIfOver();
}

void UnaryCall::EndIfOver() {
  if (finished_ && (done_ || !method_->options_.cancellable)) method_->Release(this);
}

UnaryMethod::UnaryMethod(RawService* service, int method, grpc::ServerCompletionQueue* queue, Options options,
                         Handler handler)
    : service_(service), method_(method), queue_(queue), options_(options), handler_(std::move(handler)) {}

void UnaryMethod::Start() {
  for (int i = 0; i < options_.listening; ++i) ListenOnce();
}

void UnaryMethod::ListenOnce() {
  if (idle_.empty()) {
    auto call = std::make_unique<UnaryCall>(this);
    idle_.push_back(call.get());
    calls_.emplace(idle_.back(), std::move(call));
  }
  UnaryCall* call = idle_.back();
  idle_.pop_back();
  call->Listen();
}

void UnaryMethod::Release(UnaryCall* call) {
  call->responder_.reset();
  call->context_.reset();
  call->request_.Clear();
  call->cancel_ = nullptr;
  call->remark_.clear();
  if (idle_.size() < kIdleCalls) {
    idle_.push_back(call);
  } else {
    calls_.erase(call);
  }
}

}  // namespace baton::server
