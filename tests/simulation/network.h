// What lies between programs, workers and the broker: calls that are late, lost, doubled and out of order, and streams
// that keep their order until they break.
#ifndef BATON_TESTS_SIMULATION_NETWORK_H_
#define BATON_TESTS_SIMULATION_NETWORK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "tests/simulation/broker.h"
#include "tests/simulation/sent.h"

namespace baton::simulation {

struct NetworkHabits {
  uint32_t loss_permille = 0;
  uint32_t double_permille = 0;
  // Of what is sent on a stream: the worker does not read it for a while.
  uint32_t slow_permille = 0;
  Micros delay = 20 * kMillisecond;  // At most; most are far shorter.
};

// One Claim stream.
struct Stream {
  SessionNumber session = 0;
  uint64_t broker_life = 0;
  bool broken = false;  // Nothing goes through any more.
  bool closed_at_broker = false;
  bool closed_at_worker = false;
  Micros last_arrival = 0;                               // At the worker.
  std::function<void(std::function<void()>)> to_worker;  // Hands something to the worker's process.
  std::function<void(engine::SessionOutput)> on_output;
  std::function<void()> on_lost;
};

class Network {
 public:
  Network(NetworkHabits habits, Timeline* timeline, Random* random, SimulatedBroker* broker, Coverage* coverage);

  // A unary call: `fill` makes the command when the call reaches the broker, `done` gets the answer, or null if there
  // is none (lost, refused, or the broker died): then nobody knows whether it was applied.
  template <typename C>
  void Call(std::function<void(C*)> fill, std::function<void(const C*)> done) {
    const auto call = NewCall([done] { done(nullptr); });
    const int copies = random_->Chance(habits_.double_permille) ? 2 : 1;
    if (copies > 1) coverage_->Count("network: a call came twice");
    for (int i = 0; i < copies; ++i) {
      if (Loses("network: a call was lost")) continue;
      timeline_->After(Delay(), [this, call, fill, done] {
        if (!broker_->up()) return FailSoon(call);
        call->life = broker_->life();
        broker_->Arrive([this, call, fill, done] { Apply<C>(call, fill, done); });
      });
    }
  }

  // Opens a stream with a hello; `done` gets its answer, before anything else comes, or null.
  void Open(const std::shared_ptr<Stream>& stream, std::function<void(engine::HelloCommand*)> fill,
            std::function<void(const engine::HelloCommand*)> done);
  // Says something on an open stream.
  void Update(const std::shared_ptr<Stream>& stream, const engine::WorkerInfo& worker);
  // `unnoticed`: the broker hears of it late, if at all before the silence.
  void Break(const std::shared_ptr<Stream>& stream, bool unnoticed);

  void StopFailing() { habits_ = {.delay = habits_.delay}; }
  Micros Delay() { return random_->Time(30, habits_.delay); }

 private:
  struct PendingCall {
    bool over = false;
    uint64_t life = 0;
    std::function<void()> fail;
  };

  std::shared_ptr<PendingCall> NewCall(std::function<void()> fail);
  void FailSoon(const std::shared_ptr<PendingCall>& call);
  static void Fail(const std::shared_ptr<PendingCall>& call);
  template <typename C>
  void Apply(const std::shared_ptr<PendingCall>& call, const std::function<void(C*)>& fill,
             const std::function<void(const C*)>& done) {
    auto command = std::make_unique<Sent<C>>();
    fill(command.get());
    command->on_answer = [this, call, done](const std::shared_ptr<C>& answered) {
      if (Loses("network: an answer was lost")) return;
      timeline_->After(Delay(), [call, done, answered] {
        if (!std::exchange(call->over, true)) done(answered.get());
      });
    };
    std::unique_ptr<engine::Command> sent = std::move(command);
    if (!broker_->Send(sent).ok()) FailSoon(call);
  }
  bool Loses(const std::string& what);
  void Deliver(engine::SessionOutput output);
  void FallBehind(const std::shared_ptr<Stream>& stream);
  void Pace(const std::shared_ptr<Stream>& stream, bool behind);
  void BrokerDied();
  void ToWorker(const std::shared_ptr<Stream>& stream, std::function<void()> action);
  void CloseAtBroker(const std::shared_ptr<Stream>& stream);
  void CloseAtWorker(const std::shared_ptr<Stream>& stream);

  NetworkHabits habits_;
  Timeline* const timeline_;
  Random* const random_;
  SimulatedBroker* const broker_;
  Coverage* const coverage_;
  std::vector<std::shared_ptr<PendingCall>> calls_;
  std::map<SessionNumber, std::shared_ptr<Stream>> streams_;  // Open at the broker.
  std::vector<std::weak_ptr<Stream>> all_streams_;
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_NETWORK_H_
