// Which pending tasks come first: one order per class for those that are due, one for all that are not yet.
#ifndef BATON_BROKER_ENGINE_READY_ORDER_H_
#define BATON_BROKER_ENGINE_READY_ORDER_H_

#include <cstdint>
#include <deque>
#include <limits>

#include "broker/base/varint.h"
#include "broker/engine/catalog.h"
#include "broker/engine/compact_set.h"
#include "broker/engine/live/page.h"

namespace baton::engine {

// Where a pending task stands; the smallest comes first. Its rank is its due time, moved by the interval of ageing for
// each step of priority: so it is settled once, and nothing has to be sorted again while tasks wait.
struct OrderKey {
  int64_t rank = 0;
  int32_t negated_priority = 0;
  TaskId id = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang's own comparison with 0, which version 14 takes for our code.
  friend auto operator<=>(const OrderKey&, const OrderKey&) = default;
};

// How much later it ranks than the one before, and how far away its id is, if that is of the same priority; of another
// one, that too; else everything. Tasks of one Submit call are due at the same time: two bytes.
struct OrderKeyCoder {
  static constexpr size_t kMaxBytes = 4 * kMaxVarintBytes;

  static char* Write(const OrderKey& before, const OrderKey& key, char* out) {
    const uint64_t later = static_cast<uint64_t>(key.rank) - static_cast<uint64_t>(before.rank);
    const uint64_t priority = ZigZag(static_cast<uint64_t>(int64_t{key.negated_priority}));
    if (later >> 62 != 0) {
      out = WriteVarint(kWhole, out);
      out = WriteVarint(ZigZag(static_cast<uint64_t>(key.rank)), out);
      out = WriteVarint(priority, out);
      return WriteVarint(key.id, out);
    }
    const bool same = key.negated_priority == before.negated_priority;
    out = WriteVarint(later << 2 | (same ? kSamePriority : kOtherPriority), out);
    if (!same) out = WriteVarint(priority, out);
    return WriteVarint(ZigZag(key.id - before.id), out);
  }

  static const char* Read(const OrderKey& before, const char* in, OrderKey* key) {
    uint64_t head, value;
    in = ReadVarint(in, &head);
    const bool whole = (head & kWhole) != 0;
    key->negated_priority = before.negated_priority;
    key->rank = static_cast<int64_t>(static_cast<uint64_t>(before.rank) + (head >> 2));
    if (whole) {
      in = ReadVarint(in, &value);
      key->rank = static_cast<int64_t>(UnZigZag(value));
    }
    if (whole || (head & kOtherPriority) != 0) {
      in = ReadVarint(in, &value);
      key->negated_priority = static_cast<int32_t>(UnZigZag(value));
    }
    in = ReadVarint(in, &value);
    key->id = whole ? value : before.id + UnZigZag(value);
    return in;
  }

 private:
  static constexpr uint64_t kSamePriority = 0;
  static constexpr uint64_t kOtherPriority = 1;
  static constexpr uint64_t kWhole = 2;
};

// Not thread-safe.
class ReadyOrder {
 public:
  using Queue = CompactSet<OrderKey, OrderKeyCoder>;

  // `ageing`: a step of priority is worth as much as having become due so much earlier. 0: it is worth more than any
  // wait: larger priority first, then earlier due, then smaller id.
  explicit ReadyOrder(Micros ageing = 0) : interval_(ageing != 0 ? ageing : kLongerThanAnyWait) {}

  OrderKey KeyOf(int32_t priority, WallMicros due, TaskId id) const { return {Moved(due, -priority), -priority, id}; }
  WallMicros DueOf(const OrderKey& key) const { return Moved(key.rank, -key.negated_priority); }

  // Adds a pending task; true if it is due, so that its class may have a new head.
  bool Insert(ClassNumber class_number, const OrderKey& key, WallMicros now) {
    if (const WallMicros due = DueOf(key); due > now) {
      delayed_.insert({due, key.id, class_number, key.negated_priority});
      return false;
    }
    QueueOf(class_number).insert(key);
    ++due_count_;
    return true;
  }

