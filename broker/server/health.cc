#include "broker/server/health.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/server/message_buffer.h"

namespace baton::server {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

void Health::Check(UnaryCall* call) const {
  HealthCheckRequest request;
  const Error error = ParseMessage(&call->request(), &request);
  if (!error.ok()) return call->Fail(error);
  HealthCheckResponse response;
  response.set_status(StatusOf(request.service()));
  if (response.status() != HealthCheckResponse::SERVICE_UNKNOWN) return call->Reply(ToBuffer(response));
  call->Fail(NotFound("SERVICE_UNKNOWN", absl::StrCat("no service is called '", request.service(),
                                                      "': leave the name empty to ask for the whole broker")));
}

Health::Status Health::StatusOf(const std::string& service) const {
  const bool known = service.empty() || std::find(services_.begin(), services_.end(), service) != services_.end();
  if (!known) return HealthCheckResponse::SERVICE_UNKNOWN;
  return serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

void Health::StopServing() {
  serving_ = false;
  for (HealthWatch* watch : watches_) watch->Tell();
}

HealthWatch::HealthWatch(StreamSet* set, Health* health, RawService* service, int method,
                         grpc::ServerCompletionQueue* queue)
    : Stream(set), health_(health), service_(service), method_(method), queue_(queue), writer_(&context_) {}

void HealthWatch::Listen() {
  context_.AsyncNotifyWhenDone(static_cast<Completion*>(&on_done_));
  service_->RequestServerStream(method_, &context_, &incoming_, &writer_, queue_, &on_arrived_);
}

void HealthWatch::Arrived(bool ok) {
  if (!ok) return Delete();
  arrived_ = true;
  set()->Add<HealthWatch>(health_, service_, method_, queue_)->Listen();
  HealthCheckRequest request;
  const Error error = ParseMessage(&incoming_, &request);
  if (!error.ok()) return End(error);
  watched_ = request.service();
  health_->Add(this);
  Tell();
}

void HealthWatch::Tell() { Pump(); }

void HealthWatch::End(const Error& error) {
  if (!arrived_ || ending_.has_value()) return;
  ending_ = error;
  Pump();
}

void HealthWatch::Pump() {
  if (writing_ || finishing_) return;
  const Health::Status status = health_->StatusOf(watched_);
  if (told_ != status && !done_) {
    told_ = status;
    writing_ = true;
    HealthCheckResponse response;
    response.set_status(status);
    writer_.Write(ToBuffer(response), static_cast<Completion*>(&on_written_));
  } else if (ending_.has_value()) {
    finishing_ = true;
    writer_.Finish(ToStatus(*ending_), static_cast<Completion*>(&on_finished_));
  }
}

void HealthWatch::HasWritten(bool) {
  writing_ = false;
  Pump();
}

void HealthWatch::Done(bool) {
  done_ = true;
  End(Error{});
  if (finished_) Delete();
}

void HealthWatch::HasFinished(bool) {
  finished_ = true;
  if (done_) Delete();
}

}  // namespace baton::server
