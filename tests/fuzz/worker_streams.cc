#include "tests/fuzz/worker_streams.h"

#include <iterator>
#include <memory>
#include <utility>

#include "broker/service/deliveries.h"
#include "broker/service/sessions.h"
#include "tests/fuzz/messages.h"

namespace baton::fuzz {

using engine::SessionNumber;

WorkerStreams::WorkerStreams(World* world) : world_(*world) {
  world_.broker->on_output = [this](engine::SessionOutput output) { Output(std::move(output)); };
}

void WorkerStreams::Open(Input& input) {
  v1::ClaimRequest message;
  Fill(input, world_, message.mutable_hello());
  CheckTravels(message);
  TakeHello(message.hello());
}

void WorkerStreams::Say(Input& input) {
  v1::WorkerUpdate update;
  Fill(input, world_, &update);
  if (const SessionNumber session = PickSession(input); session != 0) TakeUpdate(session, update);
}

void WorkerStreams::Close(Input& input) {
  if (const SessionNumber session = PickSession(input); session != 0) End(session);
}

void WorkerStreams::Break() {
  streams_.clear();
  world_.sessions.clear();
}

SessionNumber WorkerStreams::PickSession(Input& input) const {
  if (streams_.empty()) return 0;
  return std::next(streams_.begin(), static_cast<std::ptrdiff_t>(input.Below(streams_.size())))->first;
}

void WorkerStreams::TakeHello(const v1::Hello& hello) {
  auto command = std::make_unique<Asking<engine::HelloCommand>>();
  command->actor = hello.worker_id();
  const Error error = service::DecodeHello(world_.Decoding(), hello, command.get());
  if (!error.ok()) return CheckRefusal(error);
  command->on_answer = [this, instance_id = hello.instance_id()](engine::HelloCommand& answered) {
    Welcome(answered, instance_id);
  };
  world_.broker->Queue(std::move(command));
  world_.broker->Settle();
}

void WorkerStreams::Welcome(const engine::HelloCommand& command, const std::string& instance_id) {
  if (!command.error.ok()) return CheckRefusal(command.error);
  BATON_CHECK(command.verdicts.size() == command.held.size(), "a hello is answered without a verdict for each token");
  v1::ClaimResponse response;
  const std::string version = "fuzzed";
  const service::WelcomeFacts facts{world_.limits, world_.broker->settings(), version, world_.broker->incarnation()};
  service::EncodeWelcome(command, facts, response.mutable_welcome());
  CheckTravels(response);
  streams_[command.session].instance_id = instance_id;
  Remember(command.session, &world_.sessions);
}

void WorkerStreams::TakeUpdate(SessionNumber session, const v1::WorkerUpdate& update) {
  auto command = std::make_unique<Asking<engine::UpdateWorkerCommand>>();
  command->session = session;
  const Error error = service::DecodeWorkerUpdate(world_.Decoding(), update, &command->worker);
  if (!error.ok()) {  // Which ends the stream.
    CheckRefusal(error);
    return End(session);
  }
  command->on_answer = [](engine::UpdateWorkerCommand& answered) {
    if (!answered.error.ok()) CheckRefusal(answered.error);
  };
  world_.broker->Queue(std::move(command));
  world_.broker->Settle();
}

void WorkerStreams::End(SessionNumber session) {
  streams_.erase(session);
  auto command = std::make_unique<Asking<engine::StreamClosedCommand>>();
  command->session = session;
  world_.broker->Queue(std::move(command));
  world_.broker->Settle();
}

void WorkerStreams::Output(engine::SessionOutput output) {
  const auto stream = streams_.find(output.session);
  if (stream == streams_.end()) return;
  for (const engine::Order& order : output.orders) {
    v1::ClaimResponse response;
    BATON_CHECK(response.ParseFromString(service::EncodeOrder(world_.broker->incarnation(), order,
                                                              world_.broker->settings().drain_deadline)),
                "an order cannot be read");
    if (order.kind != engine::Order::Kind::kSuperseded) continue;
    // It is over for this worker. What it holds is void.
    auto command = std::make_unique<Asking<engine::StreamClosedCommand>>();
    command->session = output.session;
    world_.broker->Queue(std::move(command));
    streams_.erase(stream);
    return;
  }
  if (!output.deliveries.empty()) TakeDeliveries(stream->second, std::move(output.deliveries));
}

void WorkerStreams::TakeDeliveries(Stream& stream, std::vector<engine::Delivery> deliveries) {
  std::deque<engine::Delivery> pending(std::make_move_iterator(deliveries.begin()),
                                       std::make_move_iterator(deliveries.end()));
  while (!pending.empty()) {
    v1::ClaimResponse response;
    const std::string bytes =
        service::TakeDeliveries(world_.broker->incarnation(), world_.limits.message_bytes, &pending);
    BATON_CHECK(response.ParseFromString(bytes), "a delivery cannot be read");
    for (const v1::Delivery& delivery : response.deliveries().deliveries()) {
      BATON_CHECK(delivery.number() == stream.last_delivery + 1, "deliveries of a session are numbered with a gap");
      stream.last_delivery = delivery.number();
      stream.held.push_back(delivery.attempt_token());
      Remember(delivery.attempt_token(), &world_.attempt_tokens);
    }
  }
}

void WorkerStreams::Beat() {
  for (auto& [session, stream] : streams_) {
    v1::HeartbeatRequest request;
    request.set_session(session);
    request.set_instance_id(stream.instance_id);
    request.set_number(++stream.beats);
    request.set_stream_open(true);
    request.set_last_delivery(stream.last_delivery);
    for (const std::string& token : stream.held) request.add_held()->set_attempt_token(token);
    auto command = std::make_unique<Asking<engine::HeartbeatCommand>>();
    std::vector<std::string> foreign;
    const Error error = service::DecodeHeartbeat(world_.Decoding(), request, command.get(), &foreign);
    BATON_CHECK(error.ok(), error.message);
    command->on_answer = [this, session = session, tokens = stream.held](const engine::HeartbeatCommand& answered) {
      const auto told = streams_.find(session);
      if (told == streams_.end()) return;
      for (const uint32_t index : answered.over) std::erase(told->second.held, tokens.at(index));
    };
    world_.broker->Queue(std::move(command));
  }
  world_.broker->Settle();
}

}  // namespace baton::fuzz
