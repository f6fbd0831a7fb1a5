#include "broker/service/routing.h"

#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/limits.h"

namespace baton::service {

Error DecodeSetTypeLimit(const v1::SetTypeLimitRequest& request, engine::SetTypeLimitCommand* command) {
  CHECK_FIELD(CheckName(Field("type"), request.type(), Presence::kRequired, kNameBytes));
  CHECK_FIELD(CheckRange(Field("max_running"), request.max_running(), 0, kMaxTypeLimit));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  command->type = request.type();
  command->max_running = static_cast<uint32_t>(request.max_running());
  command->reason = request.reason();
  return {};
}

void EncodeSetTypeLimit(const engine::SetTypeLimitCommand& command, v1::SetTypeLimitResponse* response) {
  response->set_running(static_cast<int32_t>(command.running));
}

Error DecodeDrainWorker(const v1::DrainWorkerRequest& request, engine::DrainWorkerCommand* command) {
  CHECK_FIELD(CheckName(Field("worker_id"), request.worker_id(), Presence::kRequired, kNameBytes));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  command->worker_id = request.worker_id();
  command->reason = request.reason();
  return {};
}

void EncodeDrainWorker(const engine::DrainWorkerCommand& command, v1::DrainWorkerResponse* response) {
  response->set_attempts(static_cast<int32_t>(command.attempts));
}

}  // namespace baton::service
