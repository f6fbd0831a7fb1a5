// Claim streams, from the messages that workers send to those that they get.
#ifndef BATON_TESTS_FUZZ_WORKER_STREAMS_H_
#define BATON_TESTS_FUZZ_WORKER_STREAMS_H_

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "baton/v1/worker.pb.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/world.h"

namespace baton::fuzz {

// Does what the server does with each stream. `world` must outlive it.
class WorkerStreams {
 public:
  explicit WorkerStreams(World* world);

  // A message on a new stream, or on an open one.
  void Open(Input& input);
  void Say(Input& input);
  // The worker closes its side, or is gone.
  void Close(Input& input);
  // Every worker is alive and holds what it was given: none is lost while time goes by.
  void Beat();
  // The broker died: all streams are broken.
  void Break();

 private:
  struct Stream {
    std::string instance_id;
    uint64_t beats = 0;
    uint64_t last_delivery = 0;
    std::vector<std::string> held;
  };

  void TakeHello(const v1::Hello& hello);
  void TakeUpdate(engine::SessionNumber session, const v1::WorkerUpdate& update);
  void Welcome(const engine::HelloCommand& command, const std::string& instance_id);
  void Output(engine::SessionOutput output);
  void TakeDeliveries(Stream& stream, std::vector<engine::Delivery> deliveries);
  void End(engine::SessionNumber session);
  engine::SessionNumber PickSession(Input& input) const;

  World& world_;
  std::map<engine::SessionNumber, Stream> streams_;
};

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_WORKER_STREAMS_H_
