// With the thread sanitizer only: correct use of Abseil's synchronization is silent, and a race is still found.

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace baton {
namespace {

// A report makes the process end with this code, see TSAN_OPTIONS in CMakePresets.json.
constexpr int kReportExitCode = 66;
constexpr int kRounds = 2000;

struct Counter {
  absl::Mutex mutex;
  absl::CondVar changed;
  int value ABSL_GUARDED_BY(mutex) = 0;
};

template <typename First, typename Second>
void InParallel(First first, Second second) {
  std::thread other(second);
  first();
  other.join();
}

TEST(AbslSynchronizationTest, WritersAndReaders) {
  Counter counter;
  const auto write = [&] {
    for (int i = 0; i < kRounds; ++i) {
      if (i % 2 == 0 && counter.mutex.TryLock()) {
        ++counter.value;
        counter.mutex.Unlock();
      } else {
        absl::MutexLock lock(&counter.mutex);
        ++counter.value;
      }
    }
  };
  InParallel(write, write);
  absl::ReaderMutexLock lock(&counter.mutex);
  EXPECT_EQ(counter.value, 2 * kRounds);
}

TEST(AbslSynchronizationTest, ReadersBesideAWriter) {
  Counter counter;
  int seen = 0;
  InParallel(
      [&] {
        for (int i = 0; i < kRounds; ++i) {
          absl::WriterMutexLock lock(&counter.mutex);
          ++counter.value;
        }
      },
      [&] {
        for (int i = 0; i < kRounds; ++i) {
          absl::ReaderMutexLock lock(&counter.mutex);
          seen = counter.value;
        }
      });
  EXPECT_LE(seen, kRounds);
}

TEST(AbslSynchronizationTest, AwaitedConditions) {
  Counter counter;
  const auto take_turns = [&](int turn) {
    struct Turn {
      Counter* counter;
      int turn;
      bool Mine() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return counter->value % 2 == turn; }
    } mine{&counter, turn};
    const absl::Condition condition(&mine, &Turn::Mine);
    for (int i = 0; i < kRounds; ++i) {
      if (i % 2 == 0) {
        absl::MutexLock lock(&counter.mutex);
        EXPECT_TRUE(counter.mutex.AwaitWithTimeout(condition, absl::Seconds(30)));
        ++counter.value;
      } else {
        absl::MutexLock lock(&counter.mutex, condition);
        ++counter.value;
      }
    }
  };
  InParallel([&] { take_turns(0); }, [&] { take_turns(1); });
  absl::MutexLock lock(&counter.mutex);
  EXPECT_EQ(counter.value, 2 * kRounds);
}

TEST(AbslSynchronizationTest, ConditionVariables) {
  Counter counter;
  const auto take_turns = [&](int turn) {
    for (int i = 0; i < kRounds; ++i) {
      absl::MutexLock lock(&counter.mutex);
      while (counter.value % 2 != turn) counter.changed.WaitWithTimeout(&counter.mutex, absl::Seconds(30));
      ++counter.value;
      counter.changed.SignalAll();
    }
  };
  InParallel([&] { take_turns(0); }, [&] { take_turns(1); });
  absl::MutexLock lock(&counter.mutex);
  EXPECT_EQ(counter.value, 2 * kRounds);
}

TEST(AbslSynchronizationTest, NotificationsWaitedForOrPolled) {
  for (int i = 0; i < 100; ++i) {
    absl::Notification ready;
    absl::Notification done;
    int message = 0;
    InParallel(
        [&] {
          message = 1;
          ready.Notify();
          while (!done.HasBeenNotified()) std::this_thread::yield();
          EXPECT_EQ(message, 2);
        },
        [&] {
          EXPECT_TRUE(ready.WaitForNotificationWithTimeout(absl::Seconds(30)));
          message = 2;
          done.Notify();
        });
  }
}

TEST(AbslSynchronizationTest, CountersWaitedFor) {
  for (int i = 0; i < 100; ++i) {
    absl::BlockingCounter written(2);
    int messages[2] = {};
    const auto write = [&](int which) {
      messages[which] = 1;
      written.DecrementCount();
    };
    std::thread first(write, 0);
    std::thread second(write, 1);
    written.Wait();
    EXPECT_EQ(messages[0] + messages[1], 2);
    messages[0] = messages[1] = 0;
    first.join();
    second.join();
  }
}

TEST(AbslSynchronizationTest, StatusesSharedByThreads) {
  for (int i = 0; i < 100; ++i) {
    auto status = absl::InternalError("shared");
    absl::Notification copied;
    InParallel(
        [&] {
          copied.WaitForNotification();
          status = absl::OkStatus();
        },
        [&] {
          absl::Status copy = status;
          copied.Notify();
          EXPECT_EQ(copy.message(), "shared");
        });
  }
}

TEST(AbslSynchronizationDeathTest, RaceIsStillFound) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        int unprotected = 0;
        const auto write = [&] {
          absl::Mutex unrelated;
          for (int i = 0; i < kRounds; ++i) {
            absl::MutexLock lock(&unrelated);
            ++unprotected;
          }
        };
        InParallel(write, write);
        std::exit(0);
      },
      ::testing::ExitedWithCode(kReportExitCode), "data race");
}

}  // namespace
}  // namespace baton
