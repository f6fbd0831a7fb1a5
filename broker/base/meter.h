// Numbers that one thread counts and any thread reads, without locks. A reader may miss what is being counted at that
// moment, and may see one number before another that was counted earlier.
#ifndef BATON_BROKER_BASE_METER_H_
#define BATON_BROKER_BASE_METER_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace baton {

// Only rises. Written by one thread at a time; who hands it over to another thread must do so in order, as by a mutex.
class Counter {
 public:
  void Add(uint64_t count = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// How many there are now. Written as a Counter is.
class Gauge {
 public:
  void Add(int64_t change) { value_.store(value_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Values by size. Written as a Counter is.
class Histogram {
 public:
  static constexpr size_t kMaxBuckets = 16;

  // Of `buckets` buckets, at most kMaxBuckets, the first one holds values up to `first`, each other one those up to
  // `factor` times what the one before it holds; larger values are counted apart.
  Histogram(uint64_t first, uint64_t factor, size_t buckets) : buckets_(std::min(buckets, kMaxBuckets)) {
    for (size_t i = 0; i < buckets_; ++i) ends_[i] = i == 0 ? first : ends_[i - 1] * factor;
  }

  void Add(uint64_t value) {
    size_t bucket = 0;
    while (bucket < buckets_ && value > ends_[bucket]) ++bucket;
    counts_[bucket].Add();
    sum_.Add(value);
  }

  struct Reading {
    // The largest value of each bucket, and how many it holds; `counts` has one more, of larger values.
    std::vector<uint64_t> ends, counts;
    uint64_t sum = 0;
  };
  Reading Read() const {
    Reading reading;
    reading.sum = sum_.value();
    reading.ends.assign(ends_.begin(), ends_.begin() + static_cast<ptrdiff_t>(buckets_));
    for (size_t i = 0; i <= buckets_; ++i) reading.counts.push_back(counts_[i].value());
    return reading;
  }

 private:
  const size_t buckets_;
  std::array<uint64_t, kMaxBuckets> ends_{};
  std::array<Counter, kMaxBuckets + 1> counts_;
  Counter sum_;
};

}  // namespace baton

#endif  // BATON_BROKER_BASE_METER_H_
