// Which pending tasks come first: one order per class for those that are due, one for all that are not yet.
#ifndef BATON_BROKER_ENGINE_READY_ORDER_H_
#define BATON_BROKER_ENGINE_READY_ORDER_H_

#include <cstdint>
#include <deque>
#include <limits>

#include "absl/container/btree_set.h"
#include "broker/engine/catalog.h"
#include "broker/engine/live/page.h"

namespace baton::engine {

// Larger priority first, then earlier due, then smaller id.
struct OrderKey {
  int32_t negated_priority = 0;
  WallMicros due = 0;
  TaskId id = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang's own comparison with 0, which version 14 takes for our code.
  friend auto operator<=>(const OrderKey&, const OrderKey&) = default;
};

inline OrderKey KeyOf(int32_t priority, WallMicros due, TaskId id) { return {-priority, due, id}; }

// Not thread-safe.
class ReadyOrder {
 public:
  using Queue = absl::btree_set<OrderKey>;

  // Adds a pending task; true if it is due, so that its class may have a new head.
  bool Insert(ClassNumber class_number, const OrderKey& key, WallMicros now) {
    if (key.due > now) {
      delayed_.insert({key.due, key.id, class_number, key.negated_priority});
      return false;
    }
    QueueOf(class_number).insert(key);
    ++due_count_;
    return true;
  }

  void Remove(ClassNumber class_number, const OrderKey& key) {
    if (QueueOf(class_number).erase(key) > 0) {
      --due_count_;
    } else {
      delayed_.erase({key.due, key.id, class_number, key.negated_priority});
    }
  }

  // Moves at most `limit` tasks that have become due, and calls promoted(class) for each.
  template <typename Visitor>
  void Promote(WallMicros now, size_t limit, Visitor&& promoted) {
    while (limit-- > 0 && !delayed_.empty() && delayed_.begin()->due <= now) {
      const Delayed task = *delayed_.begin();
      delayed_.erase(delayed_.begin());
      QueueOf(task.class_number).insert({task.negated_priority, task.due, task.id});
      ++due_count_;
      promoted(task.class_number);
    }
  }

  // When the next task becomes due; the largest number if none is waiting for that.
  WallMicros next_due() const {
    return delayed_.empty() ? std::numeric_limits<WallMicros>::max() : delayed_.begin()->due;
  }

  // Calls visit(class, key) for all, in no particular order.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (ClassNumber number = 0; number < queues_.size(); ++number) {
      for (const OrderKey& key : queues_[number]) visit(number, key);
    }
    for (const Delayed& task : delayed_) visit(task.class_number, OrderKey{task.negated_priority, task.due, task.id});
  }

  const Queue& QueueAt(ClassNumber class_number) { return QueueOf(class_number); }
  size_t class_limit() const { return queues_.size(); }
  size_t size() const { return due_count_ + delayed_.size(); }

 private:
  struct Delayed {
    WallMicros due;
    TaskId id;
    ClassNumber class_number;
    int32_t negated_priority;
    friend auto operator<=>(const Delayed&, const Delayed&) = default;  // NOLINT(modernize-use-nullptr): as above.
  };

  Queue& QueueOf(ClassNumber class_number) {
    if (queues_.size() <= class_number) queues_.resize(class_number + 1);
    return queues_[class_number];
  }

  std::deque<Queue> queues_;  // By class number.
  absl::btree_set<Delayed> delayed_;
  size_t due_count_ = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_READY_ORDER_H_