  void Remove(ClassNumber class_number, const OrderKey& key) {
    if (QueueOf(class_number).erase(key)) {
      --due_count_;
    } else {
      delayed_.erase({DueOf(key), key.id, class_number, key.negated_priority});
    }
  }

  // Moves at most `limit` tasks that have become due, and calls promoted(class) for each.
  template <typename Visitor>
  void Promote(WallMicros now, size_t limit, Visitor&& promoted) {
    while (limit-- > 0 && !delayed_.empty() && delayed_.front().due <= now) {
      const Delayed task = delayed_.front();
      delayed_.erase(task);
      QueueOf(task.class_number).insert(KeyOf(-task.negated_priority, task.due, task.id));
      ++due_count_;
      promoted(task.class_number);
    }
  }

  // When the next task becomes due; the largest number if none is waiting for that.
  WallMicros next_due() const {
    return delayed_.empty() ? std::numeric_limits<WallMicros>::max() : delayed_.front().due;
  }

  // Calls visit(class, key) for all, in no particular order.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (ClassNumber number = 0; number < queues_.size(); ++number) {
      for (const OrderKey& key : queues_[number]) visit(number, key);
    }
    for (const Delayed& task : delayed_) visit(task.class_number, KeyOf(-task.negated_priority, task.due, task.id));
  }

  const Queue& QueueAt(ClassNumber class_number) { return QueueOf(class_number); }
  size_t class_limit() const { return queues_.size(); }
  size_t size() const { return due_count_ + delayed_.size(); }
  // An estimate.
  size_t memory_bytes() const {
    size_t bytes = delayed_.memory_bytes();
    for (const Queue& queue : queues_) bytes += sizeof(Queue) + queue.memory_bytes();
    return bytes;
  }

 private:
  // 4,500 years: times in question are far smaller, and twenty such steps fit in a rank.
  static constexpr Micros kLongerThanAnyWait = Micros{1} << 57;

  struct Delayed {
    WallMicros due;
    TaskId id;
    ClassNumber class_number;
    int32_t negated_priority;
    friend auto operator<=>(const Delayed&, const Delayed&) = default;  // NOLINT(modernize-use-nullptr): as above.
  };
  struct DelayedCoder {
    static constexpr size_t kMaxBytes = 4 * kMaxVarintBytes;

    static char* Write(const Delayed& before, const Delayed& task, char* out) {
      out = WriteVarint(static_cast<uint64_t>(task.due) - static_cast<uint64_t>(before.due), out);
      out = WriteVarint(ZigZag(task.id - before.id), out);
      out = WriteVarint(task.class_number, out);
      return WriteVarint(ZigZag(static_cast<uint64_t>(int64_t{task.negated_priority})), out);
    }

    static const char* Read(const Delayed& before, const char* in, Delayed* task) {
      uint64_t value;
      in = ReadVarint(in, &value);
      task->due = static_cast<WallMicros>(static_cast<uint64_t>(before.due) + value);
      in = ReadVarint(in, &value);
      task->id = before.id + UnZigZag(value);
      in = ReadVarint(in, &value);
      task->class_number = static_cast<ClassNumber>(value);
      in = ReadVarint(in, &value);
      task->negated_priority = static_cast<int32_t>(UnZigZag(value));
      return in;
    }
  };

  // Wraps around for times that nothing can have, so that DueOf always answers what KeyOf was given.
  WallMicros Moved(WallMicros time, int32_t steps) const {
    return static_cast<WallMicros>(static_cast<uint64_t>(time) +
                                   static_cast<uint64_t>(int64_t{steps}) * static_cast<uint64_t>(interval_));
  }

  Queue& QueueOf(ClassNumber class_number) {
    if (queues_.size() <= class_number) queues_.resize(class_number + 1);
    return queues_[class_number];
  }

  Micros interval_;
  std::deque<Queue> queues_;  // By class number.
  CompactSet<Delayed, DelayedCoder> delayed_;
  size_t due_count_ = 0;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_READY_ORDER_H_
