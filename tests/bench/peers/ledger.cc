#include "tests/bench/peers/ledger.h"

#include <unistd.h>

#include <cstring>
#include <string>

#include "tests/bench/peers/trouble.h"

namespace baton::peers {

Ledger::Ledger(uint64_t first, uint64_t count, int credit_descriptor)
    : first_(first), count_(count), credit_descriptor_(credit_descriptor), entries_(std::make_unique<Entry[]>(count)) {}

void Ledger::Run(std::string_view payload) {
  const int64_t now = MonotonicNow();
  uint64_t sequence = 0;
  if (payload.size() < sizeof(sequence)) Fail("a task came with a payload that is too short");
  std::memcpy(&sequence, payload.data(), sizeof(sequence));
  if (sequence < first_ || sequence >= first_ + count_) {
    Fail("task " + std::to_string(sequence) + " ran, which is not of this part of the run");
  }
  Entry& entry = entries_[sequence - first_];
  if (entry.runs.fetch_add(1) > 0) return;
  entry.ran_at.store(now);
  const uint64_t different = different_.fetch_add(1) + 1;
  if (credit_descriptor_ >= 0 && different % kRunsPerCredit == 0 && write(credit_descriptor_, ".", 1) != 1) {
    FailWithErrno("telling the producer how far the worker is");
  }
}

void Ledger::Completed(uint64_t count) {
  completed_.fetch_add(count);
  end_at_.store(MonotonicNow());
}

std::vector<int64_t> Ledger::times() const {
  std::vector<int64_t> all(count_);
  for (uint64_t i = 0; i < count_; ++i) all[i] = entries_[i].ran_at.load();
  return all;
}

std::vector<uint32_t> Ledger::runs() const {
  std::vector<uint32_t> all(count_);
  for (uint64_t i = 0; i < count_; ++i) all[i] = entries_[i].runs.load();
  return all;
}

}  // namespace baton::peers
