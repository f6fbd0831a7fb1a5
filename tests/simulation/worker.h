// A worker process on the timeline, with the manners of the SDK: it beats, runs handlers, sends outcomes until they are
// answered, comes back when its stream breaks. It can be killed, frozen and started again.
#ifndef BATON_TESTS_SIMULATION_WORKER_H_
#define BATON_TESTS_SIMULATION_WORKER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/network.h"
#include "tests/unit/engine/commands.h"

namespace baton::simulation {

struct WorkerHabits {
  std::string worker_id;
  std::string pod_id;
  std::vector<std::string> types;
  Capabilities capabilities;
  uint32_t slots = 2;
  Options handler_options;
  uint32_t max_concurrency = 0;  // Of each handler; 0: only the slots.
  bool tells_types = true;       // Of what it holds, in its hello.
  Options default_options;
  // Of a thousand handlers: hang until they are told that their attempt is over, and do not even listen then.
  uint32_t hang_permille = 20;
  uint32_t ignore_permille = 10;
  // Get lost, as a defect of the worker would lose them.
  uint32_t forget_permille = 10;
  // How handlers end when they end: weights.
  uint32_t succeed = 50, fail = 12, fail_finally = 4, spawn = 20, suspend = 8, release = 5, bad = 2;
  // Of a thousand handlers: wait for long before they begin, as if the worker took more than it can run.
  uint32_t wait_permille = 20;
  // Reports before the end, of a thousand handlers.
  uint32_t report_permille = 100;
  Micros handler_time = 2 * kSecond;  // At most, as a rule.
};

class SimulatedWorker {
 public:
  SimulatedWorker(WorkerHabits habits, Timeline* timeline, Random* random, Network* network, SimulatedBroker* broker,
                  Coverage* coverage);

  void Start();
  void Kill(bool unnoticed);
  void Freeze(Micros time);
  void BreakStream();
  // Changes what it declares, while running.
  void Change(const std::function<void(WorkerHabits&)>& change);
  // From now on handlers succeed, and end.
  void Behave();

  bool alive() const { return alive_; }
  bool idle() const { return handlers_.empty() && unanswered_.empty(); }
  // Any attempt that it holds; null if none.
  const AttemptId* AnyAttempt() const {
    return handlers_.empty() ? nullptr : &handlers_.begin()->second.delivery.attempt;
  }

 private:
  using Key = std::pair<TaskId, uint32_t>;
  struct Handler {
    engine::Delivery delivery;
    Micros since = 0;
    bool started = false;
    bool hangs = false, ignores = false;
    bool reporting = false;
    uint32_t parts = 0;
  };
  struct Unanswered {
    engine::Outcome outcome;
    bool sent = false;
  };

  // An event of this life, held up while the process is frozen.
  void Later(Micros delay, std::function<void()> action);
  void Connect();
  void Welcome(const engine::HelloCommand* hello, const std::vector<AttemptId>& held);
  void StreamLost();
  void Reconnect(Micros delay);
  engine::WorkerInfo Info() const;
  std::vector<AttemptId> Held() const;
  void BeatLoop();
  void Beat();
  void Receive(engine::SessionOutput output);
  void TakeDelivery(engine::Delivery delivery);
  void StartHandler(const Key& key);
  void EndHandler(const Key& key);
  void Report(const Key& key);
  void Stage(const Key& key, uint32_t parts);
  // The attempt is over; its handler is told to stop.
  void TellOver(const AttemptId& attempt, bool cancelled);
  void Finish(const Key& key, engine::Outcome outcome);
  engine::Outcome DrawOutcome(const Handler& handler);
  std::vector<engine::testing::TaskSpec> DrawChildren(const Handler& handler, size_t count);
  void SendOutcomes();
  void OutcomesAnswered(const std::vector<Key>& keys, const engine::CompleteCommand* answered);
  void Drain();
  // Unless its handler has started; what hangs is given back even so by a worker that drains.
  void GiveBack(const Key& key);

  WorkerHabits habits_;
  Timeline* const timeline_;
  Random* const random_;
  Network* const network_;
  SimulatedBroker* const broker_;
  Coverage* const coverage_;

  bool alive_ = false;
  bool behaves_ = false;
  bool draining_ = false;
  uint64_t life_ = 0;
  Micros frozen_until_ = 0;
  std::string instance_id_;
  std::shared_ptr<Stream> stream_;
  bool connected_ = false;
  uint32_t most_slots_ = 0;  // Declared lately.
  SessionNumber session_ = 0;
  uint64_t beats_ = 0;
  uint64_t last_delivery_ = 0;
  uint64_t reports_ = 0;  // Counted, so that each says something else.
  bool completing_ = false;
  std::map<Key, Handler> handlers_;
  std::map<Key, Unanswered> unanswered_;
  std::map<Key, std::string> types_;  // Of all attempts of this life.
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_WORKER_H_
