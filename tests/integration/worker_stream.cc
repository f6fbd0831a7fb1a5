#include "tests/integration/worker_stream.h"

#include <grpc/support/time.h>

#include <utility>

namespace baton {
namespace {

v1::ClaimRequest Wrapped(const v1::Hello& hello) {
  v1::ClaimRequest request;
  *request.mutable_hello() = hello;
  return request;
}

}  // namespace

WorkerStream::WorkerStream(v1::TaskBroker::Stub* stub, const v1::Hello& hello) : WorkerStream(stub, Wrapped(hello)) {}

WorkerStream::WorkerStream(v1::TaskBroker::Stub* stub, const v1::ClaimRequest& first) {
  context_.set_deadline(gpr_time_from_seconds(30, GPR_TIMESPAN));
  stream_ = stub->Claim(&context_);
  stream_->Write(first);
}

WorkerStream::~WorkerStream() {
  if (!finished_.has_value()) Break();
}

bool WorkerStream::ReadOne() {
  v1::ClaimResponse response;
  if (finished_.has_value() || !stream_->Read(&response)) return false;
  if (response.has_welcome()) welcome_ = response.welcome();
  if (response.has_order()) orders_.push_back(response.order());
  for (v1::Delivery& delivery : *response.mutable_deliveries()->mutable_deliveries()) {
    deliveries_.push_back(std::move(delivery));
  }
  return true;
}

bool WorkerStream::ReadWelcome() { return ReadOne() && welcome_.session() != 0; }

std::optional<v1::Delivery> WorkerStream::NextDelivery() {
  while (deliveries_.empty()) {
    if (!ReadOne()) return std::nullopt;
  }
  std::optional<v1::Delivery> next = std::move(deliveries_.front());
  deliveries_.pop_front();
  return next;
}

std::optional<v1::Order> WorkerStream::NextOrder() {
  while (orders_.empty()) {
    if (!ReadOne()) return std::nullopt;
  }
  std::optional<v1::Order> next = std::move(orders_.front());
  orders_.pop_front();
  return next;
}

std::vector<v1::Delivery> WorkerStream::Deliveries(size_t count) {
  std::vector<v1::Delivery> deliveries;
  while (deliveries.size() < count) {
    std::optional<v1::Delivery> next = NextDelivery();
    if (!next.has_value()) break;
    deliveries.push_back(*std::move(next));
  }
  return deliveries;
}

bool WorkerStream::Update(const v1::WorkerUpdate& update) {
  v1::ClaimRequest request;
  *request.mutable_update() = update;
  return stream_->Write(request);
}

void WorkerStream::Break() {
  context_.TryCancel();
  finished_ = stream_->Finish();
}

grpc::Status WorkerStream::Finish() {
  if (finished_.has_value()) return *finished_;
  stream_->WritesDone();
  while (ReadOne()) {
  }
  finished_ = stream_->Finish();
  return *finished_;
}

}  // namespace baton
