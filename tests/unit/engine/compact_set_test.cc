// The compact order of tasks, compared with a plain one.
#include "broker/engine/compact_set.h"

#include <limits>
#include <random>
#include <set>
#include <vector>

#include "broker/engine/ready_order.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

using ::testing::ElementsAreArray;

using Compact = CompactSet<OrderKey, OrderKeyCoder>;

class CompactSetTest : public ::testing::Test {
 protected:
  void Insert(OrderKey key) { EXPECT_EQ(compact_.insert(key), plain_.insert(key).second); }
  void Erase(OrderKey key) { EXPECT_EQ(compact_.erase(key), plain_.erase(key) > 0); }
  void ExpectSame() {
    ASSERT_EQ(compact_.size(), plain_.size());
    ASSERT_EQ(compact_.empty(), plain_.empty());
    if (!plain_.empty()) {
      EXPECT_EQ(compact_.front(), *plain_.begin());
    }
    ASSERT_THAT(compact_, ElementsAreArray(plain_));
  }
  OrderKey AnyKey() {
    return {static_cast<int64_t>(random_() % 50), static_cast<int32_t>(random_() % 3), random_() % 40};
  }
  // One that is there.
  OrderKey Pick() {
    const auto it = plain_.lower_bound(AnyKey());
    return it == plain_.end() ? *plain_.begin() : *it;
  }

  std::mt19937_64 random_{11};
  Compact compact_;
  std::set<OrderKey> plain_;
};

TEST_F(CompactSetTest, OfNothing) {
  EXPECT_TRUE(compact_.empty());
  EXPECT_EQ(compact_.begin(), compact_.end());
  EXPECT_FALSE(compact_.erase({0, 0, 1}));
}

TEST_F(CompactSetTest, AscendingDescendingAndTwiceTheSame) {
  for (TaskId id = 1; id <= 2000; ++id) Insert({0, 7, id});
  for (TaskId id = 2000; id > 0; --id) Insert({-1, 7, id});
  for (TaskId id = 1; id <= 2000; id += 7) Insert({0, 7, id});
  ExpectSame();
}

TEST_F(CompactSetTest, AQueueThatIsFilledAndEmptiedAtTheSamePaceStaysSmall) {
  for (TaskId id = 1; id <= 50; ++id) Insert({0, 1, id});
  for (TaskId id = 51; id <= 100'000; ++id) {
    Insert({static_cast<int64_t>(id), 0, id});
    Erase(compact_.front());
  }
  ExpectSame();
  EXPECT_LT(compact_.memory_bytes(), 4096u);
}

TEST_F(CompactSetTest, RandomKeysInAndOutAnywhere) {
  for (int step = 0; step < 60'000; ++step) {
    // Grows to thousands of keys, shrinks to none, and again.
    const bool grows = step / 15'000 % 2 == 0;
    if (random_() % 10 < (grows ? 7u : 2u)) {
      Insert(AnyKey());
    } else if (!plain_.empty()) {
      Erase(random_() % 4 == 0 ? AnyKey() : Pick());
    }
    if (step % 500 == 0) ExpectSame();
  }
  ExpectSame();
}

TEST_F(CompactSetTest, ExtremeKeys) {
  for (const int32_t priority : {std::numeric_limits<int32_t>::min(), -1, 0, std::numeric_limits<int32_t>::max()}) {
    for (const int64_t rank : {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0}, int64_t{1},
                               std::numeric_limits<int64_t>::max()}) {
      for (const TaskId id : {TaskId{0}, TaskId{1}, std::numeric_limits<TaskId>::max()}) Insert({rank, priority, id});
    }
  }
  ExpectSame();
}

TEST_F(CompactSetTest, CountsWhatIsBelowAKey) {
  EXPECT_EQ(compact_.CountBelow({0, 1, 5}, 1000), 0u);
  for (TaskId id = 10; id <= 10'000; id += 2) compact_.insert({0, 1, id});
  EXPECT_EQ(compact_.CountBelow({0, 1, 10}, 10'000), 0u);
  for (const TaskId id : {11, 12, 13, 511, 522, 523, 1000, 5001, 9999, 10'000}) {
    EXPECT_EQ(compact_.CountBelow({0, 1, id}, 10'000), (id - 9) / 2) << id;
  }
  EXPECT_EQ(compact_.CountBelow({0, 2, 0}, 10'000), compact_.size());
  EXPECT_GE(compact_.CountBelow({0, 2, 0}, 300), 300u);
  EXPECT_LT(compact_.CountBelow({0, 2, 0}, 300), 600u) << "it stops there";
}

TEST_F(CompactSetTest, GivesMemoryBackWhenMostWasTakenFromTheMiddle) {
  for (TaskId id = 1; id <= 100'000; ++id) compact_.insert({0, 1, id});
  const size_t full = compact_.memory_bytes();
  for (TaskId id = 1; id <= 100'000; ++id) {
    if (id % 100 != 0) compact_.erase({0, 1, id});
  }
  EXPECT_EQ(compact_.size(), 1000u);
  EXPECT_LT(compact_.memory_bytes(), full / 20);
}

// What a backlog costs (engine.md, "Dispatch"): 20 types, 5 priorities, batches of 100 that are due at once.
TEST(ReadyOrderMemoryTest, ABacklogCostsFewBytesATask) {
  constexpr TaskId kTasks = 500'000;
  std::mt19937_64 random(3);
  ReadyOrder order;
  for (TaskId id = 1; id <= kTasks; ++id) {
    const WallMicros due = 1'700'000'000'000'000 + static_cast<WallMicros>(id / 100 * 700);
    order.Insert(static_cast<ClassNumber>(1 + random() % 20), order.KeyOf(static_cast<int32_t>(random() % 5), due, id),
                 due);
  }
  EXPECT_LT(order.memory_bytes(), 6 * kTasks);
}

TEST(ReadyOrderMemoryTest, DelayedTasksCostFewBytesToo) {
  constexpr TaskId kTasks = 200'000;
  constexpr WallMicros kNow = 1'700'000'000'000'000;
  std::mt19937_64 random(3);
  ReadyOrder order;
  for (TaskId id = 1; id <= kTasks; ++id) {
    const WallMicros due = kNow + 1 + static_cast<WallMicros>(random() % static_cast<uint64_t>(kHour));
    order.Insert(1, order.KeyOf(0, due, id), kNow);
  }
  EXPECT_LT(order.memory_bytes(), 16 * kTasks);
}

}  // namespace
}  // namespace baton::engine
