#include "tests/simulation/network.h"

#include <algorithm>

namespace baton::simulation {
namespace {

constexpr Micros kCallTimeout = 10 * kSecond;

}  // namespace

Network::Network(NetworkHabits habits, Timeline* timeline, Random* random, SimulatedBroker* broker, Coverage* coverage)
    : habits_(habits), timeline_(timeline), random_(random), broker_(broker), coverage_(coverage) {
  broker_->on_output = [this](engine::SessionOutput output) { Deliver(std::move(output)); };
  broker_->on_death = [this] { BrokerDied(); };
}

bool Network::Loses(const std::string& what) {
  if (!random_->Chance(habits_.loss_permille)) return false;
  coverage_->Count(what);
  return true;
}

// ── Calls ────────────────────────────────────────────────────────────────────────────────────────────────────────

std::shared_ptr<Network::PendingCall> Network::NewCall(std::function<void()> fail) {
  auto call = std::make_shared<PendingCall>();
  call->fail = std::move(fail);
  std::erase_if(calls_, [](const auto& known) { return known->over; });
  calls_.push_back(call);
  timeline_->After(kCallTimeout, [call] { Fail(call); });
  return call;
}

void Network::Fail(const std::shared_ptr<PendingCall>& call) {
  if (!std::exchange(call->over, true)) call->fail();
}

void Network::FailSoon(const std::shared_ptr<PendingCall>& call) {
  timeline_->After(Delay(), [call] { Fail(call); });
}

void Network::BrokerDied() {
  for (const auto& call : calls_) {
    if (!call->over && call->life != 0) FailSoon(call);
  }
  streams_.clear();
  for (const std::weak_ptr<Stream>& known : std::exchange(all_streams_, {})) {
    const std::shared_ptr<Stream> stream = known.lock();
    if (stream == nullptr || stream->closed_at_worker) continue;
    stream->broken = stream->closed_at_broker = true;
    timeline_->After(Delay(), [this, stream] { CloseAtWorker(stream); });
  }
}

// ── Streams ──────────────────────────────────────────────────────────────────────────────────────────────────────

void Network::Open(const std::shared_ptr<Stream>& stream, std::function<void(engine::HelloCommand*)> fill,
                   std::function<void(const engine::HelloCommand*)> done) {
  all_streams_.push_back(stream);
  if (Loses("network: a hello was lost") || !broker_->up()) {
    timeline_->After(Delay(), [done] { done(nullptr); });
    stream->closed_at_worker = true;
    return;
  }
  stream->broker_life = broker_->life();
  timeline_->After(Delay(), [this, stream, fill = std::move(fill), done = std::move(done)] {
    const auto fail = [this, stream, done] {
      if (!std::exchange(stream->closed_at_worker, true)) timeline_->After(Delay(), [done] { done(nullptr); });
    };
    if (!broker_->up() || broker_->life() != stream->broker_life) return fail();
    broker_->Arrive([this, stream, fill, done, fail] {
      auto hello = std::make_unique<Sent<engine::HelloCommand>>();
      fill(hello.get());
      hello->on_answer = [this, stream, done](const std::shared_ptr<engine::HelloCommand>& answered) {
        if (!answered->error.ok()) {
          timeline_->After(Delay(), [stream, done, answered] {
            if (!std::exchange(stream->closed_at_worker, true)) done(answered.get());
          });
          return;
        }
        stream->session = answered->session;
        streams_[stream->session] = stream;
        if (stream->broken) return CloseAtBroker(stream);
        ToWorker(stream, [done, answered] { done(answered.get()); });
      };
      std::unique_ptr<engine::Command> sent = std::move(hello);
      if (!broker_->Send(sent).ok()) fail();
    });
  });
}

void Network::ToWorker(const std::shared_ptr<Stream>& stream, std::function<void()> action) {
  if (stream->broken) return;
  stream->last_arrival = std::max(timeline_->now() + Delay(), stream->last_arrival + 1);
  timeline_->After(stream->last_arrival - timeline_->now(), [stream, action = std::move(action)] {
    if (!stream->closed_at_worker) stream->to_worker(action);
  });
}

void Network::Deliver(engine::SessionOutput output) {
  const auto known = streams_.find(output.session);
  if (known == streams_.end()) return;  // It has closed, and the engine is being told.
  const std::shared_ptr<Stream> stream = known->second;
  const auto shared = std::make_shared<engine::SessionOutput>(std::move(output));
  ToWorker(stream, [stream, shared] { stream->on_output(std::move(*shared)); });
  if (habits_.slow_permille > 0 && random_->Chance(habits_.slow_permille)) FallBehind(stream);
}

void Network::FallBehind(const std::shared_ptr<Stream>& stream) {
  coverage_->Count("network: a stream was read slowly");
  Pace(stream, true);
  timeline_->After(random_->Time(kMillisecond, 5 * kSecond), [this, stream] { Pace(stream, false); });
}

void Network::Pace(const std::shared_ptr<Stream>& stream, bool behind) {
  if (stream->closed_at_broker || !broker_->up() || broker_->life() != stream->broker_life) return;
  broker_->Arrive([this, stream, behind] {
    if (stream->closed_at_broker) return;
    auto pace = std::make_unique<Sent<engine::PaceCommand>>();
    pace->session = stream->session;
    pace->behind = behind;
    pace->on_answer = [](const std::shared_ptr<engine::PaceCommand>&) {};
    broker_->SendSurely(std::move(pace));
  });
}

void Network::Update(const std::shared_ptr<Stream>& stream, const engine::WorkerInfo& worker) {
  const Micros delay = Delay();
  timeline_->After(delay, [this, stream, worker] {
    if (stream->broken || stream->closed_at_broker || !broker_->up()) return;
    broker_->Arrive([this, stream, worker] {
      auto update = std::make_unique<Sent<engine::UpdateWorkerCommand>>();
      update->session = stream->session;
      update->worker = worker;
      update->on_answer = [](const std::shared_ptr<engine::UpdateWorkerCommand>&) {};
      broker_->SendSurely(std::move(update));
    });
  });
}

void Network::Break(const std::shared_ptr<Stream>& stream, bool unnoticed) {
  if (std::exchange(stream->broken, true)) return;
  coverage_->Count("network: a stream broke");
  timeline_->After(unnoticed ? kHour : Delay(), [this, stream] {
    if (stream->session != 0 && broker_->up() && broker_->life() == stream->broker_life) {
      broker_->Arrive([this, stream] { CloseAtBroker(stream); });
    }
  });
  timeline_->After(random_->Time(kMillisecond, 2 * kSecond), [this, stream] { CloseAtWorker(stream); });
}

void Network::CloseAtBroker(const std::shared_ptr<Stream>& stream) {
  if (std::exchange(stream->closed_at_broker, true)) return;
  streams_.erase(stream->session);
  auto closed = std::make_unique<Sent<engine::StreamClosedCommand>>();
  closed->session = stream->session;
  closed->on_answer = [](const std::shared_ptr<engine::StreamClosedCommand>&) {};
  broker_->SendSurely(std::move(closed));
}

void Network::CloseAtWorker(const std::shared_ptr<Stream>& stream) {
  if (std::exchange(stream->closed_at_worker, true)) return;
  stream->to_worker(stream->on_lost);
}

}  // namespace baton::simulation
