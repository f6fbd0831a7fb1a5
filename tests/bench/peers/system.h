#ifndef BATON_TESTS_BENCH_PEERS_SYSTEM_H_
#define BATON_TESTS_BENCH_PEERS_SYSTEM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/bench/peers/ledger.h"
#include "tests/bench/peers/supply.h"

namespace baton::peers {

struct SystemOptions {
  // Of the server, on the loopback address.
  int port = 0;
  // Tasks in one submission.
  uint64_t batch = 100;
  // Submissions that a producer has under way at the same time; 0: what suits the system.
  int window = 0;
  // Connections of a producer or of a worker; 0: what suits the system.
  int connections = 0;
  // One task after the other, by the clock: the system may prefer other means than under load.
  bool paced = false;
  // NATS: where its stream is kept.
  std::string storage = "file";
};

// What the server has after a run.
struct Counts {
  uint64_t waiting = 0;
  uint64_t finished = 0;
};

// The connections of the one producer process.
class Producer {
 public:
  virtual ~Producer() = default;
  // Submits everything that the supply gives out; returns when all of it is acknowledged.
  virtual void Submit(Supply* supply) = 0;
};

// The connections of the one worker process.
class Worker {
 public:
  virtual ~Worker() = default;
  // Claims, runs and completes tasks until all of the ledger's are completed. Holds no task before and after.
  virtual void Work(Ledger* ledger) = 0;
};

// A system that Baton is compared with. All that goes wrong ends the process (see trouble.h).
class System {
 public:
  virtual ~System() = default;
  // Makes the queue, once for each server.
  virtual void Prepare() = 0;
  virtual std::unique_ptr<Producer> MakeProducer() = 0;
  virtual std::unique_ptr<Worker> MakeWorker() = 0;
  virtual Counts Count() = 0;
};

std::unique_ptr<System> MakeBeanstalkd(const SystemOptions& options);
std::unique_ptr<System> MakeGearman(const SystemOptions& options);
std::unique_ptr<System> MakeNats(const SystemOptions& options);
std::unique_ptr<System> MakePostgres(const SystemOptions& options);
std::unique_ptr<System> MakeRabbitmq(const SystemOptions& options);

// Calls the function for each of the connections, in threads, and waits for all.
template <typename Connection>
void ForEachInParallel(std::vector<std::unique_ptr<Connection>>* connections,
                       const std::function<void(Connection*)>& function) {
  std::vector<std::thread> threads;
  for (const auto& connection : *connections) threads.emplace_back(function, connection.get());
  for (std::thread& thread : threads) thread.join();
}

}  // namespace baton::peers

#endif  // BATON_TESTS_BENCH_PEERS_SYSTEM_H_
