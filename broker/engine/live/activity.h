// What happened lately: how many tasks of each class, and of each tag, came, began and ended, and how long they took.
#ifndef BATON_BROKER_ENGINE_LIVE_ACTIVITY_H_
#define BATON_BROKER_ENGINE_LIVE_ACTIVITY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/clock.h"
#include "broker/engine/catalog.h"
#include "broker/engine/format/keys.h"

namespace baton::engine {

// Durations in buckets of which each is √2 times as wide as the one before: quantiles are right within a fifth.
class Durations {
 public:
  void Add(Micros duration) {
    ++counts_[BucketOf(duration)];
    sum_ += static_cast<double>(duration);
  }
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

  friend class DurationTotals;

  std::array<uint32_t, kBuckets> counts_{};
  double sum_ = 0;
};

// Durations of any number, in few buckets of which each holds up to four times as much as the one before: exactly those
// that Durations has counted up to there.
class DurationTotals {
 public:
  // From 256 µs to 2^36 µs, 19 hours.
  static constexpr size_t kBuckets = 15;
  static Micros BucketEnd(size_t bucket) { return Micros{256} << (2 * bucket); }

  void Add(const Durations& durations);
  // By bucket; the last one is of longer ones.
  const std::array<uint64_t, kBuckets + 1>& counts() const { return counts_; }
  // In microseconds.
  double sum() const { return sum_; }

 private:
  std::array<uint64_t, kBuckets + 1> counts_{};
  double sum_ = 0;
};

// Something that happened to tasks of one class.
enum class Happening : uint8_t { kCreated, kStarted, kCompleted, kFailed, kCancelled, kRetried };
inline constexpr size_t kHappenings = 6;

// One fact of a commit.
struct Observation {
  ClassNumber class_number;
  Happening happening;
  // How many tasks.
  uint32_t count = 1;
  // kStarted: how long it had been ready; else how long its attempt took. Negative: not known, or there was none.
  Micros duration = -1;
  // By TagHash; 0: there is none. Tags of the same hash are taken for one.
  uint32_t tag_hash = 0;
  // One of the tasks; not needed without a tag.
  TaskId task = 0;
};

struct Activity {
  // By Happening.
  std::array<uint64_t, kHappenings> counts{};
  // From ready to handed out, of attempts that began; from handed out to the end, of attempts that ended their task, or
  // are followed by another one.
  Durations queued, ran;

  void Add(const Observation& observation);
  void Add(const Activity& other);
};

// The same since the board was made.
struct ActivityTotal {
  std::array<uint64_t, kHappenings> counts{};
  DurationTotals queued, ran;

  void Add(const Activity& activity);
};

// Counts two spans of 30 s, the one that is under way and the one before, and adds up all spans before these. Classes
// and tags that nothing happens to cost nothing. Thread-safe.
class ActivityBoard {
 public:
  // Tags in a span, of each class apart; those that come later are counted together. They take 7 MiB.
  static constexpr size_t kMostTags = 10'000;

  void Add(SteadyMicros now, const std::vector<Observation>& observations) ABSL_LOCKS_EXCLUDED(mu_);

  struct Recent {
    absl::flat_hash_map<ClassNumber, Activity> classes;
    // The time it was counted over; 30 to 60 s, or less if the board is not that old.
    Micros time = 0;
  };
  Recent Read(SteadyMicros now) const ABSL_LOCKS_EXCLUDED(mu_);

  struct TagKey {
    ClassNumber class_number = 0;
    uint32_t tag_hash = 0;

    friend bool operator==(const TagKey&, const TagKey&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const TagKey& key) {
      return H::combine(std::move(h), key.class_number, key.tag_hash);
    }
  };
  struct TagActivity {
    Activity activity;
    TaskId newest = 0;  // Has the tag; highest of those that something happened to.
  };
  using Tags = absl::flat_hash_map<TagKey, std::unique_ptr<TagActivity>>;
  struct RecentTags {
    Tags tags;
    Activity others;  // Of tags beyond kMostTags.
    Micros time = 0;  // As Recent's.
  };
  // Tasks without a tag are in none.
  RecentTags ReadTags(SteadyMicros now) const ABSL_LOCKS_EXCLUDED(mu_);

  using Totals = absl::flat_hash_map<ClassNumber, ActivityTotal>;
  Totals ReadTotals() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Classes = absl::flat_hash_map<ClassNumber, std::unique_ptr<Activity>>;
  struct Span {
    Classes classes;
    Tags tags;
    Activity other_tags;
  };

  void Turn(SteadyMicros now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static void AddTagged(const Observation& observation, Span* span);
  Micros TimeCounted(SteadyMicros now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static void AddTo(const Classes& classes, Totals* totals);

  mutable absl::Mutex mu_;
  // Reading may turn a span over, as time does.
  mutable Span current_ ABSL_GUARDED_BY(mu_), before_ ABSL_GUARDED_BY(mu_);
  mutable Totals earlier_ ABSL_GUARDED_BY(mu_);
  // When the current span began, and what is counted at all; 0: not yet.
  mutable SteadyMicros begin_ ABSL_GUARDED_BY(mu_) = 0;
  mutable SteadyMicros first_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_LIVE_ACTIVITY_H_
