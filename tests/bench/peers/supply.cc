#include "tests/bench/peers/supply.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "tests/bench/payload.h"
#include "tests/bench/peers/ledger.h"
#include "tests/bench/peers/trouble.h"

namespace baton::peers {

Supply::Supply(const SupplyPlan& plan)
    : plan_(plan), acknowledgements_(std::make_unique<std::atomic<uint32_t>[]>(plan.count)), times_(plan.count) {}

std::optional<Batch> Supply::Next() {
  const std::lock_guard lock(mutex_);
  if (given_ == plan_.count) return std::nullopt;
  if (plan_.interval_us > 0) AwaitClock();
  if (plan_.ahead > 0) AwaitRoom();
  const uint64_t wanted = plan_.interval_us > 0 ? 1 : plan_.batch;
  const Batch batch{plan_.first + given_, std::min(wanted, plan_.count - given_)};
  const int64_t now = MonotonicNow();
  if (given_ == 0) begin_at_ = now;
  std::fill_n(times_.begin() + static_cast<int64_t>(given_), batch.count, now);
  given_ += batch.count;
  return batch;
}

std::string Supply::Payload(uint64_t sequence) const { return bench::MakePayload(sequence, plan_.payload_bytes); }

void Supply::Acknowledge(uint64_t first, uint64_t count) {
  if (first < plan_.first || first + count > plan_.first + plan_.count)
    Fail("a task that was not submitted is answered");
  for (uint64_t i = 0; i < count; ++i) acknowledgements_[first - plan_.first + i].fetch_add(1);
  // Of several threads the last one to come here is the last one answered, but for less than it takes to come here.
  end_at_.store(MonotonicNow());
}

std::vector<uint32_t> Supply::acknowledgements() const {
  std::vector<uint32_t> all(plan_.count);
  for (uint64_t i = 0; i < plan_.count; ++i) all[i] = acknowledgements_[i].load();
  return all;
}

// The next one is due a fixed time after the one before was due, however late that one was.
void Supply::AwaitClock() {
  due_ = (due_ == 0 ? MonotonicNow() : due_) + plan_.interval_us * 1000;
  int64_t left = 0;
  while ((left = due_ - MonotonicNow()) > 0) {
    const timespec wait{left / 1'000'000'000, left % 1'000'000'000};
    ppoll(nullptr, 0, &wait, nullptr);
  }
}

void Supply::AwaitRoom() {
  char credits[1024];
  while (given_ >= plan_.ahead + ran_) {
    const ssize_t count = read(plan_.credit_descriptor, credits, sizeof(credits));
    if (count <= 0) Fail("the worker does not tell any more how far it is");
    ran_ += static_cast<uint64_t>(count) * Ledger::kRunsPerCredit;
  }
}

}  // namespace baton::peers
