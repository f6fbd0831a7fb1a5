// What happened lately: how many tasks of each class came, began and ended, and how long they took.
#ifndef BATON_BROKER_ENGINE_LIVE_ACTIVITY_H_
#define BATON_BROKER_ENGINE_LIVE_ACTIVITY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/clock.h"
#include "broker/engine/catalog.h"

namespace baton::engine {

// Durations in buckets of which each is √2 times as wide as the one before: quantiles are right within a fifth.
class Durations {
 public:
  void Add(Micros duration) { ++counts_[BucketOf(duration)]; }
  void Add(const Durations& other);
  uint64_t count() const;
  // The smallest duration that a share `quantile` (0 … 1) of them is not longer than, about; 0 without any.
  Micros Quantile(double quantile) const;

 private:
  // From 64 µs to 2^43 µs, a hundred days.
  static constexpr size_t kBuckets = 2 * (43 - 6) + 1;
  using Ends = std::array<Micros, kBuckets>;

  // The longest duration of each bucket; what is longer than all is in the last one.
  static const Ends& BucketEnds();
  static size_t BucketOf(Micros duration);

  std::array<uint32_t, kBuckets> counts_{};
};

// Something that happened to tasks of one class.
enum class Happening : uint8_t { kCreated, kStarted, kCompleted, kFailed, kCancelled, kRetried };
inline constexpr size_t kHappenings = 6;

struct Activity {
  // By Happening.
  std::array<uint64_t, kHappenings> counts{};
  // From ready to handed out, of attempts that began; from handed out to the end, of attempts that ended their task, or
  // are followed by another one.
  Durations queued, ran;

  void Add(const Activity& other);
};

// One fact of a commit.
struct Observation {
  ClassNumber class_number;
  Happening happening;
  // How many tasks.
  uint32_t count = 1;
  // kStarted: how long it had been ready; else how long its attempt took. Negative: not known, or there was none.
  Micros duration = -1;
};

// Counts two spans of 30 s, the one that is under way and the one before. Classes that nothing happens to cost nothing.
// Thread-safe.
class ActivityBoard {
 public:
  void Add(SteadyMicros now, const std::vector<Observation>& observations) ABSL_LOCKS_EXCLUDED(mu_);

  struct Recent {
    absl::flat_hash_map<ClassNumber, Activity> classes;
    // The time it was counted over; 30 to 60 s, or less if the board is not that old.
    Micros time = 0;
  };
  Recent Read(SteadyMicros now) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Classes = absl::flat_hash_map<ClassNumber, std::unique_ptr<Activity>>;

  void Turn(SteadyMicros now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  // Reading may turn a span over, as time does.
  mutable Classes current_ ABSL_GUARDED_BY(mu_), before_ ABSL_GUARDED_BY(mu_);
  // When the current span began, and what is counted at all; 0: not yet.
  mutable SteadyMicros begin_ ABSL_GUARDED_BY(mu_) = 0;
  mutable SteadyMicros first_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_ACTIVITY_H_
