// Commands on their way through the simulated broker.
#ifndef BATON_TESTS_SIMULATION_SENT_H_
#define BATON_TESTS_SIMULATION_SENT_H_

#include <functional>
#include <memory>
#include <utility>

#include "broker/engine/command.h"

namespace baton::simulation {

// What the simulation sees of every command.
class Released {
 public:
  virtual ~Released() = default;
  // Its answer leaves the broker.
  virtual void Release(std::unique_ptr<engine::Command> self) = 0;
};

template <typename Base>
class Sent final : public Base, public Released {
 public:
  std::function<void(std::shared_ptr<Base>)> on_answer;

  void Answer() override {}
  void Release(std::unique_ptr<engine::Command> self) override {
    const auto answer = std::move(on_answer);
    answer(std::shared_ptr<Base>(static_cast<Base*>(self.release())));
  }
};

}  // namespace baton::simulation

#endif  // BATON_TESTS_SIMULATION_SENT_H_
