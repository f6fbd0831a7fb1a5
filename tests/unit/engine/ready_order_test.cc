// The order of pending tasks.
#include "broker/engine/ready_order.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr WallMicros kMoment = 1000;

std::vector<TaskId> IdsOf(ReadyOrder& order, ClassNumber class_number) {
  std::vector<TaskId> ids;
  for (const OrderKey& key : order.QueueAt(class_number)) ids.push_back(key.id);
  return ids;
}

TEST(ReadyOrderTest, LargerPriorityThenEarlierDueThenSmallerId) {  // B100
  ReadyOrder order;
  order.Insert(1, order.KeyOf(0, 10, 5), kMoment);
  order.Insert(1, order.KeyOf(0, 10, 4), kMoment);
  order.Insert(1, order.KeyOf(0, 9, 6), kMoment);
  order.Insert(1, order.KeyOf(-20, 1, 1), kMoment);
  order.Insert(1, order.KeyOf(20, 999, 9), kMoment);
  EXPECT_THAT(IdsOf(order, 1), ElementsAre(9, 6, 4, 5, 1));
}

TEST(ReadyOrderTest, ClassesAreApart) {
  ReadyOrder order;
  order.Insert(7, order.KeyOf(0, 1, 1), kMoment);
  order.Insert(3, order.KeyOf(0, 1, 2), kMoment);
  EXPECT_THAT(IdsOf(order, 7), ElementsAre(1));
  EXPECT_THAT(IdsOf(order, 3), ElementsAre(2));
  EXPECT_THAT(IdsOf(order, 5), IsEmpty());
}

TEST(ReadyOrderTest, InsertTellsWhetherTheTaskIsDue) {
  ReadyOrder order;
  EXPECT_TRUE(order.Insert(1, order.KeyOf(0, kMoment, 1), kMoment));
  EXPECT_FALSE(order.Insert(1, order.KeyOf(0, kMoment + 1, 2), kMoment));
  EXPECT_EQ(order.size(), 2u);
  EXPECT_EQ(order.next_due(), kMoment + 1);
}

TEST(ReadyOrderTest, PromotesWhatIsDueInOrderOfDueTimesUpToALimit) {
  ReadyOrder order;
  EXPECT_EQ(order.next_due(), std::numeric_limits<WallMicros>::max());
  order.Insert(1, order.KeyOf(5, kMoment + 3, 1), kMoment);
  order.Insert(2, order.KeyOf(0, kMoment + 2, 2), kMoment);
  order.Insert(1, order.KeyOf(0, kMoment + 1, 3), kMoment);
  order.Insert(1, order.KeyOf(0, kMoment + 9, 4), kMoment);
  std::vector<ClassNumber> promoted;
  const auto promote = [&](WallMicros now, size_t limit) {
    order.Promote(now, limit, [&](ClassNumber class_number) { promoted.push_back(class_number); });
  };
  promote(kMoment + 3, 2);
  EXPECT_THAT(promoted, ElementsAre(1, 2));
  EXPECT_THAT(IdsOf(order, 1), ElementsAre(3));
  promote(kMoment + 3, 2);
  EXPECT_THAT(promoted, ElementsAre(1, 2, 1));
  EXPECT_THAT(IdsOf(order, 1), ElementsAre(1, 3));
  EXPECT_EQ(order.next_due(), kMoment + 9);
}

TEST(ReadyOrderTest, RemovesDueAndDelayedTasksAndForgivesUnknownOnes) {
  ReadyOrder order;
  order.Insert(1, order.KeyOf(1, 1, 1), kMoment);
  order.Insert(1, order.KeyOf(1, kMoment + 5, 2), kMoment);
  order.Remove(1, order.KeyOf(1, kMoment + 5, 3));
  EXPECT_EQ(order.size(), 2u);
  order.Remove(1, order.KeyOf(1, 1, 1));
  order.Remove(1, order.KeyOf(1, kMoment + 5, 2));
  EXPECT_EQ(order.size(), 0u);
  EXPECT_EQ(order.next_due(), std::numeric_limits<WallMicros>::max());
}

TEST(ReadyOrderTest, WithAgeingAWaitOutweighsAStepOfPriority) {
  ReadyOrder order(100);
  order.Insert(1, order.KeyOf(0, 500, 1), kMoment);
  order.Insert(1, order.KeyOf(1, 599, 2), kMoment);
  order.Insert(1, order.KeyOf(1, 601, 3), kMoment);
  order.Insert(1, order.KeyOf(5, 990, 4), kMoment);
  order.Insert(1, order.KeyOf(-5, 50, 5), kMoment);
  order.Insert(1, order.KeyOf(1, 600, 6), kMoment);
  EXPECT_THAT(IdsOf(order, 1), ElementsAre(4, 2, 6, 1, 3, 5)) << "of equal ones the larger priority comes first";
}

TEST(ReadyOrderTest, AKeyTellsWhenItsTaskIsDue) {
  for (const Micros ageing : {Micros{0}, Micros{1}, kMinute, 365 * kDay}) {
    const ReadyOrder order(ageing);
    for (const int32_t priority : {-20, 0, 20}) {
      for (const WallMicros due : {WallMicros{0}, WallMicros{1'700'000'000} * kSecond,
                                   std::numeric_limits<WallMicros>::max(), std::numeric_limits<WallMicros>::min()}) {
        EXPECT_EQ(order.DueOf(order.KeyOf(priority, due, 1)), due);
      }
    }
  }
}

TEST(ReadyOrderTest, WithAgeingDelayedTasksComeToTheirPlaceWhenTheyAreDue) {
  ReadyOrder order(10);
  order.Insert(1, order.KeyOf(0, kMoment - 15, 1), kMoment);
  order.Insert(1, order.KeyOf(2, kMoment + 1, 2), kMoment);
  order.Insert(1, order.KeyOf(1, kMoment + 2, 3), kMoment);
  EXPECT_EQ(order.next_due(), kMoment + 1);
  order.Promote(kMoment + 2, 10, [](ClassNumber) {});
  EXPECT_THAT(IdsOf(order, 1), ElementsAre(2, 1, 3));
  order.Remove(1, order.KeyOf(2, kMoment + 1, 2));
  EXPECT_THAT(IdsOf(order, 1), ElementsAre(1, 3));
}

TEST(ReadyOrderTest, AgreesWithASortedListOverManyRandomSteps) {
  std::mt19937 random(7);
  for (const Micros ageing : {0, 1, 100}) {
    ReadyOrder order(ageing);
    std::vector<OrderKey> due;
    for (TaskId id = 1; id <= 2000; ++id) {
      const OrderKey key =
          order.KeyOf(static_cast<int32_t>(random() % 41) - 20, static_cast<WallMicros>(random() % kMoment), id);
      order.Insert(1, key, kMoment);
      due.push_back(key);
      if (random() % 3 == 0) {
        const size_t gone = random() % due.size();
        order.Remove(1, due[gone]);
        due.erase(due.begin() + static_cast<ptrdiff_t>(gone));
      }
    }
    std::sort(due.begin(), due.end());
    EXPECT_THAT(order.QueueAt(1), ::testing::ElementsAreArray(due)) << "ageing " << ageing;
  }
}

}  // namespace
}  // namespace baton::engine
