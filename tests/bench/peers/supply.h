#ifndef BATON_TESTS_BENCH_PEERS_SUPPLY_H_
#define BATON_TESTS_BENCH_PEERS_SUPPLY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace baton::peers {

// Consecutive tasks of one submission.
struct Batch {
  uint64_t first = 0;
  uint64_t count = 0;
};

struct SupplyPlan {
  uint64_t first = 0;
  uint64_t count = 0;
  uint64_t batch = 100;
  uint64_t payload_bytes = 200;
  // Time between two tasks, which then come one by one; 0: as fast as they are taken.
  int64_t interval_us = 0;
  // How many tasks the producer may be before the worker; 0: no limit.
  uint64_t ahead = 0;
  // Where the worker tells how far it is: one byte for each Ledger::kRunsPerCredit tasks.
  int credit_descriptor = -1;
};

// Gives out the tasks that are to be submitted, and notes when each was. Thread-safe.
class Supply {
 public:
  explicit Supply(const SupplyPlan& plan);

  // The next tasks, to be submitted now; waits for the clock or for the worker. Nothing if all are given out.
  std::optional<Batch> Next();
  std::string Payload(uint64_t sequence) const;
  // The server has answered for these.
  void Acknowledge(uint64_t first, uint64_t count);

  // CLOCK_MONOTONIC, nanoseconds: the first submission, and the last answer.
  int64_t begin_at() const { return begin_at_; }
  int64_t end_at() const { return end_at_.load(); }
  // By number from the first on: when it was submitted; how often it was acknowledged.
  const std::vector<int64_t>& times() const { return times_; }
  std::vector<uint32_t> acknowledgements() const;

 private:
  void AwaitClock();
  void AwaitRoom();

  const SupplyPlan plan_;
  std::atomic<int64_t> end_at_ = 0;
  std::unique_ptr<std::atomic<uint32_t>[]> acknowledgements_;

  std::mutex mutex_;
  // All below: guarded by mutex_ while tasks are given out.
  std::vector<int64_t> times_;
  uint64_t given_ = 0;
  uint64_t ran_ = 0;
  int64_t begin_at_ = 0;
  int64_t due_ = 0;
};

}  // namespace baton::peers

#endif  // BATON_TESTS_BENCH_PEERS_SUPPLY_H_
