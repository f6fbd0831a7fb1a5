// Limits of types, and workers that are to leave: from messages to commands and back.
#ifndef BATON_BROKER_SERVICE_ROUTING_H_
#define BATON_BROKER_SERVICE_ROUTING_H_

#include "baton/v1/admin.pb.h"
#include "broker/base/error.h"
#include "broker/engine/routing_commands.h"

namespace baton::service {

Error DecodeSetTypeLimit(const v1::SetTypeLimitRequest& request, engine::SetTypeLimitCommand* command);
void EncodeSetTypeLimit(const engine::SetTypeLimitCommand& command, v1::SetTypeLimitResponse* response);

Error DecodeDrainWorker(const v1::DrainWorkerRequest& request, engine::DrainWorkerCommand* command);
void EncodeDrainWorker(const engine::DrainWorkerCommand& command, v1::DrainWorkerResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_ROUTING_H_
