#include "broker/service/sessions.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "broker/service/attempt_token.h"
#include "broker/service/check.h"
#include "broker/service/field.h"
#include "broker/service/read/convert.h"
#include "broker/service/task_decoder.h"
#include "broker/service/wire.h"

namespace baton::service {
namespace {

// Reads a token of a hello or heartbeat. One of another store is no error: it leaves `attempt` with task 0.
Error ReadHeldToken(const Decoding& decoding, const Field& field, const std::string& token,
                    engine::AttemptId* attempt) {
  Error error = ReadAttemptToken(field, token, decoding.incarnation, attempt);
  return error.code == absl::StatusCode::kAborted ? Error{} : error;
}

Error DecodeHandler(const Decoding& decoding, const Field& field, const v1::Handler& wire,
                    engine::HandlerInfo* handler) {
  CHECK_FIELD(CheckName(Field(field, "type"), wire.type(), Presence::kRequired, kNameBytes));
  if (decoding.types != nullptr) CHECK_FIELD(decoding.types->Check(Field(field, "type"), wire.type()));
  CHECK_FIELD(CheckLength(Field(field, "description"), wire.description(), Presence::kOptional, kTextBytes));
  CHECK_FIELD(DecodeOptions(Field(field, "options"), wire.options(), &handler->options));
  CHECK_FIELD(CheckRange(Field(field, "max_concurrency"), wire.max_concurrency(), 0, kSlots));
  handler->type = wire.type();
  handler->description = wire.description();
  handler->version = wire.version();
  handler->max_concurrency = static_cast<uint32_t>(wire.max_concurrency());
  return {};
}

Error DecodeHandlers(const Decoding& decoding, const Field& field, const v1::WorkerUpdate& wire,
                     engine::WorkerInfo* worker) {
  CHECK_FIELD(
      CheckCount(Field(field, "handlers"), wire.handlers_size(), kHandlers, "spread them over several workers"));
  absl::flat_hash_set<absl::string_view> types;
  worker->handlers.resize(wire.handlers_size());
  for (int i = 0; i < wire.handlers_size(); ++i) {
    const Field handler(field, "handlers", i);
    CHECK_FIELD(DecodeHandler(decoding, handler, wire.handlers(i), &worker->handlers[i]));
    if (types.insert(wire.handlers(i).type()).second) continue;
    return InvalidArgument("DUPLICATE_HANDLER", absl::StrCat(handler.Path(), ".type is '", wire.handlers(i).type(),
                                                             "', which an earlier handler has: name each type once"));
  }
  return {};
}

Error DecodeWorker(const Decoding& decoding, const Field& field, const v1::WorkerUpdate& wire,
                   engine::WorkerInfo* worker) {
  CHECK_FIELD(DecodeCapabilities(Field(field, "capabilities"), wire.capabilities(), kWorkerCapabilities,
                                 &worker->capabilities));
  CHECK_FIELD(DecodeHandlers(decoding, field, wire, worker));
  CHECK_FIELD(CheckRange(Field(field, "slots"), wire.slots(), 0, kSlots));
  worker->slots = static_cast<uint32_t>(wire.slots());
  return DecodeRetryStrategy(Field(field, "default_options"), wire.default_options(), &worker->default_options);
}

Error CheckHelloNames(const v1::Hello& hello) {
  if (hello.protocol_version() != kProtocolVersion) {
    return FailedPrecondition("PROTOCOL_VERSION", absl::StrCat("hello.protocol_version is ", hello.protocol_version(),
                                                               ", this broker speaks ", kProtocolVersion,
                                                               ": use a client library of a matching version"));
  }
  const Field field("hello");
  CHECK_FIELD(CheckName(Field(field, "worker_id"), hello.worker_id(), Presence::kRequired, kNameBytes));
  CHECK_FIELD(CheckName(Field(field, "instance_id"), hello.instance_id(), Presence::kRequired, kInstanceIdBytes));
  CHECK_FIELD(CheckName(Field(field, "pod_id"), hello.pod_id(), Presence::kOptional, kNameBytes));
  return CheckLength(Field(field, "client"), hello.client(), Presence::kOptional, kTextBytes);
}

Error CheckTaskId(uint64_t task_id) { return CheckId(Field("task_id"), task_id, "send the id that Submit answered"); }

}  // namespace

Error DecodeHello(const Decoding& decoding, const v1::Hello& hello, engine::HelloCommand* command) {
  CHECK_FIELD(CheckHelloNames(hello));
  const Field field("hello");
  CHECK_FIELD(DecodeWorker(decoding, Field(field, "worker"), hello.worker(), &command->worker));
  CHECK_FIELD(CheckCount(Field(field, "held_attempt_tokens"), hello.held_attempt_tokens_size(), kHeldAttempts,
                         "a worker cannot hold so many"));
  command->held.resize(hello.held_attempt_tokens_size());
  for (int i = 0; i < hello.held_attempt_tokens_size(); ++i) {
    CHECK_FIELD(ReadHeldToken(decoding, Field(field, "held_attempt_tokens", i), hello.held_attempt_tokens(i),
                              &command->held[i]));
  }
  if (hello.held_types_size() != 0 && hello.held_types_size() != hello.held_attempt_tokens_size()) {
    return InvalidArgument(
        "COUNT_MISMATCH", absl::StrCat("hello.held_types has ", hello.held_types_size(), " items, held_attempt_tokens ",
                                       hello.held_attempt_tokens_size(), ": send one for each, or none"));
  }
  for (int i = 0; i < hello.held_types_size(); ++i) {
    CHECK_FIELD(CheckName(Field(field, "held_types", i), hello.held_types(i), Presence::kRequired, kNameBytes));
  }
  command->held_types.assign(hello.held_types().begin(), hello.held_types().end());
  command->worker_id = hello.worker_id();
  command->instance_id = hello.instance_id();
  command->pod_id = hello.pod_id();
  command->pod_generation = hello.pod_generation();
  command->last_delivery = hello.last_delivery();
  command->client = hello.client();
  return {};
}

Error DecodeWorkerUpdate(const Decoding& decoding, const v1::WorkerUpdate& update, engine::WorkerInfo* worker) {
  return DecodeWorker(decoding, Field("update"), update, worker);
}

Error DecodeHeartbeat(const Decoding& decoding, const v1::HeartbeatRequest& request, engine::HeartbeatCommand* command,
                      std::vector<std::string>* foreign) {
  if (request.session() == 0) {
    return InvalidArgument("FIELD_REQUIRED", "session is required and 0: send the session of the welcome");
  }
  CHECK_FIELD(CheckName(Field("instance_id"), request.instance_id(), Presence::kRequired, kInstanceIdBytes));
  if (request.number() == 0) {
    return InvalidArgument("FIELD_REQUIRED", "number is required and 0: count the beats of the session from 1");
  }
  CHECK_FIELD(CheckCount(Field("held"), request.held_size(), kHeldAttempts, "a worker cannot hold so many"));
  command->held.reserve(request.held_size());
  for (int i = 0; i < request.held_size(); ++i) {
    const v1::HeldAttempt& wire = request.held(i);
    engine::HeldAttempt held;
    const Field field("held", i);
    CHECK_FIELD(ReadHeldToken(decoding, Field(field, "attempt_token"), wire.attempt_token(), &held.attempt));
    if (held.attempt.task == 0) {
      foreign->push_back(wire.attempt_token());
      continue;
    }
    if (wire.has_running_us()) held.running = std::max<Micros>(wire.running_us(), 0);
    command->held.push_back(held);
  }
  command->session = request.session();
  command->instance_id = request.instance_id();
  command->number = request.number();
  command->stream_open = request.stream_open();
  command->last_delivery = request.last_delivery();
  // Nothing can be over or cancelled.
  command->patient = request.held().empty();
  return {};
}

void EncodeHeartbeat(const engine::HeartbeatCommand& command, uint64_t incarnation,
                     const std::vector<std::string>& foreign, v1::HeartbeatResponse* response) {
  for (const uint32_t i : command.over) response->add_over(AttemptTokenOf(incarnation, command.held[i].attempt));
  for (const uint32_t i : command.cancelled) {
    response->add_cancelled(AttemptTokenOf(incarnation, command.held[i].attempt));
  }
  for (const std::string& token : foreign) response->add_over(token);
  response->set_reconnect(command.reconnect);
}

void EncodeLimits(const WireLimits& limits, v1::Limits* wire) {
  wire->set_payload_bytes(static_cast<int64_t>(limits.payload_bytes));
  wire->set_message_bytes(static_cast<int64_t>(limits.message_bytes));
  wire->set_error_bytes(static_cast<int64_t>(limits.error_bytes));
  wire->set_metadata_bytes(static_cast<int64_t>(limits.metadata_bytes));
  wire->set_inline_children(static_cast<int64_t>(limits.inline_children));
  wire->set_page_size(static_cast<int64_t>(limits.page_size));
}

void EncodeWelcome(const engine::HelloCommand& command, const WelcomeFacts& facts, v1::Welcome* welcome) {
  welcome->set_session(command.session);
  welcome->set_incarnation(facts.incarnation);
  for (const engine::Verdict verdict : command.verdicts) {
    welcome->add_verdicts(static_cast<v1::AttemptVerdict>(verdict));
  }
  welcome->set_beat_interval_us(facts.engine.beat_interval);
  welcome->set_beat_window_us(facts.engine.beat_window);
  welcome->set_drain_deadline_us(facts.engine.drain_deadline);
  EncodeLimits(facts.limits, welcome->mutable_limits());
  welcome->set_broker_version(facts.broker_version);
}

Error DecodeCancel(const v1::CancelRequest& request, engine::CancelCommand* command) {
  CHECK_FIELD(CheckTaskId(request.task_id()));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  command->task = request.task_id();
  command->reason = request.reason();
  return {};
}

Error DecodeResume(const Decoding& decoding, const v1::ResumeRequest& request, engine::ResumeCommand* command) {
  CHECK_FIELD(CheckTaskId(request.task_id()));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  if (request.has_stage()) {
    CHECK_FIELD(CheckRange(Field("stage"), request.stage(), 0, std::numeric_limits<int32_t>::max()));
    command->stage = static_cast<uint32_t>(request.stage());
  }
  command->task = request.task_id();
  // Step, fields 4 and 7.
  WireWriter writer(&command->step);
  if (request.has_decision()) {
    CHECK_FIELD(CheckPayload(decoding, Field("decision"), request.decision()));
    writer.Message(4, request.decision());
    command->has_decision = true;
  }
  writer.Bytes(7, request.reason());
  return {};
}

namespace {

template <typename Request>
Error DecodeMark(const Request& request, bool pause, engine::PauseCommand* command) {
  CHECK_FIELD(CheckTaskId(request.task_id()));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  command->task = request.task_id();
  command->pause = pause;
  command->cascade = request.cascade();
  command->reason = request.reason();
  return {};
}

}  // namespace

Error DecodeRetry(const v1::RetryTaskRequest& request, engine::RetryCommand* command) {
  CHECK_FIELD(CheckTaskId(request.task_id()));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  command->task = request.task_id();
  command->reason = request.reason();
  command->from_start = request.from_start();
  return {};
}

Error DecodePause(const v1::PauseTaskRequest& request, engine::PauseCommand* command) {
  return DecodeMark(request, true, command);
}

Error DecodeUnpause(const v1::UnpauseTaskRequest& request, engine::PauseCommand* command) {
  return DecodeMark(request, false, command);
}

Error DecodePauseType(const v1::PauseTypeRequest& request, engine::PauseTypeCommand* command) {
  CHECK_FIELD(CheckName(Field("type"), request.type(), Presence::kRequired, kNameBytes));
  CHECK_FIELD(CheckLength(Field("reason"), request.reason(), Presence::kOptional, kTextBytes));
  command->type = request.type();
  command->reason = request.reason();
  return {};
}

Error DecodeUnpauseType(const v1::UnpauseTypeRequest& request, engine::PauseTypeCommand* command) {
  CHECK_FIELD(CheckName(Field("type"), request.type(), Presence::kRequired, kNameBytes));
  command->type = request.type();
  command->pause = false;
  return {};
}

v1::WorkerState StateOf(const engine::WorkerView& view) {
  if (!view.connected) return v1::WORKER_STATE_DISCONNECTED;
  return view.draining ? v1::WORKER_STATE_DRAINING : v1::WORKER_STATE_CONNECTED;
}

void EncodeWorker(const engine::WorkerView& view, v1::Worker* wire) {
  wire->set_worker_id(view.worker_id);
  wire->set_instance_id(view.instance_id);
  wire->set_pod_id(view.pod_id);
  wire->set_session(view.session);
  wire->set_state(StateOf(view));
  for (const std::string& name : view.worker.capabilities) wire->add_capabilities(name);
  for (const engine::HandlerInfo& info : view.worker.handlers) {
    v1::Handler* handler = wire->add_handlers();
    handler->set_type(info.type);
    *handler->mutable_options() = WireOptions(info.options);
    handler->set_description(info.description);
    handler->set_version(info.version);
    handler->set_max_concurrency(static_cast<int32_t>(info.max_concurrency));
  }
  wire->set_slots(static_cast<int32_t>(view.worker.slots));
  wire->set_slots_taken(static_cast<int32_t>(view.slots_taken));
  wire->set_attempts(static_cast<int32_t>(view.attempts));
  *wire->mutable_connected_at() = WireTime(view.connected_at);
  *wire->mutable_last_seen() = WireDuration(view.last_seen_age);
  wire->set_client(view.client);
  for (const engine::TaskId id : view.tasks) wire->add_task_ids(id);
}

}  // namespace baton::service
