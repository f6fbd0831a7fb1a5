// Claim and Heartbeat, from messages to commands and back; and the verbs on one task.
#ifndef BATON_BROKER_SERVICE_SESSIONS_H_
#define BATON_BROKER_SERVICE_SESSIONS_H_

#include <string>
#include <vector>

#include "baton/v1/admin.pb.h"
#include "baton/v1/broker.pb.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/engine/inspection_commands.h"
#include "broker/engine/limits.h"
#include "broker/service/decoding.h"

namespace baton::service {

// The Error ends the stream.
Error DecodeHello(const Decoding& decoding, const v1::Hello& hello, engine::HelloCommand* command);
Error DecodeWorkerUpdate(const Decoding& decoding, const v1::WorkerUpdate& update, engine::WorkerInfo* worker);

// Tokens of another store are not for the engine: they are returned in `foreign` and are over.
Error DecodeHeartbeat(const Decoding& decoding, const v1::HeartbeatRequest& request, engine::HeartbeatCommand* command,
                      std::vector<std::string>* foreign);
void EncodeHeartbeat(const engine::HeartbeatCommand& command, uint64_t incarnation,
                     const std::vector<std::string>& foreign, v1::HeartbeatResponse* response);

struct WelcomeFacts {
  const WireLimits& limits;
  const engine::EngineSettings& engine;
  const std::string& broker_version;
  uint64_t incarnation;
};
void EncodeWelcome(const engine::HelloCommand& command, const WelcomeFacts& facts, v1::Welcome* welcome);
void EncodeLimits(const WireLimits& limits, v1::Limits* wire);

Error DecodeCancel(const v1::CancelRequest& request, engine::CancelCommand* command);
Error DecodeResume(const Decoding& decoding, const v1::ResumeRequest& request, engine::ResumeCommand* command);

Error DecodeRetry(const v1::RetryTaskRequest& request, engine::RetryCommand* command);

Error DecodePause(const v1::PauseTaskRequest& request, engine::PauseCommand* command);
Error DecodeUnpause(const v1::UnpauseTaskRequest& request, engine::PauseCommand* command);

Error DecodePauseType(const v1::PauseTypeRequest& request, engine::PauseTypeCommand* command);
Error DecodeUnpauseType(const v1::UnpauseTypeRequest& request, engine::PauseTypeCommand* command);

v1::WorkerState StateOf(const engine::WorkerView& view);
void EncodeWorker(const engine::WorkerView& view, v1::Worker* wire);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_SESSIONS_H_
