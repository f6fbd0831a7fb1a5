#ifndef BATON_TESTS_BENCH_PEERS_LEDGER_H_
#define BATON_TESTS_BENCH_PEERS_LEDGER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace baton::peers {

// Notes which tasks ran, how often and when. Thread-safe.
class Ledger {
 public:
  static constexpr uint64_t kRunsPerCredit = 500;

  // For `count` tasks from number `first` on. Writes a byte to the descriptor, if there is one, each time
  // kRunsPerCredit of them have run.
  Ledger(uint64_t first, uint64_t count, int credit_descriptor);

  // The empty handler. The payload begins with the number of the task.
  void Run(std::string_view payload);
  // The server has answered that so many are completed.
  void Completed(uint64_t count);
  // Whether each task ran at least once.
  bool all_ran() const { return different_.load() == count_; }

  // CLOCK_MONOTONIC, nanoseconds: when the last completion was answered.
  int64_t end_at() const { return end_at_.load(); }
  uint64_t completed() const { return completed_.load(); }
  // By number from the first on: when it ran first; how often it ran.
  std::vector<int64_t> times() const;
  std::vector<uint32_t> runs() const;

 private:
  struct Entry {
    std::atomic<int64_t> ran_at = 0;
    std::atomic<uint32_t> runs = 0;
  };

  const uint64_t first_;
  const uint64_t count_;
  const int credit_descriptor_;
  std::unique_ptr<Entry[]> entries_;
  std::atomic<uint64_t> different_ = 0;
  std::atomic<uint64_t> completed_ = 0;
  std::atomic<int64_t> end_at_ = 0;
};

}  // namespace baton::peers

#endif  // BATON_TESTS_BENCH_PEERS_LEDGER_H_
