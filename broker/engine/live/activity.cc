#include "broker/engine/live/activity.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace baton::engine {
namespace {

constexpr Micros kSpan = 30 * kSecond;

}  // namespace

void Durations::Add(const Durations& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  sum_ += other.sum_;
}

uint64_t Durations::count() const {
  uint64_t sum = 0;
  for (const uint32_t count : counts_) sum += count;
  return sum;
}

const Durations::Ends& Durations::BucketEnds() {
  static const Ends kEnds = [] {
    Ends ends{};
    for (size_t i = 0; i < kBuckets; ++i) ends[i] = static_cast<Micros>(64 * std::exp2(static_cast<double>(i) / 2));
    return ends;
  }();
  return kEnds;
}

size_t Durations::BucketOf(Micros duration) {
  const Ends& ends = BucketEnds();
  const auto end = std::lower_bound(ends.begin(), ends.end(), duration);
  return std::min<size_t>(static_cast<size_t>(end - ends.begin()), kBuckets - 1);
}

Micros Durations::Quantile(double quantile) const {
  const uint64_t all = count();
  if (all == 0) return 0;
  const auto wanted = std::max<uint64_t>(static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(all))), 1);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return BucketEnds()[i];
  }
  return BucketEnds().back();
}

void Activity::Add(const Observation& observation) {
  counts[static_cast<size_t>(observation.happening)] += observation.count;
  if (observation.duration < 0) return;
  (observation.happening == Happening::kStarted ? queued : ran).Add(observation.duration);
}

void Activity::Add(const Activity& other) {
  for (size_t i = 0; i < kHappenings; ++i) counts[i] += other.counts[i];
  queued.Add(other.queued);
  ran.Add(other.ran);
}

void DurationTotals::Add(const Durations& durations) {
  // Every fourth bucket there ends where one ends here.
  for (size_t i = 0; i < Durations::kBuckets; ++i) {
    const size_t bucket = i == 0 ? 0 : (i - 1) / 4;
    counts_[std::min(bucket, kBuckets)] += durations.counts_[i];
  }
  sum_ += durations.sum_;
}

void ActivityTotal::Add(const Activity& activity) {
  for (size_t i = 0; i < kHappenings; ++i) counts[i] += activity.counts[i];
  queued.Add(activity.queued);
  ran.Add(activity.ran);
}

void ActivityBoard::Add(SteadyMicros now, const std::vector<Observation>& observations) {
  if (observations.empty()) return;
  absl::MutexLock lock(&mu_);
  Turn(now);
  Activity* activity = nullptr;
  ClassNumber last = 0;
  for (const Observation& observation : observations) {
    // Batches are of one class as a rule.
    if (activity == nullptr || observation.class_number != last) {
      std::unique_ptr<Activity>& slot = current_.classes[observation.class_number];
      if (slot == nullptr) slot = std::make_unique<Activity>();
      activity = slot.get();
      last = observation.class_number;
    }
    activity->Add(observation);
    if (observation.tag_hash != 0) AddTagged(observation, &current_);
  }
}

void ActivityBoard::AddTagged(const Observation& observation, Span* span) {
  const TagKey key{observation.class_number, observation.tag_hash};
  auto tag = span->tags.find(key);
  if (tag == span->tags.end()) {
    if (span->tags.size() >= kMostTags) return span->other_tags.Add(observation);
    tag = span->tags.emplace(key, std::make_unique<TagActivity>()).first;
  }
  tag->second->activity.Add(observation);
  tag->second->newest = std::max(tag->second->newest, observation.task);
}

ActivityBoard::Recent ActivityBoard::Read(SteadyMicros now) const {
  absl::MutexLock lock(&mu_);
  Turn(now);
  Recent recent;
  recent.time = TimeCounted(now);
  for (const Span* span : {&before_, &current_}) {
    for (const auto& [number, activity] : span->classes) recent.classes[number].Add(*activity);
  }
  return recent;
}

ActivityBoard::RecentTags ActivityBoard::ReadTags(SteadyMicros now) const {
  absl::MutexLock lock(&mu_);
  Turn(now);
  RecentTags recent;
  recent.time = TimeCounted(now);
  for (const Span* span : {&before_, &current_}) {
    for (const auto& [key, tag] : span->tags) {
      std::unique_ptr<TagActivity>& sum = recent.tags[key];
      if (sum == nullptr) sum = std::make_unique<TagActivity>();
      sum->activity.Add(tag->activity);
      sum->newest = std::max(sum->newest, tag->newest);
    }
    recent.others.Add(span->other_tags);
  }
  return recent;
}

Micros ActivityBoard::TimeCounted(SteadyMicros now) const { return now - std::max(first_, begin_ - kSpan); }

ActivityBoard::Totals ActivityBoard::ReadTotals() const {
  absl::MutexLock lock(&mu_);
  Totals totals = earlier_;
  AddTo(before_.classes, &totals);
  AddTo(current_.classes, &totals);
  return totals;
}

void ActivityBoard::AddTo(const Classes& classes, Totals* totals) {
  for (const auto& [number, activity] : classes) (*totals)[number].Add(*activity);
}

void ActivityBoard::Turn(SteadyMicros now) const {
  if (first_ == 0) first_ = begin_ = now;
  if (now - begin_ < kSpan) return;
  const bool next = now - begin_ < 2 * kSpan;
  AddTo(before_.classes, &earlier_);
  if (!next) AddTo(current_.classes, &earlier_);
  before_ = next ? std::exchange(current_, {}) : Span();
  current_ = Span();
  begin_ = next ? begin_ + kSpan : now;
  if (!next) first_ = std::max(first_, now - kSpan);
}

}  // namespace baton::engine
