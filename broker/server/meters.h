// What the network side of a broker counts, for metrics.
#ifndef BATON_BROKER_SERVER_METERS_H_
#define BATON_BROKER_SERVER_METERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "broker/base/error.h"
#include "broker/base/meter.h"

namespace baton::server {

// Counts errors by their reason. One thread counts, any thread reads, without locks.
class RefusalCounter {
 public:
  // No effect if there is no error.
  void Count(const Error& error) {
    if (!error.ok()) SlotOf(error.reason).count.Add();
  }

  std::map<std::string, uint64_t> Read() const {
    std::map<std::string, uint64_t> counts;
    for (const Slot& slot : slots_) {
      const char* const reason = slot.reason.load(std::memory_order_acquire);
      if (reason == nullptr) break;
      counts[reason] += slot.count.value();
    }
    if (others_.count.value() > 0) counts["other"] += others_.count.value();
    return counts;
  }

 private:
  // More than there are reasons.
  static constexpr size_t kSlots = 256;
  struct Slot {
    std::atomic<const char*> reason{nullptr};
    Counter count;
  };

  // Reasons are literals: they live as long as the process.
  Slot& SlotOf(const char* reason) {
    for (Slot& slot : slots_) {
      const char* const known = slot.reason.load(std::memory_order_relaxed);
      if (known == nullptr) slot.reason.store(reason, std::memory_order_release);
      if (known == nullptr || known == reason || std::strcmp(known, reason) == 0) return slot;
    }
    return others_;
  }

  std::array<Slot, kSlots> slots_;
  Slot others_;
};

// Written by the completion queue's thread, thread-safe to read.
struct ServerMeters {
  // Of whole calls and streams, and of single items of calls.
  RefusalCounter refusals;
  Gauge claim_streams, watch_streams;
};

// Counts a stream as open from Open() on, for as long as it lives.
class OpenStream {
 public:
  OpenStream() = default;
  ~OpenStream() {
    if (gauge_ != nullptr) gauge_->Add(-1);
  }
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;

  void Open(Gauge* gauge) {
    gauge_ = gauge;
    gauge_->Add(1);
  }

 private:
  Gauge* gauge_ = nullptr;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METERS_H_
